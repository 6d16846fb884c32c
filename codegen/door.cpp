// The compiler's door: bytes of a segment in, bytes of a program out, through one C function. No
// exception leaves it. Calls share nothing but LLVM's registries, so any thread may make one.
#include "codegen/cpu/emit.h"
#include "codegen/gpu/emit.h"
#include "codegen/import.h"
#include "codegen/kept_leaves.h"
#include "codegen/program_builder.h"
#include "ir/loom/loom.h"
#include "passes/register.h"
#include "runtime/program/compiler_abi.h"

#include "mlir/IR/MLIRContext.h"

#include <map>

using namespace mlir;

namespace weft {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

/// Reads "key=value" lines.
Options parse(StringRef text) {
  Options options;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    auto [key, value] = line.split('=');
    if (!key.empty()) options[key.str()] = value.str();
    text = rest;
  }
  return options;
}

std::string option(const Options& options, StringRef key) {
  auto it = options.find(key.str());
  return it == options.end() ? "" : it->second;
}

template <class T> T take(llvm::Expected<T> value) {
  if (value) return std::move(*value);
  throw Error(ErrorKind::unsupported, "compile: " + llvm::toString(value.takeError()));
}

/// A kernel as device C, or why there is none.
std::string device_text(loom::KernelOp kernel) {
  auto device = gpu::emitKernel(kernel);
  if (!device) return "// " + llvm::toString(device.takeError()) + "\n";
  std::string text;
  for (const gpu::DeviceKernel& phase : *device)
    text += (text.empty() ? "" : "\n") + phase.text;
  return text;
}

int32_t kernel_number(const Program& program, StringRef symbol) {
  for (size_t k = 0; k < program.kernels.size(); k++)
    if (program.kernels[k].symbol == symbol) return static_cast<int32_t>(k);
  return -1;
}

/// Adds each kernel's own text: scheduled loom, device C, LLVM IR, assembly.
void keep_kernels(ModuleOp module, const cpu::EmittedModule& emitted, Program& program) {
  for (auto kernel : module.getOps<loom::KernelOp>()) {
    int32_t number = kernel_number(program, kernel.getSymName());
    program.stages.push_back(program_stage(number, "loom", printStage(kernel)));
    program.stages.back().text += "\n";
    program.stages.push_back({number, "device", device_text(kernel)});
  }
  for (const cpu::EmittedKernel& kernel : emitted.kernels) {
    int32_t number = kernel_number(program, kernel.symbol);
    if (!kernel.llvm_text.empty()) program.stages.push_back({number, "llvm", kernel.llvm_text});
    if (!kernel.asm_text.empty()) program.stages.push_back({number, "asm", kernel.asm_text});
  }
}

/// The program of a module whose kernels run on a device: device C of all of them.
Program for_device(ModuleOp module, const Segment& segment, gpu::Dialect dialect,
                   PipelineReport& report, bool keep_stages) {
  StepClock& clock = report.clock;
  DeviceKernels kernels;
  std::vector<gpu::DeviceKernel> all;
  for (auto kernel : module.getOps<loom::KernelOp>()) {
    auto phases = clock.time(
        "emit", [&] { return take(gpu::emitKernel(kernel)); }, kernel.getSymName());
    all.insert(all.end(), phases.begin(), phases.end());
    kernels[kernel.getSymName()] = std::move(phases);
  }
  Program program =
      clock.time("build program", [&] { return build_program(module, segment, report, kernels); });
  program.device = dialect == gpu::Dialect::opencl ? DeviceType::opencl : DeviceType::cuda;
  program.code = all.empty() ? "" : gpu::sourceOf(all, dialect);
  for (size_t k = 0; keep_stages && k < all.size(); k++)
    program.stages.push_back({static_cast<int32_t>(k), "device", all[k].text});
  return program;
}

void add_steps(const StepClock& clock, Program& program) {
  for (const StepClock::Step& s : clock.steps)
    program.steps.push_back(
        {s.name, s.kernel.empty() ? -1 : kernel_number(program, s.kernel), s.start_ms, s.ms});
}

