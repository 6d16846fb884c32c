// OpenCL 1.2 by dlopen, so that its absence is a message and not a failed start. Memory has handles
// and no addresses there: addresses are numbers of our own, and a launch finds handle and offset
// again.
#include "runtime/core/profile.h"
#include "runtime/device/backend.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <algorithm>
#include <deque>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace weft::device {

namespace {

[[noreturn]] void unsupported(const std::string& message) {
  throw Error(ErrorKind::unsupported, "opencl: " + message);
}

void check(cl_int code, const char* what) {
  if (code == CL_SUCCESS) return;
  bool memory = code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
                code == CL_OUT_OF_HOST_MEMORY;
  throw Error(memory ? ErrorKind::out_of_memory : ErrorKind::internal,
              std::string("opencl: ") + what + " must succeed, got error " + std::to_string(code));
}

#define WEFT_CL_FUNCTIONS(row)                                                                     \
  row(clGetPlatformIDs) row(clGetPlatformInfo) row(clGetDeviceIDs) row(clGetDeviceInfo)            \
      row(clCreateContext) row(clReleaseContext) row(clCreateCommandQueue)                         \
          row(clReleaseCommandQueue) row(clCreateProgramWithSource) row(clCreateProgramWithBinary) \
              row(clBuildProgram) row(clGetProgramInfo) row(clGetProgramBuildInfo)                 \
                  row(clReleaseProgram) row(clCreateKernel) row(clReleaseKernel)                   \
                      row(clSetKernelArg) row(clCreateBuffer) row(clReleaseMemObject)              \
                          row(clEnqueueWriteBuffer) row(clEnqueueReadBuffer)                       \
                              row(clEnqueueCopyBuffer) row(clEnqueueNDRangeKernel)                 \
                                  row(clEnqueueMarkerWithWaitList) row(clFlush)                    \
                                      row(clWaitForEvents) row(clGetEventInfo)                     \
                                          row(clGetEventProfilingInfo) row(clFinish)               \
                                              row(clReleaseEvent)

/// The loader's functions, each under its own name.
struct Library {
#define WEFT_CL_MEMBER(name) decltype(&::name) name = nullptr;
  WEFT_CL_FUNCTIONS(WEFT_CL_MEMBER)

  explicit Library(const std::string& path) {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      unsupported("the loader must be installed (ocl-icd-libopencl1), got " +
                  std::string(dlerror()));
    auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
      if (!function) unsupported(path + " must have OpenCL 1.2, got none of " + name);
    };
#define WEFT_CL_FIND(name) find(name, #name);
    WEFT_CL_FUNCTIONS(WEFT_CL_FIND)
  }

  /// Never closed: at the process's end the driver may be gone before us.
  static const Library& get(const std::string& path) {
    static std::mutex mutex;
    static auto& libraries = *new std::map<std::string, std::unique_ptr<Library>>;
    std::lock_guard lock(mutex);
    std::unique_ptr<Library>& library = libraries[path];
    if (!library) library = std::make_unique<Library>(path);
    return *library;
  }
};

class ClEvent final : public Event {
public:
  ClEvent(const Library& cl, cl_event event) : cl_(cl), event_(event) {}
  ~ClEvent() override { cl_.clReleaseEvent(event_); }
  void wait() override {
    cl_int code = cl_.clWaitForEvents(1, &event_);
    if (code == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) check(status(), "a queued command");
    check(code, "clWaitForEvents");
  }
  bool is_done() override { return status() <= CL_COMPLETE; }

private:
  cl_int status() {
    cl_int status = CL_QUEUED;
    cl_.clGetEventInfo(event_, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, nullptr);
    return status;
  }
  const Library& cl_;
  cl_event event_;
};

