// Products of integer matrices, which wrap.
#pragma once

#include "kernels/gemm.h"

namespace weft::kernels {

/// c[m, n] = a[m, k] * b[k, n] for m, n, k > 0, modulo 2^32 or 2^64; `dtype` is i32 or i64.
void gemm_integer(DType dtype, int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                  void* c, int64_t c_stride);

} // namespace weft::kernels
