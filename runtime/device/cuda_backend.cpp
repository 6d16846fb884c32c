// CUDA: the device's primary context, which other users of the device in this process share, one
// stream of its own in it, and kernels that NVRTC compiles. Calls may come from any thread: each
// makes the context the thread's while it lasts.
#include "runtime/core/profile.h"
#include "runtime/device/backend.h"
#include "runtime/device/cuda_driver.h"
#include "runtime/device/nvrtc.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace weft::device {

namespace {

using namespace cuda;

// Copies in go by way of blocks of page-locked memory, so that the host may overwrite what it
// copied at once, and a long copy fills one block while another is read. Short copies out do so
// that they need not wait for what was enqueued before them.
constexpr size_t kBlocksIn = 16, kBytesIn = size_t{1} << 20;
constexpr size_t kBlocksOut = 64, kBytesOut = size_t{1} << 12;

[[noreturn]] void unsupported(const std::string& message) {
  throw Error(ErrorKind::unsupported, "cuda: " + message);
}

DevicePointer pointer(const char* address) { return reinterpret_cast<DevicePointer>(address); }

/// The context and stream of a device, held by all that lives in them.
struct Session {
  explicit Session(const Driver& driver, DeviceNumber number) : cu(driver), device(number) {
    cu.check(cu.cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
  }
  ~Session();
  Session(const Session&) = delete;
  const Driver& cu;
  DeviceNumber device;
  ContextHandle context = nullptr;
  StreamHandle stream = nullptr;
};

/// Makes a session's context that of this thread for a scope.
struct Entered {
  explicit Entered(const Session& session) : cu(session.cu) {
    is_entered = cu.cuCtxPushCurrent_v2(session.context) == kSuccess;
  }
  ~Entered() {
    ContextHandle own = nullptr;
    if (is_entered) cu.cuCtxPopCurrent_v2(&own);
  }
  Entered(const Entered&) = delete;
  const Driver& cu;
  bool is_entered;
};

Session::~Session() {
  {
    Entered here(*this);
    if (stream) cu.cuStreamDestroy_v2(stream);
  }
  cu.cuDevicePrimaryCtxRelease_v2(device);
}

using SharedSession = std::shared_ptr<const Session>;

/// Blocks of page-locked memory of one size. Safe for concurrent calls.
class PinnedPool : public std::enable_shared_from_this<PinnedPool> {
public:
  PinnedPool(SharedSession session, size_t count, size_t bytes)
      : session_(std::move(session)), count_(count), bytes_(bytes) {}
  ~PinnedPool() {
    Entered here(*session_);
    if (memory_) session_->cu.cuMemFreeHost(memory_);
  }
  PinnedPool(const PinnedPool&) = delete;

  /// Goes back to the pool at its end.
  using Block = std::unique_ptr<char, std::function<void(char*)>>;

  /// Returns a block, or none where all are in use.
  Block take() {
    std::lock_guard lock(mutex_);
    if (!memory_) fill();
    if (free_.empty()) return nullptr;
    char* block = free_.back();
    free_.pop_back();
    return Block(block, [pool = shared_from_this()](char* b) { pool->give(b); });
  }

private:
  void fill() {
    Entered here(*session_);
    session_->cu.check(session_->cu.cuMemHostAlloc(&memory_, count_ * bytes_, 0), "cuMemHostAlloc");
    free_.reserve(count_);
    for (size_t k = count_; k-- > 0;)
      free_.push_back(static_cast<char*>(memory_) + k * bytes_);
  }
  void give(char* block) {
    std::lock_guard lock(mutex_);
    free_.push_back(block);
  }
  SharedSession session_;
  size_t count_, bytes_;
  std::mutex mutex_;
  void* memory_ = nullptr;
  std::vector<char*> free_;
};

class CudaEvent : public Event {
public:
  explicit CudaEvent(SharedSession session, unsigned flags = kEventWithoutTiming)
      : session_(std::move(session)) {
    const Driver& cu = session_->cu;
    Entered here(*session_);
    cu.check(cu.cuEventCreate(&event_, flags), "cuEventCreate");
    cu.check(cu.cuEventRecord(event_, session_->stream), "cuEventRecord");
  }
  ~CudaEvent() override {
    Entered here(*session_);
    session_->cu.cuEventDestroy_v2(event_);
  }
  void wait() override { session_->cu.check(finish(), "a queued command"); }
  bool is_done() override {
    Entered here(*session_);
    return session_->cu.cuEventQuery(event_) != kNotReady;
  }