/// The clock of a device counts from where it likes: `shift` leads to the host's.
class ClClock final : public LaunchClock {
public:
  ClClock(const Library& cl, cl_event event, uint64_t shift)
      : cl_(cl), event_(event), done_(cl, event), shift_(shift) {}
  bool is_done() override { return done_.is_done(); }
  std::optional<Times> times() override {
    std::optional<uint64_t> start = at(CL_PROFILING_COMMAND_START),
                            end = at(CL_PROFILING_COMMAND_END);
    if (!start || !end) return std::nullopt;
    return Times{*start, *end};
  }
  std::optional<uint64_t> at(cl_profiling_info what) const {
    cl_ulong time = 0;
    if (cl_.clGetEventProfilingInfo(event_, what, sizeof time, &time, nullptr) != CL_SUCCESS)
      return std::nullopt;
    return time + shift_;
  }

private:
  const Library& cl_;
  cl_event event_;
  ClEvent done_; // owns it
  uint64_t shift_;
};

struct ClKernel final : Kernel {
  ClKernel(const Library& cl, cl_kernel kernel) : cl(cl), kernel(kernel) {}
  ~ClKernel() override { cl.clReleaseKernel(kernel); }
  const Library& cl;
  cl_kernel kernel;
};

class ClModule final : public Module {
public:
  ClModule(const Library& cl, cl_program program) : cl_(cl), program_(program) {}
  ~ClModule() override {
    kernels_.clear();
    cl_.clReleaseProgram(program_);
  }
  Kernel& kernel(const std::string& name) override {
    std::unique_ptr<ClKernel>& k = kernels_[name];
    if (!k) {
      cl_int code = CL_SUCCESS;
      cl_kernel made = cl_.clCreateKernel(program_, name.c_str(), &code);
      if (code != CL_SUCCESS)
        throw Error(ErrorKind::io, "opencl: a module must have the kernel " + name);
      k = std::make_unique<ClKernel>(cl_, made);
    }
    return *k;
  }
  std::string binary() override {
    size_t size = 0;
    if (cl_.clGetProgramInfo(program_, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, nullptr) !=
        CL_SUCCESS)
      return {};
    std::string bytes(size, '\0');
    char* place = bytes.data();
    bool ok = size && cl_.clGetProgramInfo(program_, CL_PROGRAM_BINARIES, sizeof place, &place,
                                           nullptr) == CL_SUCCESS;
    return ok ? bytes : std::string();
  }

private:
  const Library& cl_;
  cl_program program_;
  std::map<std::string, std::unique_ptr<ClKernel>> kernels_;
};

class ClBackend final : public Backend {
public:
  ClBackend(int index, const std::string& loader) : cl_(Library::get(loader)) {
    device_ = find_device(index);
    cl_int code = CL_SUCCESS;
    context_ = cl_.clCreateContext(nullptr, 1, &device_, nullptr, nullptr, &code);
    check(code, "clCreateContext");
    queue_ = make_queue(0);
    describe();
  }
  ~ClBackend() override {
    for (auto& [address, block] : blocks_)
      cl_.clReleaseMemObject(block.memory);
    if (queue_) cl_.clReleaseCommandQueue(queue_);
    if (context_) cl_.clReleaseContext(context_);
  }

  const DeviceInfo& info() const override { return info_; }
  const char* language() const override { return "opencl"; }

  Address allocate(size_t nbytes) override {
    if (nbytes > most_allocation_) return nullptr;
    cl_int code = CL_SUCCESS;
    cl_mem memory = cl_.clCreateBuffer(context_, CL_MEM_READ_WRITE, nbytes, nullptr, &code);
    if (code != CL_SUCCESS) return nullptr;
    uintptr_t address = next_;
    next_ += (nbytes + kGap) / kGap * kGap; // so that the end of one is not the start of another
    blocks_[address] = {memory, nbytes};
    return reinterpret_cast<Address>(address);
  }
  void free(Address address) noexcept override {
    auto block = blocks_.find(reinterpret_cast<uintptr_t>(address));
    if (block == blocks_.end()) return;
    cl_.clReleaseMemObject(block->second.memory); // kept by the driver while commands use it
    blocks_.erase(block);
  }

