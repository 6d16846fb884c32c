// Activations that are made of other ops.

#include "runtime/composite/composite.h"

namespace weft {

namespace {

// Calls an op of two numbers, which take the dtype of x.
Tensor in_own_dtype(const char* name, Op op, const Arg& x, double first, double second) {
  OpScope scope(x.loc(), name);
  const Meta& m = require_tensor(x, name).meta;
  if (m.dtype == boolean)
    composite::refuse(name, ErrorKind::dtype, "x must be of numbers, got " + describe(m), x.loc());
  if (is_floating(m.dtype)) return pointwise(op, {&x}, {first, second});
  return pointwise(op, {&x}, {static_cast<int64_t>(first), static_cast<int64_t>(second)});
}

} // namespace

Tensor hardtanh(const Arg& x, double min_val, double max_val) {
  if (min_val > max_val)
    composite::refuse("hardtanh", ErrorKind::value,
                      "min_val must not be above max_val, got " + std::to_string(min_val) +
                          " and " + std::to_string(max_val),
                      x.loc());
  return in_own_dtype("hardtanh", Op::hardtanh, x, min_val, max_val);
}

Tensor threshold(const Arg& x, double threshold, double value) {
  return in_own_dtype("threshold", Op::threshold, x, threshold, value);
}

Tensor logit(const Arg& x, double eps) {
  OpScope scope(x.loc());
  return logit(clamp(x, eps, 1 - eps));
}

Tensor relu6(const Arg& x) { return hardtanh(x, 0, 6); }

Tensor celu(const Arg& x, double alpha) {
  OpScope scope(x.loc());
  if (alpha == 0)
    composite::refuse("celu", ErrorKind::value, "alpha must not be 0, got 0", x.loc());
  return pointwise(Op::celu_value, {&x}, {alpha});
}

Tensor softshrink(const Arg& x, double lambd) {
  OpScope scope(x.loc());
  if (!(lambd >= 0))
    composite::refuse("softshrink", ErrorKind::value,
                      "lambd must not be negative, got " + std::to_string(lambd), x.loc());
  return pointwise(Op::softshrink_value, {&x}, {lambd});
}

Tensor softsign(const Arg& x) {
  OpScope scope(x.loc());
  Tensor t = x.tensor();
  return t / (1 + abs(t));
}

Tensor tanhshrink(const Arg& x) {
  OpScope scope(x.loc());
  if (const Meta& m = require_tensor(x, "tanhshrink").meta; m.dtype == boolean)
    composite::refuse("tanhshrink", ErrorKind::dtype, "x must be of numbers, got " + describe(m),
                      x.loc());
  Tensor t = x.tensor();
  return t - tanh(t);
}

Tensor softmin(const Arg& x, int64_t dim, std::optional<DType> dtype) {
  OpScope scope(x.loc());
  require_tensor(x, "softmin");
  Tensor t = dtype ? x.tensor().to(*dtype, x.loc()) : x.tensor();
  composite::require_floating("softmin", Arg(t, x.loc()));
  return softmax(neg(t), dim);
}

Tensor prelu(const Arg& x, const Tensor& weight) {
  OpScope scope(x.loc());
  composite::require_floating("prelu", x);
  composite::require_given("prelu", "weight", weight, x.loc());
  const Meta m = x.impl()->meta;
  int64_t channels = m.rank > 1 ? m.sizes[1] : 1;
  bool fits = weight.rank() <= 1 && (weight.numel() == 1 || weight.numel() == channels) &&
              weight.dtype() == m.dtype;
  if (!fits)
    composite::refuse("prelu", ErrorKind::shape,
                      "weight must have one element or " + std::to_string(channels) +
                          ", one a channel, and x's dtype, got " + describe(weight.impl()->meta) +
                          " for " + describe(m),
                      x.loc());
  Shape along = Ints::filled(m.rank, 1);
  if (weight.numel() != 1) along[1] = channels;
  Tensor t = x.tensor();
  return where(t > 0, t, reshape(weight, along) * t);
}

Tensor glu(const Arg& x, int64_t dim) {
  OpScope scope(x.loc());
  composite::require_floating("glu", x);
  const Meta m = x.impl()->meta;
  if (m.rank == 0)
    composite::refuse("glu", ErrorKind::shape, "x must have dims, got " + describe(m), x.loc());
  int d = normalize_dim(dim, m.rank, "glu", x.loc());
  int64_t half = m.sizes[d] / 2;
  if (m.sizes[d] % 2)
    composite::refuse("glu", ErrorKind::shape,
                      "the size of dim " + std::to_string(d) + " must be even, got " + describe(m),
                      x.loc());
  Tensor t = x.tensor();
  return slice(t, d, 0, half) * sigmoid(slice(t, d, half));
}

} // namespace weft
