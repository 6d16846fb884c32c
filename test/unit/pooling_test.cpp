// Averages and maxima over windows and parts.

#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

void check_close(const Tensor& a, const std::vector<double>& wanted) {
  auto got = a.to_vector<double>();
  REQUIRE(got.size() == wanted.size());
  for (size_t k = 0; k < got.size(); k++)
    CHECK((got[k] == wanted[k] || std::abs(got[k] - wanted[k]) <= 1e-6));
}

} // namespace

TEST_CASE("averages count what they say they count") {
  Tensor x = ones({1, 1, 3});
  check_close(avg_pool1d(x, 2, 2, 1), {0.5, 1});
  check_close(avg_pool1d(x, 2, 2, 1, false, false), {1, 1});
  check_close(avg_pool1d(x, 2, 2, 0, true), {1, 1}); // what hangs over the end does not count
  check_close(avg_pool1d(ones({1, 1, 4}), 3, 3, 1, true), {2.0 / 3, 2.0 / 3});
  check_close(avg_pool2d(ones({1, 2, 2}), 2, {}, 0, false, true, 3), {4.0 / 3});
  check_close(avg_pool1d(tensor({1.f, kInf, 1.f, 1.f}).reshape({1, 4}), 2), {kInf, 1});
  check_close(adaptive_avg_pool1d(tensor({1.f, 2.f, 3.f, 10.f}).reshape({1, 1, 4}), 3),
              {1.5, 2.5, 6.5});
  CHECK(adaptive_avg_pool2d(ones({2, 3, 7, 9}), {3, 4}).shape() == Shape{2, 3, 3, 4});
  CHECK(avg_pool2d(zeros({0, 2, 4, 4}), 2).shape() == Shape{0, 2, 2, 2});
  CHECK_THROWS_WITH(avg_pool1d(x, 2, 1, 2), Contains("padding must be at most half"));
  CHECK_THROWS_WITH(avg_pool1d(x, 4), Contains("the kernel must fit"));
  CHECK_THROWS_WITH(avg_pool1d(ones({3}), 1), Contains("x must have 2 or 3 dims"));
  CHECK_THROWS_WITH(avg_pool2d(ones({1, 2, 2}), 2, {}, 0, false, true, 0),
                    Contains("divisor_override"));
}
