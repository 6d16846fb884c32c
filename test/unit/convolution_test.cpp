// Convolution against plain loops, over drawn geometries; its dtypes, threads and refusals.

#include "test/unit/conv_geometry.h"

#include "weft/parallel.h"

#include <catch2/catch.hpp>

#include <random>

using namespace weft;
using Catch::Matchers::Contains;
using weft::test::ConvGeometry;

namespace {

// Calls f with the row-major numbers of image, weight and result of each product of the sum.
template <class F> void each_product(const ConvGeometry& g, F f) {
  auto count = [](const Shape& s) {
    int64_t n = 1;
    for (int64_t size : s)
      n *= size;
    return n;
  };
  std::vector<int64_t> outs;
  for (size_t k = 0; k < g.sizes.size(); k++)
    outs.push_back(g.places(k));
  Shape x = g.x(), w = g.weight(), y = ConvGeometry::shape(g.samples, g.groups * g.rows, outs);
  int64_t taps = count(w) / (w[0] * w[1]), places = count(y) / (y[0] * y[1]);
  for (int64_t i = 0; i < count(y); i++)
    for (int64_t c = 0; c < w[1]; c++)
      for (int64_t t = 0; t < taps; t++) {
        int64_t out = i / places % y[1], sample = i / places / y[1], place = i % places, tap = t;
        int64_t at = 0, step = 1;
        bool is_inside = true;
        for (size_t k = g.sizes.size(); k-- > 0;) {
          int64_t p =
              place % outs[k] * g.stride[k] - g.padding[k] + tap % g.kernel[k] * g.dilation[k];
          is_inside = is_inside && p >= 0 && p < g.sizes[k];
          at += p * step;
          step *= g.sizes[k];
          place /= outs[k];
          tap /= g.kernel[k];
        }
        int64_t channel = out / g.rows * g.channels + c;
        if (is_inside) f((sample * x[1] + channel) * step + at, (out * w[1] + c) * taps + t, i);
      }
}

// Whole numbers are exact in every dtype here, so results must be equal.
Tensor whole(const Shape& shape, DType dtype) {
  return (uniform(shape, -3, 4, f64).to(i64)).to(dtype);
}

} // namespace

TEST_CASE("convolution and its gradients are the sums that they stand for", "[convolution]") {
  std::mt19937 random(5);
  manual_seed(5);
  for (int k = 0; k < 120; k++) {
    ConvGeometry g = ConvGeometry::draw(random);
    DType dtype = k % 3 == 0 ? f64 : k % 3 == 1 ? f32 : i64;
    INFO(g.text() << " " << name_of(dtype));
    Tensor x = whole(g.x(), dtype), w = whole(g.weight(), dtype);
    bool has_gradient = dtype != i64;
    if (has_gradient) {
      x.requires_grad_();
      w.requires_grad_();
    }
    Tensor y = g.convolve(x, w);
    auto xs = x.to_vector<double>(), ws = w.to_vector<double>();
    std::vector<double> sums(static_cast<size_t>(y.numel()));
    each_product(g, [&](int64_t i, int64_t j, int64_t p) { sums[p] += xs[i] * ws[j]; });
    REQUIRE(y.to_vector<double>() == sums);
    if (!has_gradient) continue;
    Tensor seed = whole(y.shape(), dtype);
    y.backward(seed);
    auto ds = seed.to_vector<double>();
    std::vector<double> dx(xs.size()), dw(ws.size());
    each_product(g, [&](int64_t i, int64_t j, int64_t p) {
      dx[i] += ds[p] * ws[j];
      dw[j] += ds[p] * xs[i];
    });
    REQUIRE(x.grad().to_vector<double>() == dx);
    REQUIRE(w.grad().to_vector<double>() == dw);
  }
}

TEST_CASE("a transposed convolution is the gradient of the convolution", "[convolution]") {
  manual_seed(6);
  for (int64_t more : {0, 1, 2}) {
    Tensor x = whole({2, 4, 5}, f64), w = whole({4, 3, 3}, f64);
    Tensor y = conv_transpose1d(x, w, {}, 3, 1, more, 2);
    CHECK(y.shape() == Shape{2, 6, 13 + more});
    Tensor image = zeros(y.shape(), f64).requires_grad_();
    conv1d(slice(image, -1, 0, 13), w, {}, 3, 1, 1, 2).backward(x);
    CHECK(slice(y, -1, 0, 13).to_vector<double>() ==
          slice(image.grad(), -1, 0, 13).to_vector<double>());
  }
  // A dilation allows more padding than the stride does.
  CHECK(conv_transpose1d(ones({1, 1, 2}), ones({1, 1, 2}), {}, 1, 0, 1, 1, 2).to_vector<float>() ==
        std::vector<float>{1, 1, 1, 1, 0});
}

