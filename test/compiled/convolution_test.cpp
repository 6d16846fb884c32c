// Convolutions as products: over drawn geometries and dtypes against eager calls, with what follows
// them in the same kernel.

#include "test/compiled/compiled_util.h"
#include "test/unit/conv_geometry.h"

using namespace weft;
using namespace weft::test;

namespace {

// The result as it is, and with a bias, an activation, a residual and a cast.
std::vector<Tensor> forms(const ConvGeometry& g, const Inputs& x) {
  Tensor y = g.convolve(x[0], x[1]);
  Shape channel = Ints::filled(static_cast<int>(y.shape().size()), 1);
  channel[1] = y.size(1);
  Tensor bias = reshape(x[2], channel);
  return {y, gelu(y * bias + bias), relu(y + bias + x[3]).to(f64)};
}

Inputs inputs_of(const ConvGeometry& g, DType dtype) {
  Inputs x{ramp(g.x(), 1, dtype), ramp(g.weight(), 1, dtype)};
  Tensor y = g.convolve(x[0], x[1]);
  x.push_back(ramp({y.size(1)}, 1, dtype));
  x.push_back(ramp(y.shape(), 1, dtype));
  return x;
}

} // namespace

TEST_CASE("convolutions of drawn geometries are equal to eager ones", "[compiled]") {
  std::mt19937 random(7);
  const DType dtypes[] = {f32, f32, f64, bf16, f16};
  for (int k = 0; k < 60; k++) {
    ConvGeometry g = ConvGeometry::draw(random);
    DType dtype = dtypes[k % 5];
    INFO(g.text() << " of " << name_of(dtype));
    auto body = [&](const Inputs& x) { return forms(g, x); };
    auto f = compile([&](const Inputs& x) { return body(x); });
    Inputs x = inputs_of(g, dtype);
    std::vector<Tensor> want = body(x);
    f(x);
    std::vector<Tensor> have = f(x);
    double tolerance = dtype == f64 ? 1e-12 : dtype == f32 ? kSum : kSumBf16;
    for (size_t i = 0; i < want.size(); i++)
      CHECK(difference(want[i], have[i]) <= tolerance);
    CHECK(f.stats().eager_segments == 0);
  }
}

TEST_CASE("convolutions of many channels, whose lanes run along them", "[compiled]") {
  struct Case {
    int64_t samples, channels, rows, height, width, kernel_height, kernel_width;
    Dims stride, padding, dilation;
    int64_t groups;
    DType dtype;
  };
  const Case cases[] = {
      {1, 20, 40, 7, 7, 3, 3, {1, 1}, {1, 1}, {1, 1}, 1, f32},   // rows and lines cut
      {2, 16, 32, 14, 13, 3, 3, {2, 2}, {1, 1}, {1, 1}, 1, f32}, // stride
      {1, 16, 33, 19, 30, 3, 5, {1, 2}, {2, 2}, {2, 1}, 1, f32}, // dilation
      {1, 130, 32, 9, 9, 3, 3, {1, 1}, {1, 1}, {1, 1}, 1, f32},  // several blocks of channels
      {2, 32, 64, 10, 11, 3, 3, {1, 1}, {1, 1}, {1, 1}, 2, f32}, // groups
      {1, 16, 16, 12, 12, 3, 1, {1, 1}, {1, 0}, {1, 1}, 1, f32}, // a column of taps
      {1, 16, 24, 12, 21, 1, 7, {1, 1}, {0, 0}, {1, 1}, 1, f32}, // a line of taps
      {1, 8, 17, 9, 8, 3, 3, {1, 1}, {1, 1}, {1, 1}, 1, f64},    //
      {2, 24, 32, 8, 15, 3, 3, {1, 1}, {1, 1}, {1, 1}, 1, bf16}, // widened as they are copied
      {1, 24, 48, 11, 9, 3, 3, {2, 1}, {1, 0}, {1, 1}, 1, f16},  //
  };
  for (const Case& c : cases) {
    INFO(c.channels << " to " << c.rows << " channels, " << c.height << " x " << c.width << ", "
                    << c.kernel_height << " x " << c.kernel_width << ", " << name_of(c.dtype));
    compare(
        [=](const Inputs& x) {
          Tensor y = conv2d(x[0], x[1], {}, c.stride, c.padding, c.dilation, c.groups);
          return std::vector<Tensor>{y, relu(y + reshape(x[2], {c.rows, 1, 1}))};
        },
        [=] {
          return Inputs{
              ramp({c.samples, c.channels, c.height, c.width}, 1, c.dtype),
              ramp({c.rows, c.channels / c.groups, c.kernel_height, c.kernel_width}, 0.3, c.dtype),
              ramp({c.rows}, 1, c.dtype)};
        },
        c.dtype == f64   ? 1e-12
        : c.dtype == f32 ? kSum
                         : kSumBf16);
  }
}