  /// Returns the nanoseconds since another event, where both have timing and are done.
  std::optional<uint64_t> since(const CudaEvent& earlier) const {
    Entered here(*session_);
    float milliseconds = 0;
    if (session_->cu.cuEventElapsedTime(&milliseconds, earlier.event_, event_) != kSuccess)
      return std::nullopt;
    return static_cast<uint64_t>(std::max(static_cast<double>(milliseconds), 0.0) * 1e6);
  }

protected:
  Result finish() {
    Entered here(*session_);
    return session_->cu.cuEventSynchronize(event_);
  }

private:
  SharedSession session_;
  EventHandle event_ = nullptr;
};

/// The end of a short copy out, whose bytes go from a block to where they are wanted.
class CopyOutEvent final : public CudaEvent {
public:
  CopyOutEvent(SharedSession session, PinnedPool::Block block, void* to, size_t nbytes)
      : CudaEvent(std::move(session)), block_(std::move(block)), to_(to), nbytes_(nbytes) {}
  ~CopyOutEvent() override {
    if (block_) finish(); // the block goes to somebody else
  }
  void wait() override {
    CudaEvent::wait();
    deliver();
  }
  bool is_done() override {
    const bool done = CudaEvent::is_done();
    if (done) deliver();
    return done;
  }

private:
  void deliver() {
    if (block_) std::memcpy(to_, block_.get(), nbytes_);
    block_.reset();
  }
  PinnedPool::Block block_;
  void* to_;
  size_t nbytes_;
};

/// An event of which both the device's and the host's time are known.
struct CommonTime {
  explicit CommonTime(const SharedSession& session) : event(session, kEventWithTiming) {
    event.wait();
    host = profile::now();
  }
  CudaEvent event;
  uint64_t host = 0;
};

class CudaClock final : public LaunchClock {
public:
  CudaClock(SharedSession session, std::shared_ptr<const CommonTime> common)
      : common_(std::move(common)), session_(std::move(session)),
        start_(session_, kEventWithTiming) {}
  void stop() { end_.emplace(session_, kEventWithTiming); }
  bool is_done() override { return end_->is_done(); }
  std::optional<Times> times() override {
    std::optional<uint64_t> before = start_.since(common_->event), length = end_->since(start_);
    if (!before || !length) return std::nullopt;
    const uint64_t start = common_->host + *before;
    return Times{start, start + *length};
  }

private:
  std::shared_ptr<const CommonTime> common_;
  SharedSession session_;
  CudaEvent start_;
  std::optional<CudaEvent> end_;
};

struct CudaKernel final : Kernel {
  explicit CudaKernel(FunctionHandle function) : function(function) {}
  FunctionHandle function;
};

class CudaModule final : public Module {
public:
  CudaModule(SharedSession session, ModuleHandle module, std::string code)
      : session_(std::move(session)), module_(module), code_(std::move(code)) {}
  ~CudaModule() override {
    Entered here(*session_);
    session_->cu.cuStreamSynchronize(session_->stream); // its kernels may still run
    session_->cu.cuModuleUnload(module_);
  }
  Kernel& kernel(const std::string& name) override {
    std::unique_ptr<CudaKernel>& k = kernels_[name];
    if (!k) {
      Entered here(*session_);
      FunctionHandle function = nullptr;
      if (session_->cu.cuModuleGetFunction(&function, module_, name.c_str()) != kSuccess)
        throw Error(ErrorKind::io, "cuda: a module must have the kernel " + name);
      k = std::make_unique<CudaKernel>(function);
    }
    return *k;
  }
  std::string binary() override { return code_; }

private:
  SharedSession session_;
  ModuleHandle module_;
  std::string code_; // cubin or PTX
  std::map<std::string, std::unique_ptr<CudaKernel>> kernels_;
};

// The driver trusts an image's own header for its length.
bool is_image(const std::string& code) {
  return code.starts_with("\x7f"
                          "ELF") ||
         code.find(".version") != std::string::npos;
}

class CudaBackend final : public Backend {
public:
  CudaBackend(int index, const std::string& library)
      : cu_(Driver::get(library)), nvrtc_(Nvrtc::get()) {
    auto session = std::make_shared<Session>(cu_, find_device(index));
    Entered here(*session);
    cu_.check(cu_.cuStreamCreate(&session->stream, kNonBlockingStream), "cuStreamCreate");
    session_ = std::move(session);
    describe();
    in_ = std::make_shared<PinnedPool>(session_, kBlocksIn, kBytesIn);
    out_ = std::make_shared<PinnedPool>(session_, kBlocksOut, kBytesOut);
  }
  ~CudaBackend() override {
    Entered here(*session_);
    cu_.cuStreamSynchronize(session_->stream);
  }

