// weft::compile: the same C++ code, run as a few fused kernels.
#pragma once

#include "weft/nn.h"
#include "weft/pure.h"
#include "weft/tensor.h"

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

class Region;
class PureProgram;

/// How a compiled region behaves. The defaults suit most programs.
struct CompileOptions {
  /// How programs take the sizes of tensors. One for given sizes is the faster one; one whose sizes
  /// are arguments serves all calls.
  enum class Sizes {
    automatic,  // a program for the sizes that come first, others for those that change; sizes that
                // come back often get their own later on
    specialise, // a program for each, up to max_specialised; then one for all others
    generic,    // one program for all
  };
  /// In explain() and in tools; empty: the source line of compile().
  std::string name = {};
  /// A longer run of ops is cut into several programs. At least 1, as the next one.
  int max_segment_ops = 4096;
  /// Beyond it new paths run eagerly, and explain() says so.
  int max_segments = 256;
  /// With more segments than this, branch points become boundaries.
  int hot_branch_segments = 8;
  /// Another thread compiles: no call waits for it, and ops run one by one until a program is
  /// there.
  bool background = false;
  Sizes sizes = Sizes::automatic;
  /// Sizes for which a segment has programs of its own.
  int max_specialised = 32;
  /// Every call runs the same programs, the first one too, so equal calls give equal bits whatever
  /// ran before: all ops wait for a program that is compiled first, sizes and live values have one
  /// each, and no choice is made by time. Excludes `background`.
  bool deterministic = false;
  /// Bytes that a program of known sizes may take while it runs, beside its inputs and results but
  /// with what it keeps for a backward pass outside of the function. Where one takes more, what it
  /// keeps for later, from a forward to a backward pass say, is computed again as far as that is
  /// cheap; explain() tells what that saved and what is over. 0: only what costs next to nothing.
  int64_t memory_budget = 0;
  /// 1: each run of a program on the CPU is compared with its ops run one by one, whose results are
  /// kept; N: every Nth. A difference beyond rounding throws Error (internal) with the op, its
  /// line, the numbers and the pass or kernel at fault. 0: none is.
  int verify = 0;
  /// Where verify leaves a program that shows what it found, with its inputs; empty: the system's
  /// folder for temporary files.
  std::string repro_folder = {};
  /// Promises that what the function returns depends on its arguments and on the contents of
  /// captured tensors alone. Once a call with arguments of some sizes has been compiled, others
  /// with such arguments skip the function's body and run the program at once; captured tensors are
  /// bound by handle and read at each call. Arguments and results are tensors, numbers (each value
  /// of a number has a program), and vectors, arrays, pairs, tuples and optionals of them. Throws
  /// Error (unsupported), with the line, where the body reads values, takes random numbers, keeps
  /// tensors or writes into other tensors than arguments. Calls that record a gradient run the
  /// body.
  bool pure = false;
  /// Every so many calls of a pure function its body runs, to see whether the promise holds. Throws
  /// Error (value), with both lines, where it does not. 0: never.
  int pure_check = 1000;
};

/// What explain() prints, as numbers.
struct RegionStats {
  int64_t calls = 0, pure_calls = 0; // pure: whose bodies were skipped
  // Ops that matched a known path, and those that ran eagerly and made one; programs launched;
  // calls that left all known paths.
  int64_t ops_followed = 0, ops_recorded = 0, flushes = 0, divergences = 0;
  int64_t programs = 0, segments = 0;
  int64_t generic_calls = 0;   // flushes of other sizes than the path was recorded with
  int64_t eager_segments = 0;  // flushes whose ops ran one by one
  int64_t alias_fallbacks = 0; // those of them whose inputs overlap in another way than recorded
  int64_t verified = 0;        // runs that were compared with their ops
  int64_t unrecorded = 0;      // times that a new path met an exhausted budget
  int64_t kernels = 0;         // launches of all programs together
  int64_t early_kernels = 0;   // those of them that ran while the ops behind them were followed
  double compile_seconds = 0;
  // Of calls that were timed, one in 64 of those that recorded nothing: how many, all of their time
  // but that of compiling, and the part of it in which programs, or ops in their place, ran.
  int64_t timed_calls = 0;
  double timed_seconds = 0, timed_run_seconds = 0;
  // Backward passes that ran outside, over what the region recorded, and their kernel launches.
  int64_t backward_calls = 0, backward_kernels = 0;
};

