#include "tools/weft-bench/sampling.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace weft::bench {

namespace {

constexpr double kLeastSample = 300e-6;

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return NAN;
  double at = q * static_cast<double>(sorted.size() - 1);
  size_t k = static_cast<size_t>(at);
  double part = at - static_cast<double>(k);
  return k + 1 < sorted.size() ? sorted[k] * (1 - part) + sorted[k + 1] * part : sorted[k];
}

} // namespace

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Timed::Timed(std::function<void()> call, double warm_seconds, std::function<void()> finish)
    : call_(std::move(call)), finish_(std::move(finish)) {
  double start = now(), fastest = 1e9;
  int calls = 0;
  do {
    double t = now();
    call_();
    finish_();
    fastest = std::min(fastest, now() - t);
    calls++;
  } while (now() - start < warm_seconds || calls < 3);
  batch_ = std::clamp(static_cast<int>(kLeastSample / std::max(fastest, 1e-9)), 1, 20000);
}

double Timed::sample() const {
  call_(); // what was sampled before has left the caches
  finish_();
  double start = now();
  for (int k = 0; k < batch_; k++)
    call_();
  finish_();
  return (now() - start) / batch_;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return quantile(v, 0.5);
}

double spread(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return (quantile(v, 0.75) - quantile(v, 0.25)) / quantile(v, 0.5);
}

Interval bootstrap(const std::vector<double>& v) {
  constexpr int kDraws = 2000;
  std::mt19937_64 random(12345);
  std::uniform_int_distribution<size_t> pick(0, v.empty() ? 0 : v.size() - 1);
  std::vector<double> medians, draw(v.size());
  for (int k = 0; k < kDraws && !v.empty(); k++) {
    for (double& d : draw)
      d = v[pick(random)];
    medians.push_back(median(draw));
  }
  std::sort(medians.begin(), medians.end());
  return {quantile(medians, 0.025), median(v), quantile(medians, 0.975)};
}

std::vector<std::vector<double>> interleave(const std::vector<std::function<double()>>& samplers,
                                            double seconds, int least) {
  std::vector<std::vector<double>> all(samplers.size());
  double start = now();
  for (int round = 0; round < least || now() - start < seconds; round++)
    for (size_t k = 0; k < samplers.size(); k++)
      all[k].push_back(samplers[k]());
  return all;
}

std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> r;
  for (size_t k = 0; k < std::min(a.size(), b.size()); k++)
    r.push_back(a[k] / b[k]);
  return r;
}

} // namespace weft::bench
