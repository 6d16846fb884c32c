// softmax and log_softmax. The maximum only keeps exp from overflowing: no result depends on it, so
// no gradient goes through it.

#include "runtime/composite/composite.h"
#include "runtime/composite/parts.h"
#include "runtime/composite/rows.h"

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

bool is_last(const Arg& x, int64_t dim) { return dim + 1 == x.impl()->meta.rank; }

// Counts the dim from the front; false where there is nothing to compute.
bool prepare(const char* op, const Arg& x, int64_t& dim) {
  composite::require_floating(op, x);
  dim = normalize_dim(dim, x.impl()->meta.rank, op, x.loc());
  return x.impl()->meta.numel() > 0;
}

Tensor softmax_of(const Tensor& x, int64_t dim) {
  Tensor e = exp(shifted(composite::widened(x), dim));
  Tensor total = sum(e, dim, true);
  return (std::move(e) / std::move(total)).to(x.dtype());
}

Tensor log_softmax_of(const Tensor& x, int64_t dim) {
  Tensor s = shifted(composite::widened(x), dim);
  Tensor total = log(sum(exp(s), dim, true));
  return (std::move(s) - std::move(total)).to(x.dtype());
}

} // namespace

Tensor softmax(const Arg& x, int64_t dim) {
  OpScope scope(x.loc());
  if (!prepare("softmax", x, dim)) return x.tensor().clone();
  if (is_last(x, dim)) {
    Tensor rows = composite::softmax_of_rows("softmax", x.tensor(), kernels::RowSoftmax::softmax);
    if (rows.defined()) return rows;
  }
  return composite::in_parts(x.tensor(), dim, {},
                             [&](const Tensor& part) { return softmax_of(part, dim); });
}

Tensor log_softmax(const Arg& x, int64_t dim) {
  OpScope scope(x.loc());
  if (!prepare("log_softmax", x, dim)) return x.tensor().clone();
  if (is_last(x, dim)) {
    Tensor rows =
        composite::softmax_of_rows("log_softmax", x.tensor(), kernels::RowSoftmax::log_softmax);
    if (rows.defined()) return rows;
  }
  return composite::in_parts(x.tensor(), dim, {},
                             [&](const Tensor& part) { return log_softmax_of(part, dim); });
}

Tensor softmax(const Arg& x, int64_t dim, DType dtype) {
  OpScope scope(x.loc());
  return softmax(x.tensor().to(dtype), dim);
}

Tensor log_softmax(const Arg& x, int64_t dim, DType dtype) {
  OpScope scope(x.loc());
  return log_softmax(x.tensor().to(dtype), dim);
}

} // namespace weft
