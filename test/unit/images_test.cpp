// Images whose elements change places.

#include "weft/ops.h"

#include <catch2/catch.hpp>

using namespace weft;
using Catch::Matchers::Contains;

TEST_CASE("a convolution is a product with the columns of unfold", "[images]") {
  manual_seed(2);
  Tensor x = uniform({2, 3, 7, 6}, -3, 4).to(i64), w = uniform({4, 3, 3, 2}, -3, 4).to(i64);
  Tensor columns = unfold(x, {3, 2}, {1, 2}, {1, 2}, {2, 1});
  Tensor product = matmul(reshape(w, {4, 18}), columns);
  Tensor y = conv2d(x, w, {}, {2, 1}, {1, 2}, {1, 2});
  CHECK(product.to_vector<int64_t>() == y.to_vector<int64_t>());
  CHECK(unfold(select(x, 0, 1), {3, 2}).to_vector<int64_t>() ==
        select(unfold(x, {3, 2}), 0, 1).to_vector<int64_t>());
}

TEST_CASE("fold sums what unfold repeats", "[images]") {
  Tensor x = ones({1, 1, 4, 4}, f64);
  Tensor counts = fold(unfold(x, 2), {4, 4}, 2);
  CHECK(counts.to_vector<int64_t>() ==
        std::vector<int64_t>{1, 2, 2, 1, 2, 4, 4, 2, 2, 4, 4, 2, 1, 2, 2, 1});
  Tensor parts = arange(16).reshape({1, 4, 4});
  CHECK(fold(parts, {4, 4}, 2, 1, 0, 2).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15});
  float inf = std::numeric_limits<float>::infinity();
  CHECK(fold(full({1, 2, 2}, inf), {1, 3}, {1, 2}).to_vector<float>() ==
        std::vector<float>{inf, inf, inf});
  CHECK_THROWS_WITH(fold(parts, {5, 4}, 2), Contains("the places of the windows"));
  CHECK_THROWS_WITH(unfold(x, 5), Contains("that the kernel fits"));
  CHECK_THROWS_WITH(unfold(x, {1, 2, 3}), Contains("kernel_size must be one number or 2"));
}

TEST_CASE("pixels become channels and channels pixels", "[images]") {
  Tensor x = arange(48).reshape({2, 4, 2, 3});
  Tensor y = pixel_shuffle(x, 2);
  CHECK(y.shape() == Shape{2, 1, 4, 6});
  CHECK(select(select(select(y, 0, 0), 0, 0), 0, 0).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 6, 1, 7, 2, 8});
  CHECK(pixel_unshuffle(y, 2).to_vector<int64_t>() == x.to_vector<int64_t>());
  CHECK(channel_shuffle(channel_shuffle(x, 2), 2).to_vector<int64_t>() == x.to_vector<int64_t>());
  CHECK_THROWS_WITH(pixel_shuffle(x, 3), Contains("C * r^2"));
  CHECK_THROWS_WITH(pixel_unshuffle(x, 4), Contains("H * r"));
  CHECK_THROWS_WITH(channel_shuffle(x, 3), Contains("multiple of groups"));
}

TEST_CASE("images take other sizes", "[images]") {
  Tensor x = tensor({0.f, 2.f, 6.f}).reshape({1, 1, 3});
  using Floats = std::vector<float>;
  CHECK(interpolate(x, {5}).to_vector<float>() == Floats{0, 0, 2, 2, 6});
  CHECK(interpolate(x, {5}, {}, "nearest-exact").to_vector<float>() == Floats{0, 0, 2, 6, 6});
  CHECK(interpolate(x, {5}, {}, "linear", true).to_vector<float>() == Floats{0, 1, 2, 4, 6});
  CHECK(interpolate(x, {}, {2.0}, "linear").to_vector<float>() == Floats{0, 0.5, 1.5, 3, 5, 6});
  CHECK(interpolate(x, {2}, {}, "area").to_vector<float>() == Floats{1, 4});
  CHECK(interpolate(arange(4).reshape({1, 1, 2, 2}), {}, {2.0}).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3});
  CHECK_THROWS_WITH(interpolate(x, {2}, {}, "bilinear"), Contains("mode must be"));
  CHECK_THROWS_WITH(interpolate(x, {2}, {2.0}), Contains("either size or scale_factor"));
  CHECK_THROWS_WITH(interpolate(x), Contains("either size or scale_factor"));
  CHECK_THROWS_WITH(interpolate(x, {}, {0.1}), Contains("sizes must be positive"));
}
