// Runs a small program eagerly and compiled in several ways, and compares everything that can be
// seen of it: the tensors it shows, what it writes down, its errors with
// their lines, and the state of the random numbers after it.
#pragma once

#include <catch2/catch.hpp>
#include <weft/weft.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace soundness {

using namespace weft;

/// A run of a program: where it shows what can be seen of it.
class Witness {
public:
  /// From verified on: compiled with these options (CompileOptions); sparing: with a memory_budget
  /// that no program meets, so that whatever is cheap is computed again.
  enum class Run { eager, compiled, verified, generic, background, deterministic, sparing };
  explicit Witness(Run run) : run_(run) {}

  /// Returns the function, compiled in the compiled run.
  template <class F>
  requires(!std::derived_from<F, nn::Module>) auto compile(F f, CompileOptions options = {});
  /// Compiles every call of a module in the compiled run.
  void compile(nn::Module& module) const {
    if (is_compiled()) module.compile(completed({}));
  }

  /// Shows a tensor as it is now.
  void see(const Tensor& t);
  void see(const std::vector<Tensor>& list) {
    for (const Tensor& t : list)
      see(t);
  }
  void see(double number) { see(tensor(number)); }
  /// Writes a line down.
  void note(std::string text) { seen_.push_back({std::move(text), {}, 0}); }
  /// Runs something that may throw, and writes the error down with its line.
  template <class F> void attempt(F f) {
    try {
      f();
      note("no error");
    } catch (const std::exception& e) {
      note(e.what());
    }
  }

  bool is_compiled() const { return run_ != Run::eager; }
  /// The options of a case, with those of the run.
  CompileOptions completed(CompileOptions options) const {
    options.verify = run_ == Run::verified;
    options.background = run_ == Run::background;
    options.deterministic = run_ == Run::deterministic;
    if (run_ == Run::generic) options.sizes = CompileOptions::Sizes::generic;
    if (run_ == Run::sparing) options.memory_budget = 1;
    return options;
  }
  void add(const RegionStats& stats) { programs_ += stats.programs; }
  int64_t programs() const { return programs_; }

  /// Requires that another run showed the same.
  void require_same(const Witness& other) const;

private:
  struct Seen {
    std::string text; // a line, or dtype and shape
    std::vector<double> values;
    double tolerance = 0; // relative to the largest value
  };
  Run run_;
  int64_t programs_ = 0;
  std::vector<Seen> seen_;
};

/// A function that runs compiled in the compiled run.
template <class F> class Function {
public:
  Function(Witness& witness, F f, CompileOptions options) : witness_(&witness), f_(std::move(f)) {
    if (witness.is_compiled())
      compiled_.emplace(weft::compile(f_, witness.completed(std::move(options))));
  }
  Function(const Function&) = delete;
  ~Function() {
    if (compiled_) witness_->add(compiled_->stats());
  }
  template <class... Args> decltype(auto) operator()(Args&&... args) {
    return compiled_ ? (*compiled_)(std::forward<Args>(args)...)
                     : std::invoke(f_, std::forward<Args>(args)...);
  }
  RegionStats stats() const { return compiled_ ? compiled_->stats() : RegionStats(); }

private:
  Witness* witness_;
  F f_;
  std::optional<Compiled<F>> compiled_;
};

template <class F>
requires(!std::derived_from<F, nn::Module>) auto Witness::compile(F f, CompileOptions options) {
  return Function<F>(*this, std::move(f), std::move(options));
}

/// Tensors of numbers that do not repeat soon, in -1 .. 2.
Tensor ramp(const Shape& shape, double start = -1.0, DType dtype = f32);

/// Runs a program both ways. At least one program must have been compiled, unless `may_stay_eager`.
void check(void (*program)(Witness&), bool may_stay_eager);

} // namespace soundness

#define SOUND_CASE(name, program, may_stay_eager)                                                  \
  static void program(soundness::Witness& w);                                                      \
  TEST_CASE(name) { soundness::check(program, may_stay_eager); }                                   \
  static void program([[maybe_unused]] soundness::Witness& w)
/// A case: the body is the program, `w` its witness.
#define SOUND(name) SOUND_CASE(name, INTERNAL_CATCH_UNIQUE_NAME(program), false)
/// A case in which nothing needs to be compiled.
#define SOUND_EVEN_EAGER(name) SOUND_CASE(name, INTERNAL_CATCH_UNIQUE_NAME(program), true)
