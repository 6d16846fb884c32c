// Covariances and correlations of variables, rows of observations each.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

// What each observation weighs, or none where all weigh 1.
Tensor weights_of(const Tensor& fweights, const Tensor& aweights, const Tensor& rows,
                  const Loc& loc) {
  Tensor weights;
  for (const Tensor* w : {&fweights, &aweights}) {
    if (!w->defined()) continue;
    const bool counts = w == &fweights;
    if (w->shape() != Shape{rows.size(1)} || counts != is_integer(w->dtype()))
      refuse("cov", ErrorKind::shape,
             std::string(counts ? "fweights must be integers" : "aweights must be floating") +
                 ", one an observation, got " + describe(w->impl()->meta),
             loc);
    Tensor own = w->to(rows.dtype());
    weights = weights.defined() ? weights * own : own;
  }
  return weights;
}

} // namespace

// With weights w: what is divided by is W - correction * sum(w a) / W, where W is their sum and a
// the aweights, 1 where there are none (NumPy's cov).
Tensor cov(const Arg& x, double correction, const Tensor& fweights, const Tensor& aweights) {
  OpScope scope(x.loc());
  composite::require_floating("cov", x);
  const Meta m = x.impl()->meta;
  if (m.rank > 2)
    refuse("cov", ErrorKind::shape, "x must have at most two dims, got " + describe(m), x.loc());
  Tensor wide = composite::widened(x);
  Tensor rows = m.rank == 2 ? wide : reshape(wide, {1, m.numel()});
  Tensor weights = weights_of(fweights, aweights, rows, x.loc()), centred, products;
  if (!weights.defined()) {
    centred = rows - mean(rows, 1, true);
    const double left = static_cast<double>(rows.size(1)) - correction;
    products = matmul(centred, transpose(centred, 0, 1)) / std::max(left, 0.0);
  } else {
    Tensor total = sum(weights);
    centred = rows - sum(rows * weights, 1, true) / total;
    Tensor shares = aweights.defined() ? sum(weights * aweights.to(rows.dtype())) / total
                                       : ones({}, rows.dtype(), rows.device());
    Tensor left = clamp(total - correction * shares, 0.0);
    products = matmul(centred * weights, transpose(centred, 0, 1)) / left;
  }
  return (m.rank == 2 && m.sizes[0] != 1 ? products : reshape(products, {})).to(m.dtype);
}

Tensor corrcoef(const Arg& x) {
  OpScope scope(x.loc());
  composite::require_floating("corrcoef", x);
  const DType dtype = x.impl()->meta.dtype;
  Tensor c = cov(composite::widened(x));
  if (c.rank() == 0) return (c / c).to(dtype);
  Tensor deviations = sqrt(diagonal(c));
  return clamp(c / unsqueeze(deviations, 1) / deviations, -1.0, 1.0).to(dtype);
}

} // namespace weft
