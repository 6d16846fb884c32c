// Matrix products of bf16 that the processor multiplies itself, without making f32 of them first.
#pragma once

#include "kernels/gemm.h"

namespace weft::kernels {

/// Says whether the processor has instructions for products of bf16.
bool has_bf16_gemm();

/// The memory that `gemm_bf16` needs.
int64_t gemm_bf16_scratch_bytes(int64_t m, int64_t k);

/// c[m, n] = a[m, k] * b[k, n] of bf16, summed in f32 pair by pair and rounded once; denormals
/// count as zeros. Needs `has_bf16_gemm`; scratch is 64-byte aligned.
void gemm_bf16(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
               int64_t c_stride, void* scratch);

} // namespace weft::kernels
