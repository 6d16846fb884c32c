// What gradients of reductions are made of; the call's structure is {keepdim, dims...}.
#pragma once

#include "runtime/autograd/vjp_context.h"

namespace weft {

/// Returns `t`, which has the result's shape, with the reduced dims as dims of size 1.
Tensor with_kept_dims(VjpContext& context, const Tensor& t);

/// Sums over the dims that the op reduced, which stay as dims of size 1.
Tensor reduced_sum(VjpContext& context, const Tensor& t);

/// Multiplies over the dims that the op reduced, which stay as dims of size 1.
Tensor reduced_product(VjpContext& context, const Tensor& t);

/// Returns how many elements each element of the result is made of.
double reduced_count(VjpContext& context);

/// Broadcasts a gradient with kept dims to the operand's shape.
Tensor spread(VjpContext& context, const Tensor& gradient);

} // namespace weft
