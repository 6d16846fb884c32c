// Runs loom kernels as OpenCL C on the first device: without a GPU that is PoCL, on the processor.
#include "codegen/gpu/emit.h"
#include "passes/schedule.h"
#include "test/unit/device_opencl.h"
#include "test/unit/loom_harness.h"
#include "weft/error.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

using namespace mlir;

// What drivers never free is not for the leak sanitizer to report.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libpocl\nleak:libLLVM\nleak:libOpenCL\n";
}

namespace weft::test {
namespace {

std::string runOnDevice(gpu::opencl::ClDevice& device, const LoomRun& run, loom::KernelOp kernel,
                        std::vector<std::vector<char>>& memory, LoomOutcome& outcome) {
  if (run.scheduled) loom::scheduleKernel(kernel);
  auto emitted = gpu::emitKernel(kernel);
  if (!emitted) return toString(emitted.takeError());
  size_t first_size = run.arguments.size() - kernel.getSizes().size();
  std::vector<std::span<std::byte>> buffers;
  for (auto& bytes : memory)
    buffers.push_back(std::as_writable_bytes(std::span(bytes)));
  try {
    gpu::opencl::ClProgram program(device, gpu::sourceOf(*emitted, gpu::Dialect::opencl));
    for (const gpu::DeviceKernel& phase : *emitted) {
      gpu::Launch launch = gpu::launchOf(phase, ArrayRef(run.arguments).drop_front(first_size));
      outcome.chunks += launch.blocks;
      outcome.emitted_error =
          std::max(outcome.emitted_error, program.run(launch, buffers, run.arguments));
    }
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

} // namespace

gpu::opencl::ClDevice* openclDevice() {
  // PoCL finds no device where the folder for its cache cannot be made in one step.
  std::error_code ignored;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"))
    std::filesystem::create_directories(cache, ignored);
  try {
    return &gpu::opencl::ClDevice::get();
  } catch (const Error& error) {
    std::printf("SKIPPED: %s\n", error.what());
    return nullptr;
  }
}

LoomOutcome runBoth(const LoomRun& run) {
  // What names a processor runs once.
  if (run.cpu != "native") return {};
  gpu::opencl::ClDevice* device = openclDevice();
  if (!device) return {};
  return runAgainst(run, [&](const LoomRun& r, ModuleOp, loom::KernelOp kernel,
                             std::vector<std::vector<char>>& memory, LoomOutcome& outcome) {
    return runOnDevice(*device, r, kernel, memory, outcome);
  });
}

} // namespace weft::test
