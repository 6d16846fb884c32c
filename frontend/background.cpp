#include "frontend/background.h"

#include "runtime/program/compiler_library.h"
#include "weft/compile.h"

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

namespace weft {

namespace {

// Lives as long as the process: jobs may be given, and waited for, until its very end.
class Worker {
public:
  static Worker& get() {
    static auto* worker = new Worker;
    return *worker;
  }

  void add(std::function<void()> job) {
    std::lock_guard lock(mutex_);
    if (stops_) return;
    jobs_.push_back(std::move(job));
    if (!thread_.joinable()) {
      // Exit handlers run in the reverse order of their registration: what the compiler's library
      // takes down when the process ends must come after stop().
      after_compiler_loads(stop_at_exit);
      stop_at_exit();
      thread_ = std::thread([this] { run(); });
    }
    changed_.notify_all();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stops_ || (jobs_.empty() && !is_busy_); });
  }

private:
  static void stop_at_exit() {
    std::atexit([] { get().stop(); });
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stops_ || !jobs_.empty(); });
      if (stops_) return;
      std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      is_busy_ = true;
      lock.unlock();
      try {
        job();
      } catch (...) {
        // Its program is never ready, so ops run one by one.
      }
      job = {}; // what it held goes before anyone is told
      lock.lock();
      is_busy_ = false;
      changed_.notify_all();
    }
  }

  void stop() {
    std::thread thread;
    {
      std::lock_guard lock(mutex_);
      stops_ = true;
      jobs_.clear();
      thread = std::move(thread_);
      changed_.notify_all();
    }
    if (thread.joinable()) thread.join();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
  bool is_busy_ = false, stops_ = false;
};

} // namespace

void run_in_background(std::function<void()> job) { Worker::get().add(std::move(job)); }

void wait_for_compiles() { Worker::get().wait(); }

} // namespace weft