TEST_CASE("convolutions of 3 x 3 taps by minimal filtering", "[compiled]") {
  struct Case {
    int64_t samples, channels, rows, height, width;
    Dims padding;
    int64_t groups;
    DType dtype;
  };
  const Case cases[] = {
      {1, 64, 64, 28, 28, {1, 1}, 1, f32},  // whole vectors of places
      {2, 48, 40, 15, 17, {1, 1}, 1, f32},  // squares that pass the image, rows that fill no tile
      {1, 40, 64, 20, 36, {0, 0}, 1, f32},  // no padding
      {1, 33, 48, 12, 70, {2, 2}, 1, f32},  // lines of several vectors
      {1, 64, 64, 9, 40, {0, 2}, 1, f32},   //
      {3, 96, 96, 16, 16, {1, 1}, 2, f32},  // groups
      {1, 160, 96, 14, 14, {1, 1}, 1, f32}, // rows cut
      {1, 64, 48, 16, 18, {1, 1}, 1, f64},  //
      {1, 64, 64, 17, 22, {1, 1}, 1, bf16}, // widened as they are read
      {1, 64, 64, 14, 14, {1, 0}, 1, f16},  //
  };
  for (const Case& c : cases) {
    INFO(c.channels << " to " << c.rows << " channels, " << c.height << " x " << c.width << ", "
                    << name_of(c.dtype));
    compare(
        [=](const Inputs& x) {
          Tensor y = conv2d(x[0], x[1], {}, 1, c.padding, 1, c.groups);
          return std::vector<Tensor>{y, relu(y + reshape(x[2], {c.rows, 1, 1}))};
        },
        [=] {
          return Inputs{ramp({c.samples, c.channels, c.height, c.width}, 1, c.dtype),
                        ramp({c.rows, c.channels / c.groups, 3, 3}, 0.3, c.dtype),
                        ramp({c.rows}, 1, c.dtype)};
        },
        c.dtype == f64   ? 1e-12
        : c.dtype == f32 ? kSum
                         : kSumBf16);
  }
}

TEST_CASE("minimal filtering gives small integers exactly", "[compiled]") {
  auto body = [](const Inputs& x) { return std::vector<Tensor>{conv2d(x[0], x[1], {}, 1, 1)}; };
  for (DType dtype : {f32, f64, bf16})
    compare(body, [=] {
      return Inputs{floor(ramp({1, 64, 18, 21}, 5)).to(dtype),
                    floor(ramp({48, 64, 3, 3}, 1)).to(dtype)};
    });
}

TEST_CASE("what is not finite, or nearly so, reaches the places that see it and no others",
          "[compiled]") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  auto body = [](const Tensor& x, const Tensor& w) { return relu(conv2d(x, w, {}, 1, 1)) + 1.0; };
  // With a budget, which is never used up here, no trial of times lets ops run one by one.
  auto f = compile(body, {.memory_budget = int64_t{1} << 40});
  for (int call = 0; call < 2; call++) // until it is compiled
    f(ramp({1, 64, 20, 23}), ramp({48, 64, 3, 3}, 0.1));
  for (double special : {inf, -inf, nan, 3e38, -3e38})
    for (int weight = 0; weight < 2; weight++) {
      INFO(special << (weight ? " in a weight" : " in the image"));
      Tensor x = ramp({1, 64, 20, 23}), w = ramp({48, 64, 3, 3}, 0.1);
      if (weight)
        w[{5, 7, 1, 2}] = special;
      else
        for (int64_t i : {0, 11, 19}) // beside the padding, and within
          x[{0, 3 * i, i, i}] = special;
      Tensor want = body(x, w), have = f(x, w);
      Tensor largest = max(abs(where(isfinite(want), want, 0.0)));
      CHECK(allclose(have / largest, want / largest, kSum, kSum, true));
      CHECK(sum(isfinite(want)).item<int64_t>() > 0);
    }
  CHECK(f.stats().eager_segments == 0);
}

TEST_CASE("a convolution with norm, residual and activation is one launch", "[compiled]") {
  struct Case {
    int64_t groups, channels, rows;
  };
  for (Case c : {Case{1, 24, 24}, Case{2, 24, 24}, Case{24, 24, 24}}) {
    INFO(c.groups << " groups");
    compare(
        [=](const Inputs& x) {
          Tensor y = conv2d(x[0], x[1], x[2], 1, 1, 1, c.groups);
          Tensor normed = batch_norm(y, x[3], abs(x[4]) + 0.5, x[3], x[4]);
          return std::vector<Tensor>{relu(normed + x[0])};
        },
        [=] {
          return Inputs{ramp({2, c.channels, 13, 11}), ramp({c.rows, c.channels / c.groups, 3, 3}),
                        ramp({c.rows}), ramp({c.rows}), ramp({c.rows}, 0.7)};
        },
        kSum, 1);
  }
}

TEST_CASE("convolutions whose columns are read by lines, turned around or cut", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor y = conv2d(x[0], x[1], {}, 1, 1);
        Tensor z = conv2d(x[0], x[1], {}, 2, 1);
        return std::vector<Tensor>{y + x[2], transpose(z * 2.0, 2, 3), exp(reshape(y, {2, 8, 99})),
                                   conv2d(transpose(x[0], 2, 3), x[1], {}, 1, 1),
                                   conv2d(slice(x[0], 2, 1, 8), x[1], {}, 3, 2)};
      },
      [] {
        return Inputs{ramp({2, 5, 9, 11}, 0.3), ramp({8, 5, 3, 3}), ramp({11})};
      },
      kSum);
}

TEST_CASE("an infinite weight over padding gives NaN, eagerly and compiled", "[compiled]") {
  Tensor x = ones({1, 2, 4, 4}), w = ones({2, 1, 3, 3});
  w[{0, 0, 0, 0}] = std::numeric_limits<double>::infinity();
  auto depthwise = [](const Tensor& a, const Tensor& b) { return conv2d(a, b, {}, 1, 1, 1, 2); };
  Tensor y = depthwise(x, w);
  CHECK(sum(isnan(y)).item<int64_t>() == 7); // the first line and the first column
  auto compiled = compile(depthwise);
  for (int k = 0; k < 3; k++)
    CHECK(allclose(compiled(x, w), y, 0, 0, true));
}