Program compile(const weft_compile_request& request) {
  PipelineReport report;
  StepClock& clock = report.clock;
  double start = clock.now();
  Options options = parse(request.options ? request.options : "");
  Segment segment = Segment::deserialize({request.segment.data, request.segment.size});
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  // "cpu": only to look at. "run_as": of those whose code runs here.
  std::string named = option(options, "cpu"), run_as = option(options, "run_as");
  cpu::CpuTarget target = !run_as.empty() ? take(cpu::CpuTarget::runnable(run_as))
                          : named.empty() ? cpu::CpuTarget::host()
                                          : take(cpu::CpuTarget::named(named));
  clock.add("MLIR set-up", {}, start, clock.now() - start);

  PipelineOptions pipeline;
  pipeline.disable = option(options, "disable");
  pipeline.print = option(options, "print");
  pipeline.keep_stages = option(options, "keep_stages") == "1";
  pipeline.vector_bits = target.vector_bits;
  std::string budget = option(options, "memory_budget");
  pipeline.memory_budget = budget.empty() ? 0 : std::stoll(budget);
  std::string device = option(options, "device");
  pipeline.tiles = device.empty();
  OwningOpRef<ModuleOp> module =
      clock.time("import", [&] { return import_segment(segment, context); });
  if (!runPipeline(*module, pipeline, report))
    throw Error(ErrorKind::internal, "compile: " + report.error);

  if (!device.empty()) {
    auto dialect = gpu::dialectNamed(device);
    if (!dialect)
      throw Error(ErrorKind::unsupported, "compile: device must be opencl or cuda, got " + device);
    Program program = for_device(*module, segment, *dialect, report, pipeline.keep_stages);
    program.target = option(options, "target");
    add_steps(clock, program);
    return program;
  }
  cpu::EmitOptions emit;
  emit.keep_llvm = emit.keep_asm = pipeline.keep_stages;
  emit.clock = &clock;
  bool has_kernels = !module->getOps<loom::KernelOp>().empty();
  cpu::EmittedModule emitted;
  mark_kept(*module);
  if (has_kernels) emitted = take(cpu::emitKernels(*module, target, emit));
  Program program =
      clock.time("build program", [&] { return build_program(*module, segment, report); });
  program.target = option(options, "target");
  if (has_kernels)
    program.code = clock.time("link", [&] { return take(cpu::linkSharedObject(emitted.objects)); });
  if (pipeline.keep_stages) clock.time("stages", [&] { keep_kernels(*module, emitted, program); });
  add_steps(clock, program);
  return program;
}

int answer(const weft_compile_request& request, std::string& bytes) {
  try {
    if (request.abi != WEFT_COMPILER_ABI)
      throw Error(ErrorKind::unsupported,
                  "compile: libweft and libweft-compiler must be of one version, got ABI " +
                      std::to_string(request.abi) + " and " + std::to_string(WEFT_COMPILER_ABI));
    bytes = compile(request).serialize();
    return WEFT_COMPILE_OK;
  } catch (const Error& e) {
    bytes = e.what();
    return e.kind() == ErrorKind::unsupported ? WEFT_COMPILE_UNSUPPORTED : WEFT_COMPILE_INTERNAL;
  } catch (const std::exception& e) {
    bytes = std::string("compile: ") + e.what();
  } catch (...) {
    bytes = "compile: an unknown exception";
  }
  return WEFT_COMPILE_INTERNAL;
}

} // namespace
} // namespace weft

extern "C" {

__attribute__((visibility("default"))) int weft_compile(const weft_compile_request* request,
                                                        weft_bytes* result, void** handle) {
  auto* text = new (std::nothrow) std::string;
  *handle = text;
  *result = {nullptr, 0};
  if (!text) return WEFT_COMPILE_INTERNAL;
  int rc = weft::answer(*request, *text);
  *result = {reinterpret_cast<const uint8_t*>(text->data()), text->size()};
  return rc;
}

__attribute__((visibility("default"))) void weft_compile_release(void* handle) {
  delete static_cast<std::string*>(handle);
}
}