namespace detail {

/// One call of a region: enters on construction; finish() runs what is pending; abandon() does so
/// while an exception travels.
class RegionCall {
public:
  explicit RegionCall(Region& region);
  /// A call of a pure function, which also checks `promised` where that is not null.
  RegionCall(Region& region, const PureValues& given, PureProgram* promised);
  ~RegionCall();
  RegionCall(const RegionCall&) = delete;
  void finish();
  void finish(const PureValues& results);
  void abandon() noexcept;

private:
  Region& region_;
  void* session_;
  std::vector<Tensor> arguments_; // of a pure function: what it lets go of stays itself
};

bool inside_region();
/// Says whether regions run their bodies as they are, op by op: in AnomalyMode.
bool runs_eagerly();
[[noreturn]] void refuse_moved_from();
/// Returns the region of a compiled object; throws where that has been moved from.
inline Region& checked(const std::shared_ptr<Region>& region) {
  if (!region) refuse_moved_from();
  return *region;
}
std::shared_ptr<Region> make_region(CompileOptions options, const Loc& loc);
bool is_pure(const Region& region);
[[noreturn]] void refuse_pure_types();
/// Runs a call of a pure function without its body. Returns false where the body must run, either
/// to make a program or to check the one that it puts into `promised`.
bool run_pure(Region& region, const PureValues& given, PureResults& results,
              PureProgram*& promised);
std::string explain(const Region& region, bool as_json);
RegionStats stats(const Region& region);

template <class Body> auto run_region(Region& region, Body&& body) -> decltype(body()) {
  if (runs_eagerly()) return body();
  if (inside_region()) return body(); // nested and recursive regions become part of the outer one
  RegionCall call(region);
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      call.finish();
    } else {
      decltype(auto) result = body();
      call.finish();
      return result;
    }
  } catch (...) {
    call.abandon();
    throw;
  }
}

/// Its address stands for the types of a call's arguments: equal bits of other types are another
/// call.
template <class... Args> inline constexpr char kArgumentTypes = 0;

/// Calls a pure function, whose body is `body`, with the arguments `args`.
template <class Body, class... Args>
auto call_pure(Region& region, Body&& body, const Args&... args) -> decltype(body()) {
  using Result = decltype(body());
  constexpr bool is_void = std::is_void_v<Result>;
  if constexpr (!(PureValue<Args> && ...) || !(is_void || PureValue<Result>)) {
    refuse_pure_types();
  } else {
    if (runs_eagerly() || inside_region()) return body();
    PureValues given;
    given.numbers.push_back(std::bit_cast<uintptr_t>(&kArgumentTypes<Args...>));
    (PureKind<Args>::take(args, given), ...);
    PureResults results;
    PureProgram* promised = nullptr;
    if (run_pure(region, given, results, promised)) {
      if constexpr (is_void)
        return;
      else
        return PureKind<Result>::give(results);
    }
    RegionCall call(region, given, promised);
    try {
      PureValues got;
      if constexpr (is_void) {
        body();
        call.finish(got);
      } else {
        Result result = body();
        PureKind<Result>::take(result, got);
        call.finish(got);
        return result;
      }
    } catch (...) {
      call.abandon();
      throw;
    }
  }
}

/// Calls a compiled function, pure or not.
template <class Body, class... Args>
auto call_region(Region& region, Body&& body, const Args&... args) -> decltype(body()) {
  if (is_pure(region)) return call_pure(region, body, args...);
  return run_region(region, body);
}

} // namespace detail

