// libcuda.so.1 for machines without a GPU: one device of 9.0 whose memory is the host's and whose
// stream runs, when somebody waits for it, what compiler.cpp made of CUDA C. It is strict where the
// driver is: a call without a context, a free of memory that the stream still uses, a copy outside
// of memory, threads of a block that do not meet at a barrier are errors.
#include "runtime/device/cuda_driver.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

using namespace weft::device::cuda;

/// A kernel with its arguments, as compiler.cpp makes it.
struct Call {
  void (*run)(void*);
  void (*drop)(void*);
  void* data;
};

struct CUctx_st {};
struct CUstream_st {};
struct CUmod_st {
  void* library;
  unsigned *thread, *block, *blocks;
  void (**sync)();
};
struct CUfunc_st {
  CUmod_st* module;
  void (*bind)(void** arguments, Call& call);
};
struct CUevent_st {
  using Time = std::chrono::steady_clock::time_point;
  size_t place = 0;           // how much of the stream is before it
  std::shared_ptr<Time> time; // when the stream came there; null: it is without timing
};

namespace {

constexpr Result kInvalidValue = 1, kInvalidImage = 200, kInvalidContext = 201,
                 kInvalidHandle = 400, kIllegalState = 401, kNotFound = 500, kIllegalAddress = 700,
                 kLaunchFailed = 719;

CUctx_st the_context;
CUstream_st the_stream;
thread_local std::vector<CUctx_st*> stack;

std::mutex mutex; // guards all that follows
std::map<char*, size_t> allocations;
std::vector<std::function<Result()>> queue;
size_t enqueued = 0, done = 0;
Result broken = kSuccess;

bool is_current() { return !stack.empty() && stack.back(); }

bool is_memory(DevicePointer begin, size_t nbytes) {
  auto* address = reinterpret_cast<char*>(begin);
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin()) return false;
  auto [start, size] = *--after;
  return address + nbytes <= start + size;
}

Result enqueue(std::function<Result()> what) {
  if (!is_current()) return kInvalidContext;
  if (broken) return broken;
  queue.push_back(std::move(what));
  enqueued++;
  return kSuccess;
}

Result run_up_to(size_t place) {
  if (!is_current()) return kInvalidContext;
  if (place <= done) return broken;
  for (auto& what : std::exchange(queue, {})) {
    if (!broken) broken = what();
    done++;
  }
  return broken;
}

/// The threads of a block, each with a stack of its own from the first barrier on.
class Block {
public:
  Result run(CUmod_st& module, unsigned threads, const std::function<void()>& call) {
    module_ = &module;
    call_ = &call;
    *module.sync = [] { current->wait(); };
    current = this;
    step(0);
    if (fibers_[0]->finished) { // a kernel without barriers
      for (unsigned t = 1; t < threads; t++) {
        *module.thread = t;
        call();
      }
      return kSuccess;
    }
    for (unsigned t = 1; t < threads; t++)
      step(t);
    for (;;) {
      for (unsigned t = 1; t < threads; t++)
        if (fibers_[t]->finished != fibers_[0]->finished) return kLaunchFailed;
      if (fibers_[0]->finished) return kSuccess;
      for (unsigned t = 0; t < threads; t++)
        resume(t);
    }
  }

private:
  struct Fiber { // stays where it is: a context holds addresses of its own
    ucontext_t context;
    bool finished = false;
    alignas(16) char stack[size_t{1} << 17];
  };

  void step(unsigned t) {
    while (fibers_.size() <= t)
      fibers_.push_back(std::make_unique<Fiber>());
    Fiber& f = *fibers_[t];
    f.finished = false;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = sizeof f.stack;
    f.context.uc_link = &scheduler_;
    makecontext(
        &f.context, [] { current->begin(); }, 0);
    resume(t);
  }
  void resume(unsigned t) {
    running_ = t;
    *module_->thread = t;
    swapcontext(&scheduler_, &fibers_[t]->context);
  }
  void begin() {
    (*call_)();
    fibers_[running_]->finished = true;
  }
  void wait() { swapcontext(&fibers_[running_]->context, &scheduler_); }

  static inline Block* current = nullptr;
  CUmod_st* module_ = nullptr;
  const std::function<void()>* call_ = nullptr;
  unsigned running_ = 0;
  ucontext_t scheduler_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
};

