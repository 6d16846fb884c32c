// Convolutions as products: over drawn geometries and dtypes against eager calls, with what follows
// them in the same kernel.

#include "test/compiled/compiled_util.h"

#include <random>

using namespace weft;
using namespace weft::test;

namespace {

struct Geometry {
  int64_t samples, groups, channels, rows; // of a group
  std::vector<int64_t> sizes, kernel, stride, padding, dilation;

  Tensor image(DType dtype) const {
    return ramp(shape(samples, groups * channels, sizes), 1, dtype);
  }
  Tensor weight(DType dtype) const {
    return ramp(shape(groups * rows, channels, kernel), 1, dtype);
  }
  Tensor convolve(const Tensor& x, const Tensor& w) const {
    auto dims = [](const std::vector<int64_t>& v) { return Dims(Ints(v)); };
    auto f = sizes.size() == 1 ? conv1d : sizes.size() == 2 ? conv2d : conv3d;
    return f(x, w, {}, dims(stride), dims(padding), dims(dilation), groups);
  }
  std::string text() const {
    std::string s = std::to_string(samples) + " samples, " + std::to_string(groups) + " groups, " +
                    std::to_string(channels) + " channels, " + std::to_string(rows) + " rows";
    auto list = [&](const char* name, const std::vector<int64_t>& v) {
      s += std::string(", ") + name;
      for (int64_t n : v)
        s += " " + std::to_string(n);
    };
    list("sizes", sizes);
    list("kernel", kernel);
    list("stride", stride);
    list("padding", padding);
    list("dilation", dilation);
    return s;
  }
  static Shape shape(int64_t a, int64_t b, const std::vector<int64_t>& more) {
    Shape s{a, b};
    for (int64_t size : more)
      s.push_back(size);
    return s;
  }
};

Geometry draw(std::mt19937& random) {
  auto in = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  Geometry g;
  size_t spatial = in(0, 5) ? size_t(in(1, 2)) : 3;
  g.samples = in(1, 3);
  g.groups = in(0, 2) ? 1 : in(2, 5);
  g.channels = in(0, 2) ? in(1, 9) : in(10, 80);
  g.rows = in(0, 2) ? in(1, 9) : in(10, 33);
  for (size_t k = 0; k < spatial; k++) {
    g.kernel.push_back(in(1, 4));
    g.stride.push_back(in(0, 1) ? 1 : in(2, 5));
    g.padding.push_back(in(0, 3));
    g.dilation.push_back(in(0, 2) ? 1 : in(2, 3));
    int64_t least = (g.kernel.back() - 1) * g.dilation.back() + 1 - 2 * g.padding.back();
    g.sizes.push_back(std::max<int64_t>(1, least) + in(0, spatial == 3   ? 5
                                                          : spatial == 2 ? 20
                                                                         : 90));
  }
  return g;
}

// The result as it is, and with a bias, an activation, a residual and a cast.
std::vector<Tensor> forms(const Geometry& g, const Inputs& x) {
  Tensor y = g.convolve(x[0], x[1]);
  Shape channel = Ints::filled(static_cast<int>(y.shape().size()), 1);
  channel[1] = y.size(1);
  Tensor bias = reshape(x[2], channel);
  return {y, gelu(y * bias + bias), relu(y + bias + x[3]).to(f64)};
}

Inputs inputs_of(const Geometry& g, DType dtype) {
  Inputs x{g.image(dtype), g.weight(dtype)};
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
    Geometry g = draw(random);
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