TEST_CASE("convolution rounds bf16 once and takes any layout", "[convolution]") {
  manual_seed(7);
  Tensor x = normal({2, 3, 9, 8}), w = normal({5, 3, 3, 3});
  Tensor narrow = conv2d(x.to(bf16), w.to(bf16));
  Tensor wide = conv2d(x.to(bf16).to(f32), w.to(bf16).to(f32)).to(bf16);
  CHECK(narrow.to_vector<float>() == wide.to_vector<float>());
  Tensor last = permute(permute(x, {0, 2, 3, 1}).clone(), {0, 3, 1, 2});
  CHECK_FALSE(last.is_contiguous());
  CHECK(conv2d(last, w).to_vector<float>() == conv2d(x, w).to_vector<float>());
  CHECK(conv2d(expand(ones({1, 1, 1, 1}), {2, 3, 5, 5}), w).shape() == Shape{2, 5, 3, 3});
}

TEST_CASE("a sample may be given without its dim, and there may be none", "[convolution]") {
  Tensor x = ones({3, 6, 6}), w = ones({2, 3, 3, 3});
  CHECK(conv2d(x, w).shape() == Shape{2, 4, 4});
  CHECK(conv_transpose2d(ones({2, 4, 4}), w).shape() == Shape{3, 6, 6});
  Tensor none = zeros({0, 3, 6, 6}).requires_grad_(), kernel = w.clone().requires_grad_();
  Tensor y = conv2d(none, kernel);
  CHECK(y.shape() == Shape{0, 2, 4, 4});
  y.backward(zeros({0, 2, 4, 4}));
  CHECK(kernel.grad().to_vector<float>() == std::vector<float>(54, 0.f));
}

TEST_CASE("padding by name keeps the sizes", "[convolution]") {
  for (int64_t kernel : {1, 2, 3, 4})
    for (int64_t dilation : {1, 2}) {
      Tensor y = conv1d(ones({1, 1, 9}), ones({1, 1, kernel}), {}, 1, "same", dilation);
      CHECK(y.shape() == Shape{1, 1, 9});
    }
  CHECK(conv1d(ones({1, 1, 9}), ones({1, 1, 3}), {}, 2, "valid").shape() == Shape{1, 1, 4});
}

TEST_CASE("results do not depend on the number of threads", "[convolution]") {
  manual_seed(8);
  Tensor x = normal({3, 24, 31, 29}).requires_grad_(), w = normal({40, 24, 3, 3}).requires_grad_();
  std::vector<std::vector<float>> results;
  for (int threads : {1, 3}) {
    set_num_threads(threads);
    x.set_grad({});
    w.set_grad({});
    Tensor y = conv2d(x, w, {}, 2, 1);
    y.backward(y.detach());
    results.push_back(y.to_vector<float>());
    results.push_back(x.grad().to_vector<float>());
    results.push_back(w.grad().to_vector<float>());
  }
  set_num_threads(0);
  for (size_t k = 0; k < 3; k++)
    CHECK(results[k] == results[k + 3]);
}

TEST_CASE("what is no convolution is refused", "[convolution]") {
  Tensor x = ones({1, 4, 5, 5}), w = ones({6, 2, 3, 3});
  CHECK_THROWS_WITH(conv2d(x, w), Contains("conv2d: x must have as many channels as weight"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, 1, 0, 1, 4), Contains("as many channels"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, 1, 0, 1, 0), Contains("groups must be positive"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, 0, 0, 1, 2), Contains("stride must be one number or 2"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, {1, 1, 1}, 0, 1, 2),
                    Contains("stride must be one number or 2"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, 1, -1, 1, 2), Contains("padding must be"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, 1, 0, 3, 2), Contains("the kernel, dilated, must fit"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, 2, "same", 1, 2), Contains("stride must be 1"));
  CHECK_THROWS_WITH(conv2d(x, w, {}, 1, "full", 1, 2), Contains("padding: must be"));
  CHECK_THROWS_WITH(conv2d(x, w, ones({2}), 1, 0, 1, 2), Contains("bias must have the shape [6]"));
  CHECK_THROWS_WITH(conv2d(x, w.to(f64), {}, 1, 0, 1, 2), Contains("one dtype"));
  CHECK_THROWS_WITH(conv2d(ones({1, 4, 0, 5}), w, {}, 1, 3, 1, 2),
                    Contains("images must have elements"));
  CHECK_THROWS_WITH(conv1d(x, w), Contains("conv1d: x must have 2 or 3 dims"));
  CHECK_THROWS_WITH(conv_transpose2d(x, ones({4, 1, 3, 3}), {}, 2, 0, 2),
                    Contains("output_padding must be less"));
  CHECK_THROWS_WITH(conv_transpose2d(x, ones({4, 1, 1, 1}), {}, 1, 9),
                    Contains("sizes must be positive"));
}
