// Compiles all programs of a collection (weft-inspect run) for processors that this machine need
// not have, down to objects: cross-kernels FOLDER. Says how many kernels there were; exit status 1
// where one could not be emitted.
#include "codegen/cpu/emit.h"
#include "codegen/import.h"
#include "ir/loom/loom.h"
#include "passes/pipeline.h"
#include "passes/register.h"
#include "runtime/program/collection.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/TargetSelect.h"

#include <cstdio>
#include <set>

namespace {

struct Target {
  const char *triple, *cpu;
  uint16_t machine; // in the object's header
};
// x86-64-v3 is run, by other tests.
constexpr Target kTargets[] = {{"aarch64-unknown-linux-gnu", "generic", llvm::ELF::EM_AARCH64}};

void initialize() {
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
}

/// Returns what is wrong with the objects of a program, or nothing.
std::string check(const std::vector<std::string>& objects, const Target& target) {
  std::set<std::string> needed, given;
  for (const std::string& bytes : objects) {
    auto object =
        llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(bytes, "kernels"));
    if (!object) return llvm::toString(object.takeError());
    const auto* elf = llvm::cast<llvm::object::ELFObjectFileBase>(object->get());
    if (elf->getEMachine() != target.machine) return "it is for another machine";
    for (const llvm::object::ELFSymbolRef& symbol : elf->symbols()) {
      auto flags = symbol.getFlags();
      auto name = symbol.getName();
      if (!flags || !name) return "its symbols cannot be read";
      const bool isUndefined = *flags & llvm::object::SymbolRef::SF_Undefined;
      (isUndefined ? needed : given).insert(name->str());
    }
  }
  for (const std::string& name : needed)
    if (!name.empty() && !given.contains(name)) return "it needs " + name;
  return "";
}

/// Compiles a segment for a target; counts its kernels.
std::string compile(const weft::Segment& segment, const Target& target, size_t& kernels) {
  auto cpu = weft::cpu::CpuTarget::named(target.cpu, target.triple);
  if (!cpu) return llvm::toString(cpu.takeError());
  mlir::DialectRegistry registry;
  weft::registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  weft::PipelineOptions options;
  options.vector_bits = cpu->vector_bits;
  options.tiles = true;
  weft::PipelineReport report;
  auto module = weft::import_segment(segment, context);
  if (!weft::runPipeline(*module, options, report)) return report.error;
  if (module->getOps<weft::loom::KernelOp>().empty()) return "";
  auto emitted = weft::cpu::emitKernels(*module, *cpu, {});
  if (!emitted) return llvm::toString(emitted.takeError());
  kernels += emitted->kernels.size();
  return check(emitted->objects, target);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "cross-kernels: takes the folder of a collection\n");
    return 2;
  }
  initialize();
  int failures = 0;
  for (const Target& target : kTargets) {
    size_t programs = 0, kernels = 0;
    for (const weft::Collected& c : weft::read_collection(argv[1])) {
      if (!c.report.failure.empty() || c.program.device != weft::DeviceType::cpu) continue;
      programs++;
      const std::string wrong = compile(c.segment, target, kernels);
      if (wrong.empty()) continue;
      std::printf("%s, program %llu of %s: %s\n", target.cpu,
                  static_cast<unsigned long long>(c.number), c.process.c_str(), wrong.c_str());
      failures++;
    }
    std::printf("%s %s: %zu programs, %zu kernels\n", target.triple, target.cpu, programs, kernels);
    if (kernels == 0) failures++;
  }
  return failures ? 1 : 0;
}
