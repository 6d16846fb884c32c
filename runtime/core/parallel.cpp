// A job is published as a number of tickets. A worker that gets one runs pieces until none is left;
// the owner runs pieces too, then takes back the tickets nobody used and waits for the workers that
// are still inside. So a late worker can never see a job that has ended.
//
// Each thread begins with a stretch of pieces that is the same in every job, and then helps others
// from the far end of theirs. So it finds in its caches what it left there, memory is read in long
// runs, and lines that one core has written are seldom written by another.

#include "runtime/core/parallel.h"

#include "runtime/core/environment.h"
#include "runtime/core/profile.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft {

namespace {

constinit thread_local int this_thread = 0;
constinit thread_local bool inside = false;
constinit thread_local AsideWork* aside = nullptr; // that this thread has offered

/// Pieces [next, end) of a thread that nobody has claimed.
class Stretch {
public:
  void reset(uint32_t next, uint32_t end) {
    ends_.store(pack(next, end), std::memory_order_relaxed);
  }
  /// Claims a piece, the last one for a helper; -1 if there is none left.
  int64_t claim(bool helps) {
    uint64_t ends = ends_.load(std::memory_order_relaxed);
    for (;;) {
      auto next = static_cast<uint32_t>(ends), end = static_cast<uint32_t>(ends >> 32);
      if (next >= end) return -1;
      uint64_t rest = helps ? pack(next, end - 1) : pack(next + 1, end);
      if (ends_.compare_exchange_weak(ends, rest, std::memory_order_relaxed))
        return helps ? end - 1 : next;
    }
  }

private:
  static uint64_t pack(uint32_t next, uint32_t end) { return uint64_t{end} << 32 | next; }

