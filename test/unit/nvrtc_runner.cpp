// Compiles loom kernels as CUDA C for two architectures. Nothing runs: the interpreter stands in
// for the GPU, so that tests of results hold.
#include "codegen/gpu/emit.h"
#include "ir/interp/loom_interpreter.h"
#include "passes/schedule.h"
#include "runtime/device/nvrtc.h"
#include "test/unit/loom_harness.h"
#include "weft/error.h"

#include <cstdio>
#include <set>

using namespace mlir;

namespace weft::test {
namespace {

std::string compile(const device::Nvrtc& nvrtc, const LoomRun& run, loom::KernelOp kernel) {
  // One compilation for each text: constants in it make no difference to what is tested.
  static std::set<std::string> seen;
  if (!seen.insert(run.text).second) return {};
  if (run.scheduled) loom::scheduleKernel(kernel);
  auto emitted = gpu::emitKernel(kernel);
  if (!emitted) return toString(emitted.takeError());
  std::string source = gpu::sourceOf(*emitted, gpu::Dialect::cuda);
  try {
    for (const char* architecture : {"sm_80", "sm_90"}) {
      std::string cubin = nvrtc.compile(source, emitted->front().name + ".cu", architecture);
      if (cubin.substr(1, 3) != "ELF") return "a cubin must be an ELF object";
      // Entries are unmangled symbols.
      for (const gpu::DeviceKernel& phase : *emitted)
        if (cubin.find(".text." + phase.name) == std::string::npos)
          return "a cubin must have the kernel " + phase.name;
    }
  } catch (const Error& error) {
    return std::string(error.what()) + source;
  }
  return {};
}

} // namespace

LoomOutcome runBoth(const LoomRun& run) {
  const device::Nvrtc* nvrtc = nullptr;
  try {
    nvrtc = &device::Nvrtc::get();
  } catch (const Error& error) {
    std::printf("SKIPPED: %s\n", error.what());
    return {};
  }
  return runAgainst(run, [&](const LoomRun& r, ModuleOp, loom::KernelOp kernel,
                             std::vector<std::vector<char>>& memory, LoomOutcome& outcome) {
    std::vector<void*> buffers;
    for (auto& bytes : memory)
      buffers.push_back(bytes.data());
    outcome.emitted_error = interp::runKernel(kernel, buffers, r.arguments);
    return compile(*nvrtc, r, kernel);
  });
}

} // namespace weft::test