  void copy_in(Address to, const void* from, size_t nbytes) override {
    Place place = find(to);
    while (!staged_.empty() && staged_.front().event->is_done())
      drop_staged();
    bool staged = nbytes <= kMostStaged;
    if (!staged) {
      check(cl_.clEnqueueWriteBuffer(queue_, place.memory, CL_TRUE, place.offset, nbytes, from, 0,
                                     nullptr, nullptr),
            "clEnqueueWriteBuffer");
      return;
    }
    // A copy of what is small, so that the host does not wait for the kernels before it.
    while (staged_bytes_ + nbytes > 16 * kMostStaged) {
      staged_.front().event->wait();
      drop_staged();
    }
    const char* begin = static_cast<const char*>(from);
    std::vector<char> bytes(begin, begin + nbytes);
    cl_event done = nullptr;
    check(cl_.clEnqueueWriteBuffer(queue_, place.memory, CL_FALSE, place.offset, nbytes,
                                   bytes.data(), 0, nullptr, &done),
          "clEnqueueWriteBuffer");
    staged_bytes_ += nbytes;
    staged_.push_back({std::make_unique<ClEvent>(cl_, done), std::move(bytes)});
  }
  std::unique_ptr<Event> copy_out(void* to, Address from, size_t nbytes) override {
    Place place = find(from);
    cl_event done = nullptr;
    check(cl_.clEnqueueReadBuffer(queue_, place.memory, CL_FALSE, place.offset, nbytes, to, 0,
                                  nullptr, &done),
          "clEnqueueReadBuffer");
    auto event = std::make_unique<ClEvent>(cl_, done);
    check(cl_.clFlush(queue_), "clFlush");
    return event;
  }
  void copy_within(Address to, const char* from, size_t nbytes) override {
    Place target = find(to), source = find(from);
    check(cl_.clEnqueueCopyBuffer(queue_, source.memory, target.memory, source.offset,
                                  target.offset, nbytes, 0, nullptr, nullptr),
          "clEnqueueCopyBuffer");
  }

  std::shared_ptr<Module> build(const std::string& source) override {
    const char* text = source.c_str();
    size_t size = source.size();
    cl_int code = CL_SUCCESS;
    cl_program program = cl_.clCreateProgramWithSource(context_, 1, &text, &size, &code);
    check(code, "clCreateProgramWithSource");
    auto module = std::make_shared<ClModule>(cl_, program);
    code = cl_.clBuildProgram(program, 1, &device_, options(), nullptr, nullptr);
    if (code == CL_SUCCESS) return module;
    throw Error(ErrorKind::internal, "opencl: a kernel must compile on " + info_.name +
                                         ", got error " + std::to_string(code) + "\n" +
                                         build_log(program));
  }
  std::shared_ptr<Module> load(const std::string& binary) override {
    auto bytes = reinterpret_cast<const unsigned char*>(binary.data());
    size_t size = binary.size();
    cl_int code = CL_SUCCESS, taken = CL_SUCCESS;
    cl_program program =
        cl_.clCreateProgramWithBinary(context_, 1, &device_, &size, &bytes, &taken, &code);
    if (code != CL_SUCCESS) return nullptr;
    auto module = std::make_shared<ClModule>(cl_, program);
    code = cl_.clBuildProgram(program, 1, &device_, options(), nullptr, nullptr);
    return taken == CL_SUCCESS && code == CL_SUCCESS ? module : nullptr;
  }

  void launch(Kernel& kernel, int64_t blocks, int threads,
              std::span<const Argument> arguments) override {
    enqueue(kernel, blocks, threads, arguments, nullptr);
  }
  std::unique_ptr<LaunchClock> launch_timed(Kernel& kernel, int64_t blocks, int threads,
                                            std::span<const Argument> arguments) override {
    if (!has_clock_) use_clock();
    cl_event event = nullptr;
    enqueue(kernel, blocks, threads, arguments, &event);
    return std::make_unique<ClClock>(cl_, event, shift_);
  }

