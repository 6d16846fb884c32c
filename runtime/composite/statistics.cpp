// Variance and standard deviation, with and without the mean.

#include "runtime/composite/composite.h"
#include "runtime/composite/parts.h"

namespace weft {

namespace {

// The elements that one result is made of.
double folded(const Arg& x, const Dims& dims) {
  const Meta& m = x.impl()->meta;
  double n = 1;
  if (dims.empty()) return static_cast<double>(m.numel());
  for (int64_t d : dims)
    if (m.rank) n *= static_cast<double>(m.sizes[normalize_dim(d, m.rank, "var", x.loc())]);
  return n;
}

struct Moments {
  Tensor variance, mean; // in the dtype that sums are kept in
};

Moments moments(const char* op, const Arg& x, const Dims& dims, double correction, bool keepdim) {
  composite::require_floating(op, x);
  double n = folded(x, dims);
  Tensor wide = composite::widened(x);
  Tensor m = mean(wide, dims, true);
  // With as many elements as `correction` each has an infinite gradient, which no sum takes away.
  Tensor centred = wide - (n == correction ? m.detach() : m);
  Tensor squares = sum(centred * centred, dims, keepdim);
  Tensor variance = squares / (n - correction);
  // There is no variance then, but a gradient, as PyTorch has it.
  if (n < correction) variance = std::move(variance) + squares.detach() / 0.0;
  return {variance, reshape(m, variance.shape())};
}

// The root whose gradient at 0 is 0.
Tensor root(const Tensor& variance) {
  Tensor is_zero = variance == 0;
  return where(is_zero, 0, sqrt(where(is_zero, 1, variance)));
}

} // namespace

Tensor var(const Arg& x, const Dims& dim, double correction, bool keepdim) {
  OpScope scope(x.loc());
  composite::require_floating("var", x);
  return composite::in_parts(x.tensor(), dim, {}, [&](const Tensor& part) {
    return moments("var", part, dim, correction, keepdim).variance.to(part.dtype());
  });
}

Tensor std(const Arg& x, const Dims& dim, double correction, bool keepdim) {
  OpScope scope(x.loc());
  composite::require_floating("std", x);
  return composite::in_parts(x.tensor(), dim, {}, [&](const Tensor& part) {
    return root(moments("std", part, dim, correction, keepdim).variance).to(part.dtype());
  });
}

std::pair<Tensor, Tensor> var_mean(const Arg& x, const Dims& dim, double correction, bool keepdim) {
  OpScope scope(x.loc());
  DType dtype = require_tensor(x, "var_mean").meta.dtype;
  Moments m = moments("var_mean", x, dim, correction, keepdim);
  return {m.variance.to(dtype), m.mean.to(dtype)};
}

std::pair<Tensor, Tensor> std_mean(const Arg& x, const Dims& dim, double correction, bool keepdim) {
  OpScope scope(x.loc());
  DType dtype = require_tensor(x, "std_mean").meta.dtype;
  Moments m = moments("std_mean", x, dim, correction, keepdim);
  return {root(m.variance).to(dtype), m.mean.to(dtype)};
}

} // namespace weft
