// StepClock: what the steps of one compilation take. Steps do not overlap, so that their times add
// up.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <string>
#include <vector>

namespace weft {

class StepClock {
public:
  struct Step {
    std::string name, kernel; // kernel: its symbol where the step is of one
    double start_ms = 0, ms = 0;
  };

  /// Calls `f` and notes what it took.
  template <class F> auto time(llvm::StringRef name, F&& f, llvm::StringRef kernel = {}) {
    struct Note {
      StepClock& clock;
      llvm::StringRef name, kernel;
      double start = clock.now();
      ~Note() { clock.add(name, kernel, start, clock.now() - start); }
    } note{*this, name, kernel};
    return f();
  }
  void add(llvm::StringRef name, llvm::StringRef kernel, double start_ms, double ms) {
    steps.push_back({name.str(), kernel.str(), start_ms, ms});
  }
  /// Milliseconds since the clock was made.
  double now() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_)
        .count();
  }

  std::vector<Step> steps;

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace weft
