// Runs loom kernels as device C: on OpenCL's first device, without a GPU that is PoCL on the
// processor, or on CUDA's.
#include "test/unit/device_runner.h"
#include "codegen/gpu/emit.h"
#include "passes/schedule.h"
#include "test/unit/loom_harness.h"
#include "weft/error.h"

#include <bit>
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

/// A kernel's memory on the device for one run.
class Buffers {
public:
  Buffers(device::Backend& device, std::vector<std::vector<char>>& host)
      : device_(device), host_(host) {
    for (const std::vector<char>& bytes : host) {
      buffers.push_back(device.allocate(std::max<size_t>(bytes.size(), 8)));
      if (!bytes.empty()) device.copy_in(buffers.back(), bytes.data(), bytes.size());
    }
    const uint32_t none[2] = {};
    error = device.allocate(sizeof none);
    device.copy_in(error, none, sizeof none);
  }
  ~Buffers() {
    for (device::Address b : buffers)
      device_.free(b);
    device_.free(error);
    if (scratch) device_.free(scratch);
  }
  Buffers(const Buffers&) = delete;
  /// Copies everything back and returns the error's code.
  uint32_t read() {
    for (size_t k = 0; k < host_.size(); ++k)
      if (!host_[k].empty()) device_.copy_out(host_[k].data(), buffers[k], host_[k].size())->wait();
    uint32_t words[2];
    device_.copy_out(words, error, sizeof words)->wait();
    return words[1];
  }

  std::vector<device::Address> buffers;
  device::Address error = nullptr, scratch = nullptr;

private:
  device::Backend& device_;
  std::vector<std::vector<char>>& host_;
};

// Arguments as launch.h says.
std::vector<device::Argument> argumentsOf(const gpu::Launch& launch, const Buffers& memory,
                                          ArrayRef<int64_t> scalars) {
  using device::Argument;
  std::vector<Argument> arguments;
  size_t buffer = 0, scalar = 0;
  for (gpu::ArgumentKind kind : launch.arguments) {
    if (kind == gpu::ArgumentKind::buffer) {
      arguments.push_back(Argument::buffer(memory.buffers[buffer++]));
      continue;
    }
    int64_t bits = scalars[scalar++];
    if (kind == gpu::ArgumentKind::f32)
      arguments.push_back(
          Argument::half_word(std::bit_cast<uint32_t>(float(std::bit_cast<double>(bits)))));
    else
      arguments.push_back(Argument::word(uint64_t(bits)));
  }
  arguments.push_back(Argument::pointer(memory.error));
  arguments.push_back(Argument::half_word(1));
  arguments.push_back(Argument::pointer(memory.scratch));
  return arguments;
}

std::string runOnDevice(device::Backend& device, const LoomRun& run, loom::KernelOp kernel,
                        std::vector<std::vector<char>>& memory, LoomOutcome& outcome) {
  if (run.scheduled) loom::scheduleKernel(kernel);
  auto emitted = gpu::emitKernel(kernel);
  if (!emitted) return toString(emitted.takeError());
  size_t first_size = run.arguments.size() - kernel.getSizes().size();
  try {
    auto module = device.build(gpu::sourceOf(*emitted, *gpu::dialectNamed(device.language())));
    for (const gpu::DeviceKernel& phase : *emitted) {
      gpu::Launch launch = gpu::launchOf(phase, ArrayRef(run.arguments).drop_front(first_size));
      outcome.chunks += launch.blocks;
      if (launch.blocks == 0) continue;
      Buffers buffers(device, memory);
      size_t scratch = size_t(launch.blocks) * size_t(launch.scratch_bytes);
      if (scratch) buffers.scratch = device.allocate(scratch);
      device.launch(module->kernel(launch.kernel), launch.blocks, launch.threads,
                    argumentsOf(launch, buffers, run.arguments));
      outcome.emitted_error = std::max(outcome.emitted_error, buffers.read());
    }
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

} // namespace

device::Backend* kernelDevice() {
  // PoCL finds no device where the folder for its cache cannot be made in one step.
  std::error_code ignored;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"))
    std::filesystem::create_directories(cache, ignored);
  const char* named = std::getenv("WEFT_TEST_DEVICE");
  try {
    // Never closed: at the process's end the driver may be gone before us.
    static device::Backend* opened =
        (named && named == std::string("cuda") ? device::open_cuda(0) : device::open_opencl(0))
            .release();
    return opened;
  } catch (const Error& error) {
    std::printf("SKIPPED: %s\n", error.what());
    return nullptr;
  }
}

LoomOutcome runBoth(const LoomRun& run) {
  // What names a processor runs once.
  if (run.cpu != "native") return {};
  device::Backend* device = kernelDevice();
  if (!device) return {};
  return runAgainst(run, [&](const LoomRun& r, ModuleOp, loom::KernelOp kernel,
                             std::vector<std::vector<char>>& memory, LoomOutcome& outcome) {
    return runOnDevice(*device, r, kernel, memory, outcome);
  });
}

} // namespace weft::test
