// Finds out what the processor has and creates LLVM's target machine for it.
#include "codegen/cpu/target.h"

#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

#include <mutex>

namespace weft::cpu {
namespace {

void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
}

llvm::Expected<const llvm::Target*> findTarget(const llvm::Triple& triple) {
  initializeTargets();
  std::string message;
  if (const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, message))
    return target;
  return llvm::createStringError("cpu target: LLVM must know the architecture, got " + message);
}

int widthOf(const CpuTarget& target) {
  if (!target.isX86()) return 128;
  return target.has("avx512f") && target.has("avx512dq") && target.has("avx512bw") &&
                 target.has("avx512vl")
             ? 512
         : target.has("avx2") ? 256
                              : 128;
}

} // namespace

bool CpuTarget::isX86() const { return llvm::Triple(triple).isX86(); }

bool CpuTarget::masksAreVectors() const { return isX86() && vector_bits < 512; }

bool CpuTarget::has(llvm::StringRef feature) const {
  bool found = false;
  llvm::SmallVector<llvm::StringRef, 128> words;
  llvm::StringRef(features).split(words, ',', -1, false);
  for (llvm::StringRef word : words)
    if (word.drop_front() == feature) found = word.front() == '+';
  return found;
}

CpuTarget CpuTarget::host() {
  CpuTarget target;
  target.triple = llvm::sys::getProcessTriple();
  target.cpu = llvm::sys::getHostCPUName().str();
  std::vector<std::string> words;
  for (const auto& feature : llvm::sys::getHostCPUFeatures())
    words.push_back((feature.second ? "+" : "-") + feature.first().str());
  std::sort(words.begin(), words.end());
  target.features = llvm::join(words, ",");
  target.vector_bits = widthOf(target);
  return target;
}

llvm::Expected<CpuTarget> CpuTarget::named(const std::string& cpu, std::string of) {
  if (of.empty() && (cpu.empty() || cpu == "native")) return host();
  CpuTarget target;
  target.triple = of.empty() ? llvm::sys::getProcessTriple() : std::move(of);
  target.cpu = cpu;
  llvm::Triple triple(target.triple);
  auto found = findTarget(triple);
  if (!found) return found.takeError();
  std::unique_ptr<llvm::MCSubtargetInfo> none((*found)->createMCSubtargetInfo(triple, "", ""));
  if (!none || !none->isCPUStringValid(cpu))
    return llvm::createStringError("cpu target: must be a processor that LLVM knows, got '" + cpu +
                                   "'");
  std::unique_ptr<llvm::MCSubtargetInfo> info((*found)->createMCSubtargetInfo(triple, cpu, ""));
  std::vector<std::string> words;
  for (const llvm::SubtargetFeatureKV& feature : info->getAllProcessorFeatures())
    if (info->getFeatureBits().test(feature.Value)) words.push_back("+" + std::string(feature.Key));
  std::sort(words.begin(), words.end());
  target.features = llvm::join(words, ",");
  target.vector_bits = widthOf(target);
  return target;
}

llvm::Expected<CpuTarget> CpuTarget::runnable(const std::string& cpu) {
  llvm::Expected<CpuTarget> target = named(cpu);
  if (!target) return target;
  for (const auto& feature : llvm::sys::getHostCPUFeatures())
    if (!feature.second && target->has(feature.first()))
      return llvm::createStringError("cpu target: must be a processor whose code runs here, got '" +
                                     cpu + "', which has " + feature.first().str());
  return target;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> CpuTarget::createMachine() const {
  llvm::Triple parsed(triple);
  auto found = findTarget(parsed);
  if (!found) return found.takeError();
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.MCOptions.AsmVerbose = true; // listings say what is spilled
  std::string all = features;
  if (vector_bits == 512) all += ",-prefer-256-bit";
  std::unique_ptr<llvm::TargetMachine> machine(
      (*found)->createTargetMachine(parsed, cpu, all, options, llvm::Reloc::PIC_,
                                    llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  if (!machine)
    return llvm::createStringError("cpu target: LLVM must have a machine for " + triple);
  return machine;
}

} // namespace weft::cpu
