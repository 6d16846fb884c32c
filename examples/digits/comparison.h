// What the demo measures and how it shows it.
#pragma once

#include <weft/weft.h>

#include <chrono>
#include <string>
#include <vector>

namespace digits {

class Stopwatch {
public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

template <class F> double seconds_of(F&& f) {
  Stopwatch watch;
  f();
  return watch.seconds();
}

/// Keeps the program cache in an empty folder of its own while it lives.
class PrivateCache {
public:
  PrivateCache();
  ~PrivateCache();

private:
  std::string folder_;
};

/// A line on a terminal that is written anew; elsewhere one line at the end.
class ProgressBar {
public:
  ProgressBar(std::string what, int total);
  void update(int done, const std::string& note);
  void finish();

private:
  std::string what_, last_;
  int total_;
  bool is_terminal_;
};

/// The largest absolute difference of two tensors, or of two lists of them.
double difference(const weft::Tensor& a, const weft::Tensor& b);
double difference(const std::vector<weft::Tensor>& a, const std::vector<weft::Tensor>& b);

/// Starts this program again with --first-compile, so that nothing but the cache is warm.
double first_compile_in_new_process(const std::string& data, const std::string& net,
                                    weft::Device device);

/// Both trainings side by side. Steps are paired: each was timed eagerly and compiled in turn.
class Comparison {
public:
  /// Adds a step. Those that recorded or compiled count for nothing but the first compile's time.
  void add_step(double eager_seconds, double compiled_seconds, const weft::RegionStats& before,
                const weft::RegionStats& after);
  void print(int64_t train_images, int64_t test_images) const;
  /// Both accuracies are 0.97 or more, and the speed-up is beyond `least`, with 95 % certainty.
  bool passed(double least) const;

  double eager_accuracy = 0, compiled_accuracy = 0;
  double weight_difference = 0, prediction_difference = 0;
  double cached_compile_seconds = 0;

private:
  struct Interval {
    double middle, low, high;
  };
  Interval speed_up() const;

  std::vector<double> eager_, compiled_;
  double first_compile_seconds_ = 0;
  int64_t ops_ = 0, kernels_ = 0; // of the last counted step
};

} // namespace digits
