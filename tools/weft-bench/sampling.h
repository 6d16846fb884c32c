// Timing: samples in batches, medians, intervals by the bootstrap.
#pragma once

#include <functional>
#include <vector>

namespace weft::bench {

/// Seconds on a clock that never goes back.
double now();

/// Something to time, with the number of calls that make one sample long enough to trust.
class Timed {
public:
  /// Warms up for `warm_seconds` and sets the batch so that a sample takes at least 300 us.
  /// `finish` waits for what calls leave to a device.
  explicit Timed(
      std::function<void()> call, double warm_seconds = 0.02, std::function<void()> finish = [] {});
  /// Returns seconds a call, from one batch after one call that does not count.
  double sample() const;
  int batch() const { return batch_; }

private:
  std::function<void()> call_, finish_;
  int batch_ = 1;
};

double median(std::vector<double> v);
/// Returns (third quartile - first quartile) / median.
double spread(std::vector<double> v);

struct Interval {
  double low = 0, middle = 0, high = 0;
};
/// Returns the median of v and the 95 % interval of that median (percentile bootstrap, 2000 draws,
/// Efron 1979). The draws are seeded: the same samples give the same interval.
Interval bootstrap(const std::vector<double>& v);

/// Calls each sampler in turn, a round at a time, for `seconds` and at least `least` rounds: what
/// disturbs the machine disturbs all of them alike. Returns the samples of each.
std::vector<std::vector<double>> interleave(const std::vector<std::function<double()>>& samplers,
                                            double seconds, int least = 15);

/// Returns a / b, sample by sample.
std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b);

} // namespace weft::bench