  const DeviceInfo& info() const override { return info_; }
  const char* language() const override { return "cuda"; }

  Address allocate(size_t nbytes) override {
    Entered here(*session_);
    DevicePointer memory = 0;
    const Result code = cu_.cuMemAlloc_v2(&memory, std::max<size_t>(nbytes, 1));
    if (code == kOutOfMemory) return nullptr;
    cu_.check(code, "cuMemAlloc");
    return reinterpret_cast<Address>(memory);
  }
  void free(Address memory) noexcept override {
    Entered here(*session_);
    cu_.cuStreamSynchronize(session_->stream); // kernels may still use it
    cu_.cuMemFree_v2(pointer(memory));
  }

  void copy_in(Address to, const void* from, size_t nbytes) override {
    Entered here(*session_);
    const char* next = static_cast<const char*>(from);
    while (nbytes > 0) {
      const size_t piece = std::min(nbytes, kBytesIn);
      PinnedPool::Block block = take_block_in();
      std::memcpy(block.get(), next, piece);
      cu_.check(cu_.cuMemcpyHtoDAsync_v2(pointer(to), block.get(), piece, session_->stream),
                "cuMemcpyHtoDAsync");
      staged_.push_back({std::make_unique<CudaEvent>(session_), std::move(block)});
      to += piece;
      next += piece;
      nbytes -= piece;
    }
  }
  std::unique_ptr<Event> copy_out(void* to, Address from, size_t nbytes) override {
    Entered here(*session_);
    PinnedPool::Block block;
    if (nbytes <= kBytesOut) block = out_->take();
    cu_.check(
        cu_.cuMemcpyDtoHAsync_v2(block ? block.get() : to, pointer(from), nbytes, session_->stream),
        "cuMemcpyDtoHAsync");
    if (!block) return record();
    return std::make_unique<CopyOutEvent>(session_, std::move(block), to, nbytes);
  }
  void copy_within(Address to, const char* from, size_t nbytes) override {
    Entered here(*session_);
    cu_.check(cu_.cuMemcpyDtoDAsync_v2(pointer(to), pointer(from), nbytes, session_->stream),
              "cuMemcpyDtoDAsync");
  }

  std::shared_ptr<Module> build(const std::string& source) override {
    std::string code = nvrtc_.compile(source, "a kernel", architecture_);
    ModuleHandle module = nullptr;
    const Result result = load_code(code, module);
    if (result == kSuccess) return std::make_shared<CudaModule>(session_, module, std::move(code));
    throw Error(ErrorKind::internal,
                "cuda: the driver must load what NVRTC " + nvrtc_.version() +
                    " compiles, which one of the same CUDA version or later does, got " +
                    cu_.text_of(result) + " of " + info_.driver);
  }
  std::shared_ptr<Module> load(const std::string& binary) override {
    ModuleHandle module = nullptr;
    if (!is_image(binary) || load_code(binary, module) != kSuccess) return nullptr;
    return std::make_shared<CudaModule>(session_, module, binary);
  }

