// Runs loom kernels on this processor: emitted, linked and loaded as a program's code is.
#include "codegen/cpu/emit.h"
#include "passes/schedule.h"
#include "runtime/program/kernel_abi.h"
#include "test/unit/loom_harness.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace weft::test {
namespace {

struct Loaded {
  int file = -1;
  void* handle = nullptr;
  explicit Loaded(const std::string& object) {
    file = memfd_create("kernels", 0);
    if (file < 0 || write(file, object.data(), object.size()) != ssize_t(object.size())) return;
    handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  ~Loaded() {
    if (handle) dlclose(handle);
    if (file >= 0) close(file);
  }
};

std::string runEmitted(const LoomRun& run, ModuleOp module, loom::KernelOp kernel,
                       std::vector<std::vector<char>>& memory, LoomOutcome& outcome) {
  auto target = cpu::CpuTarget::named(run.cpu);
  if (!target) return toString(target.takeError());
  if (run.scheduled) loom::scheduleKernel(kernel, {target->vector_bits});
  auto emitted = cpu::emitKernels(module, *target);
  if (!emitted) return toString(emitted.takeError());
  // Code for wider vectors than this processor has is emitted and linked; what runs is the host's.
  const cpu::CpuTarget host = cpu::CpuTarget::host();
  if (target->vector_bits > host.vector_bits) {
    if (auto wide = cpu::linkSharedObject(emitted->objects); !wide)
      return toString(wide.takeError());
    emitted = cpu::emitKernels(module, host);
    if (!emitted) return toString(emitted.takeError());
  }
  auto linked = cpu::linkSharedObject(emitted->objects);
  if (!linked) return toString(linked.takeError());
  Loaded loaded(*linked);
  auto function = loaded.handle
                      ? weft_kernel_fn(dlsym(loaded.handle, kernel.getSymName().str().c_str()))
                      : nullptr;
  if (!function) return std::string("dlopen: ") + dlerror();
  SmallVector<int64_t> sizes;
  size_t first_size = run.arguments.size() - kernel.getSizes().size();
  for (size_t i = first_size; i < run.arguments.size(); ++i)
    sizes.push_back(run.arguments[i]);
  int64_t scratch = *loom::evaluateSizes(emitted->kernels[0].scratch_bytes, sizes);
  std::vector<char> scratch_memory(size_t(scratch) + 64);
  void* aligned =
      scratch_memory.data() + (64 - reinterpret_cast<uintptr_t>(scratch_memory.data()) % 64) % 64;
  weft_kernel_context context{WEFT_KERNEL_ABI, &outcome.emitted_error, aligned, nullptr};
  std::vector<void*> pointers;
  for (auto& bytes : memory)
    pointers.push_back(bytes.data());
  AffineMap phases = emitted->kernels[0].chunks;
  for (unsigned phase = 0; phase < phases.getNumResults(); ++phase) {
    int64_t chunks = *loom::evaluateSizes(phases, sizes, phase), first = outcome.chunks;
    for (int64_t piece = run.pieces; piece-- > 0;)
      function(&context, pointers.data(), run.arguments.data(), first + chunks * piece / run.pieces,
               first + chunks * (piece + 1) / run.pieces);
    outcome.chunks += chunks;
  }
  return {};
}

} // namespace

LoomOutcome runBoth(const LoomRun& run) { return runAgainst(run, runEmitted); }

} // namespace weft::test
