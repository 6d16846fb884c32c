// Kernels of what needs each row as a whole: norms and softmax. They give the bits of the ops that
// they stand for, one after the other over memory.
#pragma once

#include "kernels/kernel_table.h"

namespace weft::kernels {

/// Sums of squares of rows, f32 or f64; there is no kernel of columns.
const ReductionKernel& square_sum_kernel(DType dtype);

/// What the elements of a row are divided by.
enum class RowNorm : uint8_t {
  deviation,   // (x - mean) / sqrt(variance + eps)
  root_square, // x / sqrt(mean of squares + eps)
  length,      // x / max(sqrt(sum of squares), eps)
};

/// Factors and offsets of the elements, of the rows' dtype; null where there are none. Each is for
/// `run` elements, and row r begins with number r % period * (n / run).
struct RowScaling {
  const void* weight = nullptr;
  const void* bias = nullptr;
  int64_t run = 1, period = 1;
};

struct RowNormCall {
  RowNorm norm;
  double eps;
  RowScaling scaling;
};

/// Normalises rows first .. first + count of n elements, f32 or f64, of which `in` addresses the
/// first one; `out` may be `in`.
void normalize_rows(const RowNormCall& call, DType dtype, const void* in, int64_t first,
                    int64_t count, int64_t n, void* out);

enum class RowSoftmax : uint8_t { softmax, log_softmax };

/// Softmax of `count` rows of n elements, f32 or f64; `out` may be `in`.
void softmax_rows(RowSoftmax kind, DType dtype, const void* in, int64_t count, int64_t n,
                  void* out);
/// highest[r] = max(row r), totals[r] = sum(exp(row r - highest[r])).
void softmax_sums(DType dtype, const void* in, int64_t count, int64_t n, void* highest,
                  void* totals);

} // namespace weft::kernels
