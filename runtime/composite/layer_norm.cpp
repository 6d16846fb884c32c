#include "runtime/composite/composite.h"
#include "runtime/composite/parts.h"
#include "runtime/composite/rows.h"
#include "runtime/core/fail_at.h"

namespace weft {

namespace {

void check(const Arg& x, const Meta& m, const Shape& normalized, const Tensor& t,
           const char* what) {
  int first = m.rank - normalized.size();
  bool fits = normalized.size() > 0 && first >= 0;
  for (int k = 0; fits && k < normalized.size(); k++)
    fits = m.sizes[first + k] == normalized[k];
  if (!fits)
    fail_at(ErrorKind::shape,
            "layer_norm: normalized_shape must be that of the last dims, got " + normalized.str() +
                " for " + describe(m),
            x.loc());
  if (t.defined() && t.shape() != normalized)
    fail_at(ErrorKind::shape,
            std::string("layer_norm: ") + what + " must have the shape " + normalized.str() +
                ", got " + describe(t.impl()->meta),
            x.loc());
}

} // namespace

Tensor layer_norm(const Arg& x, const Shape& normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps) {
  OpScope scope(x.loc());
  composite::require_floating("layer_norm", x);
  const Meta& m = x.impl()->meta;
  check(x, m, normalized_shape, weight, "weight");
  check(x, m, normalized_shape, bias, "bias");
  int64_t n = 1;
  for (int64_t size : normalized_shape)
    n *= size;
  const Tensor rows = composite::normalized_rows("layer_norm", x.tensor(), n,
                                                 kernels::RowNorm::deviation, eps, {weight, bias});
  if (rows.defined()) return rows;
  DType dtype = m.dtype;
  Dims dims;
  for (int k = 1; k <= normalized_shape.size(); k++)
    dims.push_back(-k);
  return composite::in_parts(x.tensor(), dims, {&weight, &bias}, [&](const Tensor& part) {
    Tensor wide = composite::widened(part);
    Tensor centred = wide - mean(wide, dims, true);
    Tensor variance = mean(centred * centred, dims, true);
    Tensor y = std::move(centred) * rsqrt(std::move(variance) + eps);
    if (weight.defined()) y = std::move(y) * weight;
    if (bias.defined()) y = std::move(y) + bias;
    return y.to(dtype);
  });
}

} // namespace weft
