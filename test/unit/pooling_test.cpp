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

TEST_CASE("maxima are the greatest elements and lie where they are said to", "[pooling]") {
  Tensor x = tensor({1.f, 3.f, 2.f, 3.f, 0.f, -1.f}).reshape({1, 1, 6});
  auto [values, indices] = max_pool1d_with_indices(x, 3, 1, 1);
  check_close(values, {3, 3, 3, 3, 3, 0});
  CHECK(indices.to_vector<int64_t>() ==
        std::vector<int64_t>{1, 1, 1, 3, 3, 4}); // the first of equals
  check_close(max_pool1d(x, 2, 2, 0, 2), {2, 2});
  check_close(max_pool1d(x, 4, 4, 0, 1, true), {3, 0});
  float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor odd = tensor({nan, 1.f, nan, 2.f, -kInf, -kInf}).reshape({1, 6});
  auto [with_nan, where_nan] = max_pool1d_with_indices(odd, 2);
  CHECK(std::isnan(with_nan.to_vector<float>()[0]));
  CHECK(where_nan.to_vector<int64_t>() == std::vector<int64_t>{0, 2, 4});
  CHECK(with_nan.to_vector<float>()[2] == -kInf);
  Tensor whole = arange(16).reshape({1, 4, 4});
  CHECK(max_pool2d(whole, 2).to_vector<int64_t>() == std::vector<int64_t>{5, 7, 13, 15});
  CHECK(max_pool2d(transpose(whole, 1, 2), 2).to_vector<int64_t>() ==
        std::vector<int64_t>{5, 13, 7, 15});
  CHECK(adaptive_max_pool2d(whole, {3, 1}).to_vector<int64_t>() == std::vector<int64_t>{7, 11, 15});
  CHECK(max_pool3d(zeros({0, 1, 4, 4, 4}), 2).shape() == Shape{0, 1, 2, 2, 2});
  CHECK_THROWS_WITH(max_pool2d(whole, 2, 2, 2), Contains("padding must be at most half"));
  CHECK_THROWS_WITH(max_pool1d(ones({1, 1}), 2, 1, 1, 2),
                    Contains("each window must see elements"));
  CHECK_THROWS_WITH(max_pool2d(whole > 2, 2), Contains("must be of numbers"));
}

TEST_CASE("the gradient of a maximum goes to one element", "[pooling]") {
  Tensor x = ones({1, 4, 4}).requires_grad_();
  sum(max_pool2d(x, 2, 1)).backward();
  check_close(x.grad(), {1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0});
}
