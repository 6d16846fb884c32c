// Context: an open device: its queue as the runtime uses it. Launches are numbered; those whose
// code is not ready wait on the host until something must be seen, so that the driver compiles what
// is missing at once. Where a kernel refuses an element, what is enqueued behind it stores nothing;
// the host learns of it where it waits, as the error of the op that refused.
#pragma once

#include "runtime/core/tensor_impl.h"
#include "runtime/device/allocator.h"
#include "runtime/device/driver_code.h"
#include "runtime/device/execute.h"
#include "runtime/device/launch_times.h"
#include "runtime/program/executor.h"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace weft::device {

/// Throws the error of the op that a code of a program stands for.
using Refuse = std::function<void(uint32_t code)>;

/// One kernel of a program, ready to be enqueued.
struct Launch {
  std::shared_ptr<DriverCode> code;
  size_t kernel = 0;
  int64_t blocks = 0;
  int threads = 1;
  std::vector<Argument> arguments; // less those that every kernel has
  Address scratch = nullptr;
  Loc loc; // the user's, of its first op
};

class Context {
public:
  /// Returns a device's context, opened at the first call. Throws Error (unsupported), which says
  /// what is missing.
  static Context& of(Device device, const Loc& loc);

  Device device() const { return device_; }
  const Backend& backend() const { return *backend_; }
  Allocator& memory() { return memory_; }

  void copy_in(Address to, const void* from, size_t nbytes);
  void copy_within(Address to, const char* from, size_t nbytes);
  /// Copies to the host and waits. Throws what an op has refused.
  void copy_out(void* to, Address from, size_t nbytes);
  /// Waits for everything. Throws what an op has refused.
  void synchronize();
  /// Waits for everything, and leaves what was refused to who asks next.
  void drain() noexcept;

  /// Enqueues the launches of one program in order and returns the last one's number. `refuse` is
  /// kept where it is not empty.
  uint64_t launch(std::vector<Launch> launches, Refuse refuse);

  /// Returns why memory that was born with a launch never got its contents, or null.
  const char* lost_since(uint64_t born);

  /// Says that an op had to run on the CPU.
  void count_cpu_op(const std::string& what);
  DeviceStats stats();
  void count_program() { programs_++; }

private:
  Context(Device device, std::unique_ptr<Backend> backend);

  struct QueuedLaunch {
    Launch launch;
    uint64_t number;
  };
  struct QueuedCopy { // of bytes of the host, or of memory of the device
    Address to;
    std::vector<char> bytes;
    const char* from = nullptr;
    size_t nbytes = 0;
  };
  using Queued = std::variant<QueuedLaunch, QueuedCopy>;
  struct Watched { // launches that may refuse
    uint64_t first, last;
    Refuse refuse;
  };
  struct Failure { // launches that stored nothing
    uint64_t first, last;
    const char* why;
  };

  void hand_over();
  void hand_over(const Queued& next);
  void make_ready(const std::vector<std::shared_ptr<DriverCode>>& wanted,
                  const QueuedLaunch& first);
  void fail(uint64_t first, const char* why);
  Failure* failure_of(uint64_t number); // or null
  void enqueue(const Launch& launch, uint64_t number);
  [[noreturn]] void fail_launch(const Error& driver, const Launch& launch, uint64_t number);
  void wait(std::unique_ptr<Event> done, std::unique_lock<std::mutex>& lock);
  void settle(const uint32_t* words, uint64_t last);
  void forget_done(std::unique_lock<std::mutex>& lock);
  void forget_up_to(uint64_t last);
  void collect_times() noexcept;
  static void collect_all_times();

  Device device_;
  std::unique_ptr<Backend> backend_;
  std::mutex mutex_; // guards the backend and all that follows
  Allocator memory_;
  CodeStore code_;
  Address error_words_ = nullptr;
  std::atomic<uint64_t> numbers_{0};
  std::vector<Queued> queue_; // on the host, for want of code
  size_t queued_bytes_ = 0;
  std::deque<Watched> watched_;
  std::vector<Failure> failures_;
  std::optional<LaunchTimes> times_; // where a profiler has seen this device
  std::atomic<bool> has_failures_{false};
  int64_t launches_ = 0, copies_in_ = 0, copies_out_ = 0;
  std::atomic<int64_t> programs_{0};
  std::map<std::string, int64_t> cpu_ops_;
};

} // namespace weft::device
