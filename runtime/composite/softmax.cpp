// softmax and log_softmax. The maximum only keeps exp from overflowing: no result depends on it, so
// no gradient goes through it.

#include "runtime/composite/composite.h"

namespace weft {

namespace {

Tensor shifted(const Tensor& x, int64_t dim) {
  Tensor highest;
  {
    NoGrad no_grad;
    highest = max(x, dim, true);
  }
  return x - std::move(highest);
}

// x as the computation wants it, and the dim counted from the front; false where there is nothing
// to compute.
bool prepare(const char* op, const Arg& x, int64_t& dim, Tensor& wide) {
  composite::require_floating(op, x);
  dim = normalize_dim(dim, x.impl()->meta.rank, op, x.loc());
  wide = composite::widened(x);
  return wide.numel() > 0;
}

} // namespace

Tensor softmax(const Arg& x, int64_t dim) {
  LocScope scope(x.loc());
  Tensor wide;
  if (!prepare("softmax", x, dim, wide)) return x.tensor().clone();
  DType dtype = x.impl()->meta.dtype;
  Tensor e = exp(shifted(wide, dim));
  Tensor total = sum(e, dim, true);
  return (std::move(e) / std::move(total)).to(dtype);
}

Tensor log_softmax(const Arg& x, int64_t dim) {
  LocScope scope(x.loc());
  Tensor wide;
  if (!prepare("log_softmax", x, dim, wide)) return x.tensor().clone();
  DType dtype = x.impl()->meta.dtype;
  Tensor s = shifted(wide, dim);
  Tensor total = log(sum(exp(s), dim, true));
  return (std::move(s) - std::move(total)).to(dtype);
}

Tensor softmax(const Arg& x, int64_t dim, DType dtype) {
  LocScope scope(x.loc());
  return softmax(x.tensor().to(dtype), dim);
}

Tensor log_softmax(const Arg& x, int64_t dim, DType dtype) {
  LocScope scope(x.loc());
  return log_softmax(x.tensor().to(dtype), dim);
}

} // namespace weft
