#pragma once

#include "weft/tensor.h"

namespace weft {

/// Returns zeros of `shape` but for the slice start, start + step, .. of a dim, which is `part`.
Tensor place_slice(const Tensor& part, const Shape& shape, int dim, int64_t start, int64_t step);

} // namespace weft
