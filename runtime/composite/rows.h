// Composites over rows that have kernels of their own, where nothing but the result can be seen.
#pragma once

#include "kernels/rows.h"
#include "weft/ops.h"

namespace weft::composite {

/// What `scaling` of the kernel means by rows: `weight` and `bias` may be undefined.
struct RowScaling {
  const Tensor &weight, &bias;
  int64_t run = 1, period = 1;
};

/// Returns x with each row of n elements normalised, or no tensor where the ops have to do it.
Tensor normalized_rows(const char* op, const Tensor& x, int64_t n, kernels::RowNorm norm,
                       double eps, const RowScaling& scaling);

/// Returns softmax or log_softmax of x along its last dim, or no tensor where the ops have to do
/// it.
Tensor softmax_of_rows(const char* op, const Tensor& x, kernels::RowSoftmax kind);

/// The greatest element of each row and the sum of exp(x - highest), in the dtype of sums.
struct RowSums {
  Tensor highest, totals; // undefined where the ops have to do it
};
RowSums softmax_sums(const char* op, const Tensor& x);

/// Returns the length of each row of n elements, in `shape` and x's dtype, or no tensor where the
/// ops have to do it.
Tensor lengths_of_rows(const char* op, const Tensor& x, int64_t n, const Shape& shape);

} // namespace weft::composite
