// What a fuzzed program and the repro.cpp printed of it have in common: inputs, and how results are
// compared. The printer pastes this file, so it needs weft/weft.h alone.
#pragma once

#include <weft/weft.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace fuzz {

using namespace weft;

enum class Fill { integers, reals, specials, zeros, ones };
enum class Layout { plain, transposed, spaced, shifted };

/// What differs from one call of a program to the next.
struct Round {
  int64_t n = 3, m = 4; // sizes of the inputs
  unsigned seed = 1;    // of their elements, and of random numbers
  double shift = 0;     // added to numbers
  int aliasing = 0;     // how inputs 0 and 1 overlap, where they can
  unsigned flags = 0;   // which statements the host leaves out
};

inline uint32_t mix(uint32_t x) { // a bijection that spreads bits (Wellons' lowbias32)
  x = (x ^ x >> 16) * 0x7feb352dU;
  x = (x ^ x >> 15) * 0x846ca68bU;
  return x ^ x >> 16;
}

inline double element(Fill fill, uint32_t random) {
  static const double specials[] = {0.0,      -0.0,      1.0,   -2.5, std::nan(""),
                                    HUGE_VAL, -HUGE_VAL, 1e-40, 3e38, -7.0};
  switch (fill) {
  case Fill::integers:
    return static_cast<double>(random % 11) - 5;
  case Fill::reals:
    return (static_cast<double>(random >> 8) / (1 << 24) - 0.5) * 6;
  case Fill::specials:
    return specials[random % 10];
  case Fill::zeros:
    return 0;
  default:
    return 1;
  }
}

inline Tensor make_input(const Shape& shape, DType dtype, Fill fill, unsigned seed) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  std::vector<double> v(static_cast<size_t>(count));
  for (size_t k = 0; k < v.size(); k++)
    v[k] = element(fill, mix(seed * 7919 + static_cast<uint32_t>(k)));
  return tensor(v, shape).to(dtype);
}

/// Returns the same elements in another memory layout.
inline Tensor arrange(const Tensor& t, Layout layout) {
  if (t.rank() == 0 || layout == Layout::plain) return t;
  if (layout == Layout::transposed) return t.transpose(0, -1).clone().transpose(0, -1);
  if (layout == Layout::spaced) {
    Tensor wide = concatenate({t, zeros(t.shape(), t.dtype())}, 0);
    Shape pairs = t.shape();
    pairs[0] *= 2;
    Tensor spaced = full(pairs, 7, t.dtype());
    Tensor view = slice(spaced, 0, 0, pairs[0], 2);
    view.copy_(slice(wide, 0, 0, t.size(0)));
    return view;
  }
  Tensor longer = concatenate({slice(t, 0, 0, t.size(0) ? 1 : 0), t}, 0);
  return slice(longer, 0, longer.size(0) - t.size(0));
}

enum class Elements { any, unit, index, wrapped };

/// Makes a tensor of a shape and dtype from the elements of another one, as many times as it takes:
/// as they are, in 0 .. 1, or as whole numbers in 0 .. limit - 1 or -limit .. limit - 1.
inline Tensor fit(const Tensor& t, const Shape& shape, DType dtype, Elements range, int64_t limit) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  const int64_t own = t.numel();
  if (own == 0 && count != 0) return zeros(shape, dtype);
  Tensor r = t.reshape({own});
  if (own < count) r = r.reshape({1, own}).expand({(count + own - 1) / own, own}).reshape({-1});
  r = slice(r, 0, 0, count).reshape(shape);
  if (range == Elements::any) r = r.clone(); // views of views have a limit
  if (range == Elements::unit) r = sigmoid(r);
  if (range == Elements::index) r = remainder(r.to(i64), limit);
  if (range == Elements::wrapped) r = remainder(r.to(i64), 2 * limit) - limit;
  return r.to(dtype);
}

/// What ops make of numbers alone, and an answer, lie on the CPU: puts them where the program's
/// tensors are.
inline Tensor placed(const Tensor& t) { return t.to(DeviceScope::current()); }

/// A step of descent of a leaf that has a gradient.
inline void train(Tensor& t) {
  if (!t.defined() || !t.requires_grad() || !t.is_leaf() || !t.grad().defined()) return;
  NoGrad no_grad;
  t.sub_(t.grad() * 0.0625);
  t.set_grad({});
}

/// The k-th of a call's results.
inline Tensor nth(const std::vector<Tensor>& all, size_t k) { return all.at(k); }
inline Tensor nth(const std::pair<Tensor, Tensor>& r, size_t k) { return k ? r.second : r.first; }
inline Tensor nth(const ValuesAndIndices& r, size_t k) { return k ? r.indices : r.values; }
inline Tensor nth(const SingularVectors& r, size_t k) { return k == 0 ? r.u : k == 1 ? r.s : r.vh; }
inline Tensor nth(const TriangularFactors& r, size_t k) {
  return k == 0 ? r.p : k == 1 ? r.l : r.u;
}
inline Tensor nth(const LeastSquares& r, size_t k) {
  return k == 0 ? r.solution : k == 1 ? r.residuals : k == 2 ? r.rank : r.singular_values;
}

/// Makes two inputs look into one memory where their shapes allow it.
inline bool overlap(Tensor& a, Tensor& b, int kind) {
  if (kind == 0 || a.dtype() != b.dtype() || a.requires_grad() || a.rank() == 0) return false;
  if (kind == 3) { // a row of the other
    if (a.size(0) == 0 || select(a, 0, 0).shape() != b.shape()) return false;
    b = select(a, 0, a.size(0) / 2);
    return true;
  }
  if (a.shape() != b.shape()) return false;
  if (kind == 1) {
    b = a;
    return true;
  }
  const int64_t n = a.size(0), shift = n > 1 ? 1 : 0; // rows further on
  const Tensor base = concatenate({a, slice(a, 0, 0, shift)}, 0);
  a = slice(base, 0, 0, n);
  b = slice(base, 0, shift, n + shift);
  return true;
}

/// Says how two results differ, or "" where they are the same: to the bit, or within `error`.
inline std::string difference(const Tensor& want, const Tensor& got, double error = 0) {
  if (want.defined() != got.defined()) return want.defined() ? "is missing" : "should not be there";
  if (!want.defined()) return "";
  if (want.dtype() != got.dtype() || want.shape() != got.shape())
    return "has another dtype or shape: " + got.shape().str() + " for " + want.shape().str();
  if (want.requires_grad() != got.requires_grad()) return "differs in requires_grad";
  const std::vector<double> a = want.detach().to(Device::cpu()).to(f64).to_vector<double>();
  const std::vector<double> b = got.detach().to(Device::cpu()).to(f64).to_vector<double>();
  for (size_t k = 0; k < a.size(); k++) {
    if (std::isnan(a[k]) && std::isnan(b[k])) continue;
    if (!std::memcmp(&a[k], &b[k], sizeof a[k])) continue;
    if (error > 0 && std::abs(a[k] - b[k]) <= error) continue;
    char text[120];
    std::snprintf(text, sizeof text, "element %zu is %.17g for %.17g (within %g)", k, b[k], a[k],
                  error);
    return text;
  }
  return "";
}

} // namespace fuzz
