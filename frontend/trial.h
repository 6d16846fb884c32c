// Whether a program is worth running: its first runs are timed, and where they take suspiciously
// long a few runs of its ops one by one are timed too.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace weft {

/// The trial of one program. Times are in nanoseconds. Threads may share it.
class Trial {
public:
  /// What the ops took where they were recorded; 0 where that is not known. Caches were cold then,
  /// so only a program that takes half of it or more is looked at closely.
  void begin(double recorded) { recorded_ = recorded; }
  bool is_over() const { return is_over_.load(std::memory_order_acquire); }
  /// Says whether the next run is to be one by one.
  bool wants_ops() const;
  void program_took(double time);
  void ops_took(double time);
  /// Ends the trial where it does not apply.
  void skip() { is_over_.store(true, std::memory_order_release); }
  /// After the trial: how many times as long as its ops the program took where that is too long,
  /// else 0.
  double slower_by() const { return slower_by_.load(std::memory_order_relaxed); }

private:
  static constexpr double kLeast = 20'000; // below it no choice is worth its measurement
  static constexpr int kRuns = 3;
  static constexpr double kTooLong = 1.1; // times as long as the ops
  void judge();

  mutable std::mutex mutex_;
  double recorded_ = 0, best_program_ = 0, best_ops_ = 0;
  int program_runs_ = 0, ops_runs_ = 0;
  std::atomic<bool> is_over_{false};
  std::atomic<double> slower_by_{0};
};

} // namespace weft