  void launch(Kernel& kernel, int64_t blocks, int threads,
              std::span<const Argument> arguments) override {
    if (blocks > std::numeric_limits<int32_t>::max())
      unsupported("a launch must have at most 2147483647 blocks, got " + std::to_string(blocks));
    Entered here(*session_);
    std::vector<uint64_t> values;
    for (const Argument& a : arguments)
      values.push_back(a.bits); // of a half word its first half, as all hosts of CUDA lay it out
    std::vector<void*> places;
    for (uint64_t& v : values)
      places.push_back(&v);
    cu_.check(cu_.cuLaunchKernel(static_cast<CudaKernel&>(kernel).function,
                                 static_cast<unsigned>(blocks), 1, 1,
                                 static_cast<unsigned>(threads), 1, 1, 0, session_->stream,
                                 places.data(), nullptr),
              "cuLaunchKernel");
  }

  std::unique_ptr<LaunchClock> launch_timed(Kernel& kernel, int64_t blocks, int threads,
                                            std::span<const Argument> arguments) override {
    // The driver tells what lies between two events in 24 bits: too coarse after some seconds.
    constexpr uint64_t kNanosecondsOfCommonTime = 4'000'000'000;
    if (!common_time_ || profile::now() - common_time_->host > kNanosecondsOfCommonTime)
      common_time_ = std::make_shared<CommonTime>(session_);
    auto clock = std::make_unique<CudaClock>(session_, common_time_);
    launch(kernel, blocks, threads, arguments);
    clock->stop();
    return clock;
  }

  std::unique_ptr<Event> record() override { return std::make_unique<CudaEvent>(session_); }

private:
  struct Staged {
    std::unique_ptr<Event> done;
    PinnedPool::Block block;
  };

  PinnedPool::Block take_block_in() {
    while (!staged_.empty() && staged_.front().done->is_done())
      staged_.pop_front();
    PinnedPool::Block block = in_->take();
    if (block) return block;
    staged_.front().done->wait();
    staged_.pop_front();
    return in_->take();
  }

  Result load_code(const std::string& code, ModuleHandle& module) const {
    Entered here(*session_);
    return cu_.cuModuleLoadData(&module, code.c_str());
  }

  DeviceNumber find_device(int index) const {
    int count = 0;
    cu_.check(cu_.cuDeviceGetCount(&count), "cuDeviceGetCount");
    if (count == 0) unsupported("a GPU of NVIDIA must be there, got none");
    if (index >= count)
      unsupported("the device's number must be less than " + std::to_string(count) + ", got " +
                  std::to_string(index));
    DeviceNumber device = 0;
    cu_.check(cu_.cuDeviceGet(&device, index), "cuDeviceGet");
    return device;
  }

  int attribute(int which) const {
    int value = 0;
    cu_.check(cu_.cuDeviceGetAttribute(&value, which, session_->device), "cuDeviceGetAttribute");
    return value;
  }

  void describe() {
    char name[256] = {};
    cu_.check(cu_.cuDeviceGetName(name, sizeof name, session_->device), "cuDeviceGetName");
    int version = 0;
    cu_.check(cu_.cuDriverGetVersion(&version), "cuDriverGetVersion");
    cu_.check(cu_.cuDeviceTotalMem_v2(&info_.memory, session_->device), "cuDeviceTotalMem");
    const int capability = 10 * attribute(kCapabilityMajor) + attribute(kCapabilityMinor);
    architecture_ = nvrtc_.architecture_for(capability);
    info_.name = name;
    info_.driver = "CUDA " + std::to_string(version / 1000) + "." +
                   std::to_string(version % 1000 / 10) + ", sm_" + std::to_string(capability) +
                   ", NVRTC " + nvrtc_.version();
    info_.threads = attribute(kMostThreads);
    // From CUDA 12.1 on kernels take more (programming guide, "function parameters").
    info_.argument_bytes = version >= 12010 && capability >= 70 ? 32764 : 4096;
  }

  const Driver& cu_;
  const Nvrtc& nvrtc_;
  SharedSession session_;
  DeviceInfo info_;
  std::string architecture_; // that NVRTC compiles for
  std::shared_ptr<const CommonTime> common_time_;
  std::shared_ptr<PinnedPool> in_, out_;
  std::deque<Staged> staged_; // blocks that copies in still read
};

} // namespace

std::unique_ptr<Backend> open_cuda(int index, const std::string& driver) {
  return std::make_unique<CudaBackend>(index, driver);
}

} // namespace weft::device