/// Waits until everything that compiles in the background is there, or did not succeed.
void wait_for_compiles();

/// Runs what the compiled function around this call has deferred, as reading a value does: behind
/// it another thread, or a kept pointer, may write what the ops before it read. Outside of compiled
/// functions there is nothing to run. On a device the ops have been launched.
void sync(Loc loc = Loc::current());

/// A function whose tensor work runs compiled. Copies share what was compiled. Safe to call from
/// several threads if the function itself is.
template <class F> class Compiled {
public:
  Compiled(F f, CompileOptions options, const Loc& loc)
      : f_(std::move(f)), region_(detail::make_region(std::move(options), loc)) {}

  /// Runs the function's body; its ops are followed along known paths and launched as fused kernels
  /// when the host reads a value or the call returns. Throws what the body throws.
  template <class... Args>
  requires std::invocable<F&, Args...>
  decltype(auto) operator()(Args&&... args) {
    return detail::call_region(
        detail::checked(region_),
        [&]() -> decltype(auto) { return std::invoke(f_, std::forward<Args>(args)...); }, args...);
  }

  /// Tells what was compiled: segments, flushes and divergences with their causes and lines,
  /// kernels, times.
  std::string explain() const { return detail::explain(detail::checked(region_), false); }
  /// Returns the same as JSON.
  std::string explain_json() const { return detail::explain(detail::checked(region_), true); }
  /// Returns the same as numbers.
  RegionStats stats() const { return detail::stats(detail::checked(region_)); }

private:
  F f_;
  std::shared_ptr<Region> region_;
};

/// Compiles a function of tensors: `auto step = compile([&](const Tensor& x) { ... });`. The first
/// call runs eagerly and records; later calls run fused kernels. Results equal the eager ones.
template <class F>
requires(!std::derived_from<std::remove_cvref_t<F>, nn::Module>) auto compile(
    F&& f, CompileOptions options = {}, Loc loc = Loc::current()) {
  return Compiled<std::decay_t<F>>(std::forward<F>(f), std::move(options), loc);
}

/// A module whose calls run compiled, while the module itself stays eager. They share parameters.
template <class M> class CompiledModule {
public:
  CompiledModule(const M& module, CompileOptions options, const Loc& loc)
      : module_(module), region_(detail::make_region(std::move(options), loc)) {}

  /// Calls the module with up to three arguments; its ops run as Compiled runs those of a function.
  template <class A> auto operator()(A&& a, Loc loc = Loc::current()) {
    return call([&] { return module_(std::forward<A>(a), loc); }, a);
  }
  template <class A, class B> auto operator()(A&& a, B&& b, Loc loc = Loc::current()) {
    return call([&] { return module_(std::forward<A>(a), std::forward<B>(b), loc); }, a, b);
  }
  template <class A, class B, class C>
  auto operator()(A&& a, B&& b, C&& c, Loc loc = Loc::current()) {
    return call(
        [&] { return module_(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c), loc); }, a,
        b, c);
  }

  /// Tells what was compiled, as text, as JSON and as numbers.
  std::string explain() const { return detail::explain(detail::checked(region_), false); }
  std::string explain_json() const { return detail::explain(detail::checked(region_), true); }
  RegionStats stats() const { return detail::stats(detail::checked(region_)); }

private:
  template <class Body, class... Args> auto call(Body&& body, const Args&... args) {
    return detail::call_region(detail::checked(region_), body, module_.is_training(), args...);
  }
  M module_;
  std::shared_ptr<Region> region_;
};

/// Compiles a module's forward: `auto fast = compile(net); fast(x)`. `net` itself stays eager; see
/// nn::Module::compile() for compiling every existing call of it.
template <class M>
requires std::derived_from<M, nn::Module>
auto compile(const M& module, CompileOptions options = {}, Loc loc = Loc::current()) {
  return CompiledModule<M>(module, std::move(options), loc);
}

} // namespace weft
