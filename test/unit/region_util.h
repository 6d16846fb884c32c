// Helpers of the region tests: run a body eagerly and compiled, several times, and compare.
#pragma once

#include <catch2/catch.hpp>
#include <weft/weft.h>

#include <cmath>
#include <cstring>

namespace region_test {

using namespace weft;

inline Tensor ramp(const Shape& shape, double start = -1.0, double step = 0.37) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t k = 0; k < v.size(); k++)
    v[k] = static_cast<float>(start + std::fmod(step * static_cast<double>(k), 3.0));
  return tensor(v, shape);
}

/// Requires equal shapes and elements; `tolerance` is relative to the largest element.
inline void require_equal(const Tensor& got, const Tensor& want, double tolerance = 0) {
  REQUIRE(got.defined() == want.defined());
  if (!want.defined()) return;
  REQUIRE(got.shape().str() == want.shape().str());
  REQUIRE(got.dtype() == want.dtype());
  const auto a = got.to_vector<double>(), b = want.to_vector<double>();
  double scale = 1e-30;
  for (double x : b)
    if (std::isfinite(x)) scale = std::max(scale, std::abs(x));
  for (size_t k = 0; k < a.size(); k++) {
    INFO("element " << k << ": got " << a[k] << ", want " << b[k]);
    if (std::isnan(b[k]))
      REQUIRE(std::isnan(a[k]));
    else if (tolerance == 0)
      REQUIRE(a[k] == b[k]);
    else
      REQUIRE(std::abs(a[k] - b[k]) <= tolerance * scale);
  }
}

/// Calls body(k) eagerly and through one compiled object for k = 0 .. calls - 1, compares results.
template <class Body>
RegionStats compare(Body body, int calls = 5, double tolerance = 0, CompileOptions options = {}) {
  auto compiled = compile(body, options);
  for (int k = 0; k < calls; k++) {
    INFO("call " << k);
    const Tensor want = body(k);
    require_equal(compiled(k), want, tolerance);
  }
  return compiled.stats();
}

} // namespace region_test
