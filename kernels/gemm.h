// Matrix products of one slice on the calling thread: OpenBLAS for f32 and f64, plain loops where
// it is not installed, kernels of our own for integers. OpenBLAS does not promise the same bits for
// other shapes of a slice; callers cut products by shape alone, so that the number of threads does
// not show.
#pragma once

#include "weft/dtype.h"

namespace weft::kernels {

/// A row-major matrix with `stride` elements from one row to the next; transposed: the matrix is
/// the transpose of what lies in memory.
struct Matrix {
  const void* data = nullptr;
  int64_t stride = 0;
  bool transposed = false;
};

/// c[m, n] = a[m, k] * b[k, n]; `dtype` is f32, f64, i32 or i64 (which wrap).
void gemm(DType dtype, int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
          int64_t c_stride);

/// Says whether products run in OpenBLAS; loads it.
bool has_blas();

} // namespace weft::kernels