  std::unique_ptr<Event> record() override {
    auto recorded = std::make_unique<ClEvent>(cl_, mark());
    check(cl_.clFlush(queue_), "clFlush");
    return recorded;
  }

private:
  static constexpr uintptr_t kFirst = uintptr_t{1} << 44; // no address of the host
  static constexpr size_t kGap = 4096;
  static constexpr size_t kMostStaged = size_t{1} << 20;

  struct Block {
    cl_mem memory;
    size_t nbytes;
  };
  struct Place {
    cl_mem memory;
    size_t offset;
  };
  struct Staged {
    std::unique_ptr<ClEvent> event;
    std::vector<char> bytes;
  };

  cl_command_queue make_queue(cl_command_queue_properties properties) const {
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = cl_.clCreateCommandQueue(context_, device_, properties, &code);
    check(code, "clCreateCommandQueue");
    return queue;
  }

  cl_event mark() const {
    cl_event event = nullptr;
    check(cl_.clEnqueueMarkerWithWaitList(queue_, 0, nullptr, &event),
          "clEnqueueMarkerWithWaitList");
    return event;
  }

  // Times cost some drivers much, so a queue has them from the first launch on that asks.
  void use_clock() {
    cl_command_queue timed = make_queue(CL_QUEUE_PROFILING_ENABLE);
    const cl_int finished = cl_.clFinish(queue_);
    cl_.clReleaseCommandQueue(std::exchange(queue_, timed));
    has_clock_ = true;
    check(finished, "clFinish");
    cl_event event = mark();
    const ClClock clock(cl_, event, 0);
    check(cl_.clWaitForEvents(1, &event), "clWaitForEvents");
    if (std::optional<uint64_t> then = clock.at(CL_PROFILING_COMMAND_END))
      shift_ = profile::now() - *then;
  }

  void enqueue(Kernel& kernel, int64_t blocks, int threads, std::span<const Argument> arguments,
               cl_event* event) {
    cl_kernel k = static_cast<ClKernel&>(kernel).kernel;
    cl_uint next = 0;
    auto set = [&](const void* value, size_t bytes) {
      check(cl_.clSetKernelArg(k, next++, bytes, value), "clSetKernelArg");
    };
    for (const Argument& a : arguments) {
      if (a.kind == Argument::Kind::word) {
        set(&a.bits, 8);
      } else if (a.kind == Argument::Kind::half_word) {
        auto word = static_cast<cl_uint>(a.bits);
        set(&word, sizeof word);
      } else if (a.bits == 0) {
        set(nullptr, sizeof(cl_mem)); // only a pointer may be none
      } else {
        Place place = find(reinterpret_cast<Address>(a.bits));
        auto offset = static_cast<cl_long>(place.offset);
        set(&place.memory, sizeof place.memory);
        if (a.kind == Argument::Kind::buffer) set(&offset, sizeof offset);
      }
    }
    size_t local = static_cast<size_t>(threads), all = static_cast<size_t>(blocks) * local;
    check(cl_.clEnqueueNDRangeKernel(queue_, k, 1, nullptr, &all, &local, 0, nullptr, event),
          "clEnqueueNDRangeKernel");
  }

  void drop_staged() {
    staged_bytes_ -= staged_.front().bytes.size();
    staged_.pop_front();
  }

  Place find(const char* address) const {
    auto number = reinterpret_cast<uintptr_t>(address);
    auto block = blocks_.upper_bound(number);
    if (block != blocks_.begin()) {
      --block;
      size_t offset = number - block->first;
      if (offset <= block->second.nbytes) return {block->second.memory, offset};
    }
    throw Error(ErrorKind::internal, "opencl: an address must lie in memory of the device");
  }

