// Convolutions of drawn shape.
#pragma once

#include "weft/ops.h"

#include <random>
#include <string>
#include <vector>

namespace weft::test {

struct ConvGeometry {
  int64_t samples = 1, groups = 1, channels = 1, rows = 1; // of a group
  std::vector<int64_t> sizes, kernel, stride, padding, dilation;

  size_t spatial() const { return sizes.size(); }
  Shape x() const { return shape(samples, groups * channels, sizes); }
  Shape weight() const { return shape(groups * rows, channels, kernel); }
  int64_t places(size_t k) const {
    return (sizes[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1) / stride[k] + 1;
  }
  Tensor convolve(const Tensor& x, const Tensor& w) const {
    auto* op = spatial() == 1 ? conv1d : spatial() == 2 ? conv2d : conv3d;
    return op(x, w, {}, dims(stride), dims(padding), dims(dilation), groups);
  }
  std::string text() const {
    return "x " + x().str() + " weight " + weight().str() + " groups " + std::to_string(groups) +
           " stride " + dims(stride).str() + " padding " + dims(padding).str() + " dilation " +
           dims(dilation).str();
  }

  static Dims dims(const std::vector<int64_t>& v) { return Dims(Ints(v)); }
  static Shape shape(int64_t a, int64_t b, const std::vector<int64_t>& more) {
    Shape s{a, b};
    for (int64_t size : more)
      s.push_back(size);
    return s;
  }

  static ConvGeometry draw(std::mt19937& random) {
    auto in = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random);
    };
    const int64_t spatial = in(0, 5) ? in(1, 2) : 3, most = spatial == 1   ? 90
                                                            : spatial == 2 ? 18
                                                                           : 5;
    ConvGeometry g;
    g.samples = in(1, 3);
    g.groups = in(0, 2) ? 1 : in(2, 5);
    g.channels = in(0, 2) ? in(1, 9) : in(10, 80);
    g.rows = in(0, 2) ? in(1, 9) : in(10, 33);
    for (int64_t k = 0; k < spatial; k++) {
      g.kernel.push_back(in(1, 4));
      g.stride.push_back(in(0, 1) ? 1 : in(2, 5));
      g.padding.push_back(in(0, 3));
      g.dilation.push_back(in(0, 2) ? 1 : in(2, 3));
      int64_t least = (g.kernel.back() - 1) * g.dilation.back() + 1 - 2 * g.padding.back();
      g.sizes.push_back(std::max<int64_t>(1, least) + in(0, most));
    }
    return g;
  }
};

} // namespace weft::test