Result launch(CUmod_st& module, unsigned blocks, unsigned threads,
              const std::function<void()>& call) {
  static Block& block = *new Block;
  *module.blocks = blocks;
  for (unsigned b = 0; b < blocks; b++) {
    *module.block = b;
    *module.thread = 0;
    if (Result code = block.run(module, threads, call)) return code;
  }
  return kSuccess;
}

Result copy(void* to, const void* from, size_t nbytes, DevicePointer on_device) {
  if (!is_memory(on_device, nbytes)) return kInvalidValue;
  return enqueue([=] {
    std::memmove(to, from, nbytes);
    return kSuccess;
  });
}

size_t size_of_elf(const char* image) {
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  return header.e_shoff + size_t{header.e_shentsize} * header.e_shnum;
}

} // namespace

extern "C" {

#define EXPORT __attribute__((visibility("default"))) Result

EXPORT cuInit(unsigned) { return kSuccess; }
// NVRTC asks a driver for what it may reuse of it.
EXPORT cuGetExportTable(const void** table, const void*) {
  *table = nullptr;
  return kNotFound;
}
EXPORT cuGetErrorName(Result code, const char** name) {
  thread_local std::string text;
  text = "error " + std::to_string(code);
  *name = text.c_str();
  return kSuccess;
}
EXPORT cuGetErrorString(Result, const char** text) {
  *text = "of CUDA on the processor";
  return kSuccess;
}
EXPORT cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
EXPORT cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}
EXPORT cuDeviceGet(DeviceNumber* device, int index) {
  *device = 0;
  return index == 0 ? kSuccess : kInvalidValue;
}
EXPORT cuDeviceGetName(char* name, int length, DeviceNumber) {
  std::strncpy(name, "CUDA on the processor", static_cast<size_t>(length));
  return kSuccess;
}
EXPORT cuDeviceGetAttribute(int* value, int attribute, DeviceNumber) {
  *value = attribute == kCapabilityMajor ? 9 : attribute == kMostThreads ? 1024 : 0;
  return kSuccess;
}
EXPORT cuDeviceTotalMem_v2(size_t* nbytes, DeviceNumber) {
  *nbytes = size_t{1} << 32;
  return kSuccess;
}

EXPORT cuDevicePrimaryCtxRetain(ContextHandle* context, DeviceNumber) {
  *context = &the_context;
  return kSuccess;
}
EXPORT cuDevicePrimaryCtxRelease_v2(DeviceNumber) { return kSuccess; }
EXPORT cuCtxPushCurrent_v2(ContextHandle context) {
  stack.push_back(context);
  return kSuccess;
}
EXPORT cuCtxPopCurrent_v2(ContextHandle* context) {
  if (stack.empty()) return kInvalidContext;
  *context = stack.back();
  stack.pop_back();
  return kSuccess;
}

EXPORT cuStreamCreate(StreamHandle* stream, unsigned) {
  *stream = &the_stream;
  return is_current() ? kSuccess : kInvalidContext;
}
EXPORT cuStreamDestroy_v2(StreamHandle) { return kSuccess; }
EXPORT cuStreamSynchronize(StreamHandle) {
  std::lock_guard lock(mutex);
  return run_up_to(enqueued);
}
EXPORT cuEventCreate(EventHandle* event, unsigned flags) {
  *event = new CUevent_st;
  if (!(flags & kEventWithoutTiming)) (*event)->time = std::make_shared<CUevent_st::Time>();
  return is_current() ? kSuccess : kInvalidContext;
}
EXPORT cuEventDestroy_v2(EventHandle event) {
  delete event;
  return kSuccess;
}
EXPORT cuEventRecord(EventHandle event, StreamHandle) {
  std::lock_guard lock(mutex);
  Result code = is_current() ? kSuccess : kInvalidContext;
  if (event->time)
    code = enqueue([time = event->time] {
      *time = std::chrono::steady_clock::now();
      return kSuccess;
    });
  event->place = enqueued;
  return code;
}
EXPORT cuEventSynchronize(EventHandle event) {
  std::lock_guard lock(mutex);
  return run_up_to(event->place);
}
EXPORT cuEventQuery(EventHandle event) {
  std::lock_guard lock(mutex);
  return event->place > done ? kNotReady : broken;
}

EXPORT cuEventElapsedTime(float* milliseconds, EventHandle start, EventHandle end) {
  std::lock_guard lock(mutex);
  if (!is_current()) return kInvalidContext;
  if (!start->time || !end->time) return kInvalidHandle;
  if (start->place > done || end->place > done) return kNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(*end->time - *start->time).count();
  return broken;
}