  alignas(64) std::atomic<uint64_t> ends_{0};
};

constexpr int kSpins = 4000; // about 30 us: kernels of one step follow each other closer than that

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

class Pool {
public:
  void run(int64_t n, int64_t grain, const FunctionRef<void(int64_t, int64_t)>& body) {
    label_ = profile::is_on() ? profile::Label::current() : nullptr;
    int64_t pieces = count_pieces(n, grain);
    publish(n, pieces, body, static_cast<int>(std::min<int64_t>(threads() - 1, pieces - 1)));
    inside = true;
    work();
    inside = false;
    finish();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  /// One piece that a worker may take while the owner does something else; `finish` ends the offer.
  void offer(const FunctionRef<void(int64_t, int64_t)>& body) {
    label_ = nullptr;
    publish(1, 1, body, 1);
  }

  void finish() {
    tickets_.store(0);
    for (int spins = 0; int r = running_.load();) {
      if (++spins < kSpins)
        pause();
      else
        running_.wait(r);
    }
  }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void resize(int n) {
    stop_.store(true);
    generation_.fetch_add(1);
    generation_.notify_all();
    for (std::thread& w : workers_)
      w.join();
    workers_.clear();
    stop_.store(false);
    stretches_ = std::vector<Stretch>(static_cast<size_t>(n));
    try {
      workers_.reserve(static_cast<size_t>(n));
      for (int k = 1; k < n; k++)
        workers_.emplace_back([this, k] { worker(k); });
    } catch (const std::exception&) {
      // The system gives no more threads: those that there are do the work.
    }
  }

private:
  // Four pieces a thread even out what the others of the machine take away; where the grain allows
  // fewer, each thread gets as many as the others.
  int64_t count_pieces(int64_t n, int64_t grain) const {
    int64_t pieces = std::min<int64_t>((n + grain - 1) / grain, 4 * threads());
    return pieces > threads() ? pieces - pieces % threads() : pieces;
  }

  // Where a piece begins: their lengths differ by at most one.
  int64_t start_of(int64_t piece) const {
    return piece * (n_ / pieces_) + std::min(piece, n_ % pieces_);
  }

  void publish(int64_t n, int64_t pieces, const FunctionRef<void(int64_t, int64_t)>& body,
               int tickets) {
    body_ = &body;
    n_ = n;
    pieces_ = pieces;
    used_ = tickets + 1;
    for (int k = 0; k < used_; k++)
      stretches_[k].reset(static_cast<uint32_t>(pieces * k / used_),
                          static_cast<uint32_t>(pieces * (k + 1) / used_));
    tickets_.store(tickets);
    generation_.fetch_add(1);
    if (sleepers_.load()) generation_.notify_all();
  }

  void work() {
    const int own = this_thread % used_;
    for (int k = 0; k < used_; k++) {
      Stretch& stretch = stretches_[(own + k) % used_];
      for (int64_t piece; (piece = stretch.claim(k > 0)) >= 0;)
        run_piece(piece);
    }
  }

  void run_piece(int64_t piece) {
    try {
      if (label_) [[unlikely]]
        run_profiled(start_of(piece), start_of(piece + 1));
      else
        (*body_)(start_of(piece), start_of(piece + 1));
    } catch (...) {
      for (int k = 0; k < used_; k++)
        stretches_[k].reset(0, 0);
      std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  [[gnu::cold]] void run_profiled(int64_t begin, int64_t end) {
    profile::Span span(profile::Kind::chunk, label_->name, label_->place);
    span.detail({"begin", begin});
    span.detail({"end", end});
    (*body_)(begin, end);
  }

  bool take_ticket() {
    int t = tickets_.load();
    while (t > 0)
      if (tickets_.compare_exchange_weak(t, t - 1)) return true;
    return false;
  }

  void worker(int index) {
    this_thread = index;
    inside = true;
    uint32_t seen = generation_.load();
    while (!stop_.load()) {
      if (tickets_.load()) {
        running_.fetch_add(1); // before the ticket: the owner waits for everyone who may hold one
        if (take_ticket()) work();
        if (running_.fetch_sub(1) == 1) running_.notify_all();
      }
      for (int spins = 0; spins < kSpins && generation_.load(std::memory_order_acquire) == seen;
           spins++)
        pause();
      if (generation_.load() == seen) {
        sleepers_.fetch_add(1);
        generation_.wait(seen);
        sleepers_.fetch_sub(1);
      }
      seen = generation_.load();
    }
  }

  std::vector<std::thread> workers_;
  const FunctionRef<void(int64_t, int64_t)>* body_ = nullptr;
  int64_t n_ = 0, pieces_ = 0;
  const profile::Label* label_ = nullptr;                    // of the job, where a profiler runs
  std::vector<Stretch> stretches_ = std::vector<Stretch>(1); // one a thread
  int used_ = 1;                                             // of them, by this job
  alignas(64) std::atomic<int> tickets_{0};
  alignas(64) std::atomic<int> running_{0};
  alignas(64) std::atomic<uint32_t> generation_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

int default_threads() {
  if (auto n = number_variable("WEFT_NUM_THREADS", 1024)) return static_cast<int>(*n);
  return std::max(1u, std::thread::hardware_concurrency());
}

// The pool of the process: one job at a time. Never destroyed, since other threads may still use it
// while the process ends; a last object of static duration only stops the workers.
struct Shared {
  std::mutex mutex;
  Pool pool;
  std::atomic<int> wanted{default_threads()};
  int started = 1;
};

Shared& shared() {
  static Shared& s = *new Shared;
  struct Stop {
    ~Stop() {
      if (inside || aside) return;
      std::unique_lock lock(s.mutex, std::try_to_lock);
      if (!lock) return;
      s.pool.resize(1);
      s.started = s.wanted = 1;
    }
  };
  static Stop stop;
  return s;
}

} // namespace

void set_num_threads(int n) {
  shared().wanted.store(n > 0 ? std::min(n, 1024) : default_threads());
}

int num_threads() { return shared().wanted.load(std::memory_order_relaxed); }

int thread_index() { return this_thread; }

namespace {

/// Locks the pool for this thread, with as many workers as are wanted; else the lock is empty.
std::unique_lock<std::mutex> take_pool(Shared& s) {
  int wanted = s.wanted.load(std::memory_order_relaxed);
  if (wanted == 1) return {};
  std::unique_lock lock(s.mutex, std::try_to_lock);
  if (lock && s.started != wanted) {
    s.pool.resize(wanted);
    s.started = wanted;
  }
  return lock;
}

} // namespace

void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> body) {
  if (n <= 0) return;
  if (n <= grain || inside) return body(0, n);
  if (aside) aside->end();
  Shared& s = shared();
  std::unique_lock lock = take_pool(s);
  if (!lock) return body(0, n);
  s.pool.run(n, std::max<int64_t>(grain, 1), body);
}

AsideWork::AsideWork(FunctionRef<void(int64_t, int64_t)> body) : body_(body) {
  if (inside || aside) return;
  std::unique_lock lock = take_pool(shared());
  if (!lock) return;
  shared().pool.offer(body_);
  lock.release(); // until end()
  offered_ = true;
  aside = this;
}

void AsideWork::end() noexcept {
  if (!offered_) return;
  shared().pool.finish();
  shared().mutex.unlock();
  offered_ = false;
  aside = nullptr;
}

} // namespace weft