  // GPUs first, then other devices; PoCL makes one of the processor.
  cl_device_id find_device(int index) const {
    cl_uint count = 0;
    cl_.clGetPlatformIDs(0, nullptr, &count);
    std::vector<cl_platform_id> platforms(count);
    if (count > 0) cl_.clGetPlatformIDs(count, platforms.data(), nullptr);
    std::vector<cl_device_id> found;
    for (bool gpus : {true, false})
      for (cl_platform_id platform : platforms) {
        cl_uint n = 0;
        if (cl_.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &n) != CL_SUCCESS)
          continue;
        std::vector<cl_device_id> devices(n);
        cl_.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, devices.data(), nullptr);
        for (cl_device_id d : devices)
          if (((value<cl_device_type>(d, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_GPU) != 0) == gpus)
            found.push_back(d);
      }
    if (static_cast<size_t>(index) < found.size()) return found[static_cast<size_t>(index)];
    unsupported(found.empty()
                    ? "a driver with a device must be installed (on a CPU pocl-opencl-icd), got " +
                          std::to_string(count) + " platforms"
                    : "the device's number must be less than " + std::to_string(found.size()) +
                          ", got " + std::to_string(index));
  }

  template <class T> T value(cl_device_id device, cl_device_info what) const {
    T v{};
    cl_.clGetDeviceInfo(device, what, sizeof v, &v, nullptr);
    return v;
  }
  std::string text(cl_device_info what) const {
    size_t size = 0;
    cl_.clGetDeviceInfo(device_, what, 0, nullptr, &size);
    std::string t(size, '\0');
    cl_.clGetDeviceInfo(device_, what, size, t.data(), nullptr);
    return t.c_str();
  }
  std::string platform_text(cl_platform_info what) const {
    auto platform = value<cl_platform_id>(device_, CL_DEVICE_PLATFORM);
    size_t size = 0;
    cl_.clGetPlatformInfo(platform, what, 0, nullptr, &size);
    std::string t(size, '\0');
    cl_.clGetPlatformInfo(platform, what, size, t.data(), nullptr);
    return t.c_str();
  }

  void describe() {
    info_.name = text(CL_DEVICE_NAME);
    info_.driver = platform_text(CL_PLATFORM_NAME) + ", " + platform_text(CL_PLATFORM_VERSION) +
                   ", " + text(CL_DEVICE_VERSION) + ", driver " + text(CL_DRIVER_VERSION);
    auto single = value<cl_device_fp_config>(device_, CL_DEVICE_SINGLE_FP_CONFIG);
    info_.exact_division = single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
    info_.has_denormals = single & CL_FP_DENORM;
    info_.has_f64 = value<cl_device_fp_config>(device_, CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
    info_.memory = value<cl_ulong>(device_, CL_DEVICE_GLOBAL_MEM_SIZE);
    info_.argument_bytes = value<size_t>(device_, CL_DEVICE_MAX_PARAMETER_SIZE);
    info_.threads = static_cast<int>(
        std::min<size_t>(value<size_t>(device_, CL_DEVICE_MAX_WORK_GROUP_SIZE), 1 << 20));
    most_allocation_ = value<cl_ulong>(device_, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  }

  const char* options() const {
    return info_.exact_division ? "-cl-std=CL1.2 -w -cl-fp32-correctly-rounded-divide-sqrt"
                                : "-cl-std=CL1.2 -w";
  }
  std::string build_log(cl_program program) const {
    size_t length = 0;
    cl_.clGetProgramBuildInfo(program, device_, CL_PROGRAM_BUILD_LOG, 0, nullptr, &length);
    std::string log(length, '\0');
    cl_.clGetProgramBuildInfo(program, device_, CL_PROGRAM_BUILD_LOG, length, log.data(), nullptr);
    return log.c_str();
  }

  const Library& cl_;
  cl_device_id device_ = nullptr;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr;
  bool has_clock_ = false; // the queue
  uint64_t shift_ = 0;     // from the device's time to the host's
  DeviceInfo info_;
  size_t most_allocation_ = 0;
  std::map<uintptr_t, Block> blocks_; // by address
  uintptr_t next_ = kFirst;
  std::deque<Staged> staged_; // host memory that copies in still read
  size_t staged_bytes_ = 0;
};

} // namespace

std::unique_ptr<Backend> open_opencl(int index, const std::string& loader) {
  return std::make_unique<ClBackend>(index, loader);
}

} // namespace weft::device