EXPORT cuMemAlloc_v2(DevicePointer* memory, size_t nbytes) {
  std::lock_guard lock(mutex);
  if (!is_current()) return kInvalidContext;
  if (nbytes == 0) return kInvalidValue;
  auto* bytes = static_cast<char*>(std::aligned_alloc(256, (nbytes + 255) / 256 * 256));
  if (!bytes) return kOutOfMemory;
  std::memset(bytes, 0xA5, nbytes); // nobody may count on zeros
  allocations[bytes] = nbytes;
  *memory = reinterpret_cast<DevicePointer>(bytes);
  return kSuccess;
}
EXPORT cuMemFree_v2(DevicePointer memory) {
  std::lock_guard lock(mutex);
  if (!is_current()) return kInvalidContext;
  if (!queue.empty()) return broken = kIllegalState;
  if (!allocations.erase(reinterpret_cast<char*>(memory))) return broken = kInvalidValue;
  std::free(reinterpret_cast<void*>(memory));
  return kSuccess;
}
EXPORT cuMemHostAlloc(void** memory, size_t nbytes, unsigned) {
  *memory = std::malloc(nbytes);
  return is_current() ? kSuccess : kInvalidContext;
}
EXPORT cuMemFreeHost(void* memory) {
  std::free(memory);
  return kSuccess;
}
EXPORT cuMemcpyHtoDAsync_v2(DevicePointer to, const void* from, size_t nbytes, StreamHandle) {
  std::lock_guard lock(mutex);
  return copy(reinterpret_cast<void*>(to), from, nbytes, to);
}
EXPORT cuMemcpyDtoHAsync_v2(void* to, DevicePointer from, size_t nbytes, StreamHandle) {
  std::lock_guard lock(mutex);
  return copy(to, reinterpret_cast<const void*>(from), nbytes, from);
}
EXPORT cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t nbytes, StreamHandle) {
  std::lock_guard lock(mutex);
  if (!is_memory(from, nbytes)) return kInvalidValue;
  return copy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), nbytes, to);
}

EXPORT cuModuleLoadData(ModuleHandle* module, const void* image) {
  if (!is_current()) return kInvalidContext;
  auto* bytes = static_cast<const char*>(image);
  if (std::strncmp(bytes, ELFMAG, SELFMAG) != 0) return kInvalidImage;
  const int file = memfd_create("kernels", 0);
  const size_t size = size_of_elf(bytes);
  if (write(file, bytes, size) != static_cast<ssize_t>(size)) return kInvalidImage;
  void* library = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return kInvalidImage; // the file stays open, so that each has a name of its own
  auto find = [&](auto*& place, const char* name) {
    place = reinterpret_cast<std::remove_reference_t<decltype(place)>>(dlsym(library, name));
    return place != nullptr;
  };
  auto made = std::make_unique<CUmod_st>();
  made->library = library;
  if (!find(made->thread, "threadIdx") || !find(made->block, "blockIdx") ||
      !find(made->blocks, "gridDim") || !find(made->sync, "weft_sync"))
    return kInvalidImage;
  *module = made.release();
  return kSuccess;
}
EXPORT cuModuleUnload(ModuleHandle module) {
  std::lock_guard lock(mutex);
  if (!queue.empty()) return broken = kIllegalState;
  dlclose(module->library);
  delete module;
  return is_current() ? kSuccess : kInvalidContext;
}
EXPORT cuModuleGetFunction(FunctionHandle* function, ModuleHandle module, const char* name) {
  void* bind = dlsym(module->library, ("weft_bind_" + std::string(name)).c_str());
  if (!bind) return kNotFound;
  *function = new CUfunc_st{module, reinterpret_cast<decltype(CUfunc_st::bind)>(bind)};
  return is_current() ? kSuccess : kInvalidContext;
}
EXPORT cuLaunchKernel(FunctionHandle function, unsigned blocks, unsigned grid_y, unsigned grid_z,
                      unsigned threads, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                      StreamHandle, void** arguments, void** extra) {
  std::lock_guard lock(mutex);
  if (grid_y != 1 || grid_z != 1 || block_y != 1 || block_z != 1 || shared_bytes || extra ||
      blocks == 0 || threads == 0 || threads > 1024)
    return kInvalidValue;
  Call call;
  function->bind(arguments, call);
  std::shared_ptr<void> data(call.data, call.drop);
  return enqueue([=, module = function->module] {
    return launch(*module, blocks, threads, [&] { call.run(data.get()); });
  });
}
}
