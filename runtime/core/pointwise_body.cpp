#include "runtime/core/pointwise_body.h"

#include <algorithm>

namespace weft {

namespace {

constexpr int64_t kBlock = 512; // elements converted at a time

} // namespace

void PointwiseBody::set_kernel(Op op, DType dtype, uint8_t masks, DType result) {
  DType native = kernels::pointwise_kernel(op, dtype) ? dtype : kernels::native_dtype(dtype);
  pointwise = kernels::pointwise_kernel(op, native);
  converts_ = native != dtype;
  if (!converts_) return;
  for (int k = 0; k < kMostOperands; k++) {
    bool mask = masks >> k & 1;
    if (!mask) widen_[k] = kernels::cast_kernel(dtype, native);
    items_[k] = static_cast<int64_t>(mask ? 1 : size_of(dtype));
  }
  if (result == dtype) narrow_ = kernels::cast_kernel(native, dtype);
  out_item_ = static_cast<int64_t>(size_of(result));
}

void PointwiseBody::run_converted(const void* const* in, const uint8_t* form, char* out, int64_t n,
                                  uint32_t* error) const {
  alignas(64) char wide[kMostOperands + 1][kBlock * 8];
  const void* block_in[kMostOperands];
  uint8_t block_form[kMostOperands];
  for (int64_t done = 0; done < n; done += kBlock) {
    int64_t count = std::min(kBlock, n - done);
    for (int k = 0; k < operands; k++) {
      block_form[k] = form[k];
      bool array = form[k] == kernels::kArray;
      block_in[k] = static_cast<const char*>(in[k]) + (array ? done * items_[k] : 0);
      if (!widen_[k] || form[k] == kernels::kScalar) continue;
      widen_[k](block_in[k], form[k], wide[k], array ? count : 1);
      block_in[k] = wide[k];
    }
    char* block_out = out + done * out_item_;
    void* result = narrow_ ? wide[kMostOperands] : block_out;
    pointwise(block_in, block_form, attributes, result, count, error);
    if (narrow_) narrow_(result, kernels::kArray, block_out, count);
  }
}

} // namespace weft
