// Helpers of the tests of compiled programs: inputs, and how far two results are apart.
#pragma once

#include "weft/weft.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace weft::test {

inline Tensor ramp(const Shape& shape, double scale = 1.0, DType dtype = f32) {
  int64_t n = 1;
  for (int64_t s : shape)
    n *= s;
  std::vector<float> v(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; k++)
    v[static_cast<size_t>(k)] =
        static_cast<float>(scale * (static_cast<double>(k * 7919 % 2003) / 1001.5 - 1.0));
  return from_data(v.data(), shape, f32).to(dtype);
}

inline std::vector<double> numbers(const Tensor& t) {
  std::vector<double> v;
  for (double x : t.detach().to(f64).contiguous().to_vector<double>())
    v.push_back(x);
  return v;
}

/// Largest difference, relative to 1 + the expected size; infinite where exactly one of them is
/// NaN.
inline double difference(const Tensor& want, const Tensor& have) {
  REQUIRE(want.shape() == have.shape());
  REQUIRE(want.dtype() == have.dtype());
  std::vector<double> a = numbers(want), b = numbers(have);
  double worst = 0;
  for (size_t k = 0; k < a.size(); k++) {
    if (a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]))) continue;
    double d = std::fabs(a[k] - b[k]) / (1 + std::fabs(a[k]));
    worst = std::max(worst, std::isnan(d) ? INFINITY : d);
  }
  return worst;
}

/// Tolerances of sums.
inline constexpr double kSum = 2e-5, kSumBf16 = 0.02;

using Inputs = std::vector<Tensor>;
using Body = std::function<std::vector<Tensor>(const Inputs&)>;

/// Calls the body eagerly and compiled on equal inputs, thrice; results and inputs, which the body
/// may write, must agree. Returns the region's text.
inline std::string compare(const Body& body, const std::function<Inputs()>& make,
                           double tolerance = 0, int64_t most_kernels = -1) {
  auto f = compile([&](const Inputs& x) { return body(x); });
  for (int call = 0; call < 3; call++) {
    INFO("call " << call);
    manual_seed(11);
    Inputs eager = make(), compiled = make();
    manual_seed(12);
    std::vector<Tensor> want = body(eager);
    manual_seed(12);
    std::vector<Tensor> have = f(compiled);
    REQUIRE(want.size() == have.size());
    for (size_t k = 0; k < want.size(); k++) {
      INFO("result " << k);
      CHECK(difference(want[k], have[k]) <= tolerance);
    }
    for (size_t k = 0; k < eager.size(); k++) {
      INFO("input " << k);
      CHECK(difference(eager[k], compiled[k]) <= tolerance);
    }
  }
  RegionStats s = f.stats();
  INFO(f.explain());
  CHECK(s.programs >= 1);
  CHECK(s.eager_segments == 0);
  CHECK(s.divergences == 0);
  if (most_kernels >= 0) CHECK(s.kernels <= 2 * most_kernels);
  return f.explain();
}

} // namespace weft::test
