#pragma once

#include "weft/tensor.h"

#include <span>

namespace weft {

/// Returns zeros of `shape` but for the slice start, start + step, .. of a dim, which is `part`.
Tensor place_slice(const Tensor& part, const Shape& shape, int dim, int64_t start, int64_t step);

/// Returns zeros of `shape` but for the diagonal of two dims, which is `part`, its last dim along
/// it.
Tensor place_diagonal(const Tensor& part, const Shape& shape, int dim1, int dim2);

/// Returns where that diagonal lies, as a mask that broadcasts to `shape`.
Tensor diagonal_mask(const Shape& shape, int dim1, int dim2, Device device);

/// Returns the positions of a strided view's elements in a list, one after the other; `sizes` are
/// the view's: offset, shape, strides.
Tensor strided_positions(std::span<const int64_t> sizes, Device device);

} // namespace weft
