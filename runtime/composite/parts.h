// Composites of large operands, part by part.
#pragma once

#include "runtime/core/parallel.h"
#include "weft/ops.h"

namespace weft::composite {

/// Says whether nothing but the result of an eager call can be seen: x and what the call reads
/// beside it (undefined or not) are on the CPU, outside regions, and wait for no gradient.
bool is_unseen(const Tensor& x, std::initializer_list<const Tensor*> others);

/// Returns f(x), where f keeps the positions of x along all dims but `dims` apart: each part of x
/// along one of the others gives that part of the result. Where nothing but the result can be seen
/// (no region, no gradient) and x is large, f runs on parts that stay in the caches, on several
/// threads; the bits are the same. `others` are the tensors that f reads beside x, `growth` the
/// elements that it makes of one of x on the way.
Tensor in_parts(const Tensor& x, const Dims& dims, std::initializer_list<const Tensor*> others,
                FunctionRef<Tensor(const Tensor& part)> f, int64_t growth = 1);

} // namespace weft::composite
