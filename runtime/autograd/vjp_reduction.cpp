#include "runtime/autograd/vjp_reduction.h"

namespace weft {

namespace {

Dims dims_of(VjpContext& context) {
  std::span<const int64_t> structure = context.structure();
  return Dims(Ints(structure.subspan(1)));
}

} // namespace

Tensor with_kept_dims(VjpContext& context, const Tensor& t) {
  if (context.structure(0)) return t;
  Shape shape = context.operand_meta(0).shape();
  for (int64_t d : dims_of(context))
    shape[static_cast<int>(d)] = 1;
  return reshape(t, shape);
}

Tensor reduced_sum(VjpContext& context, const Tensor& t) {
  Dims dims = dims_of(context);
  return dims.empty() ? t : sum(t, dims, true);
}

Tensor reduced_product(VjpContext& context, const Tensor& t) {
  Dims dims = dims_of(context);
  return dims.empty() ? t : prod(t, dims, true);
}

double reduced_count(VjpContext& context) {
  const Meta& x = context.operand_meta(0);
  int64_t n = 1;
  for (int64_t d : dims_of(context))
    n *= x.sizes[d];
  return static_cast<double>(n);
}

Tensor spread(VjpContext& context, const Tensor& gradient) {
  return expand(gradient, context.operand_meta(0).shape());
}

} // namespace weft
