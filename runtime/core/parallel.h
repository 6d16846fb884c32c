// parallel_for: the one pool of worker threads of the process.
#pragma once

#include "weft/parallel.h"

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

template <class> class FunctionRef;
/// A callable passed by reference; valid while the callable lives.
template <class R, class... A> class FunctionRef<R(A...)> {
public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>) FunctionRef(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* o, A... a) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(o))(std::forward<A>(a)...);
        }) {}
  R operator()(A... a) const { return call_(object_, std::forward<A>(a)...); }

private:
  void* object_;
  R (*call_)(void*, A...);
};

/// Calls `body(begin, end)` for pieces of equal size that cover [0, n), on the pool's threads and
/// the caller's: one where that is at most `grain` indices, else each of more than half of it.
/// Nested calls, and calls made while another thread has the pool,
/// run inline. The first exception thrown by a piece is rethrown here, after all pieces ended.
void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t begin, int64_t end)> body);

/// Work for one thread of the pool while the thread that offers it goes on. It may never be run:
/// all may be busy. Until the offer ends the pool is this thread's; its calls of parallel_for end
/// it.
class AsideWork {
public:
  /// `body` must outlive the object. Nested in parallel_for, or with one thread, nothing is
  /// offered.
  explicit AsideWork(FunctionRef<void(int64_t, int64_t)> body);
  /// Takes the work back, or waits for its end.
  ~AsideWork() { end(); }
  AsideWork(const AsideWork&) = delete;
  void end() noexcept;

private:
  FunctionRef<void(int64_t, int64_t)> body_;
  bool offered_ = false;
};

/// Returns the number of this thread inside parallel_for: 0 for the caller's thread.
int thread_index();

} // namespace weft
