// Processors whose products of bf16 go by way of f32.
#include "kernels/gemm_bf16.h"

namespace weft::kernels {

bool has_bf16_gemm() { return false; }

int64_t gemm_bf16_scratch_bytes(int64_t, int64_t) { return 0; }

void gemm_bf16(int64_t, int64_t, int64_t, const Matrix&, const Matrix&, void*, int64_t, void*) {}

} // namespace weft::kernels
