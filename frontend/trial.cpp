#include "frontend/trial.h"

#include <algorithm>

namespace weft {

bool Trial::wants_ops() const {
  if (is_over()) return false;
  std::lock_guard lock(mutex_);
  return program_runs_ >= kRuns && ops_runs_ < program_runs_ - kRuns + 1;
}

void Trial::program_took(double time) {
  std::lock_guard lock(mutex_);
  if (is_over()) return;
  best_program_ = program_runs_ ? std::min(best_program_, time) : time;
  program_runs_++;
  if (best_program_ < kLeast || best_program_ * 2 < recorded_)
    skip();
  else
    judge();
}

void Trial::ops_took(double time) {
  std::lock_guard lock(mutex_);
  if (is_over()) return;
  best_ops_ = ops_runs_ ? std::min(best_ops_, time) : time;
  ops_runs_++;
  judge();
}

// As many runs of each count after the program's first ones, in turns.
void Trial::judge() {
  if (ops_runs_ < kRuns || program_runs_ < 2 * kRuns) return;
  if (best_program_ > kTooLong * best_ops_)
    slower_by_.store(best_program_ / best_ops_, std::memory_order_relaxed);
  skip();
}

} // namespace weft
