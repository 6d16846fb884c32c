// PointwiseBody: what a pointwise op does with one run of memory; and the walk that cuts operands
// of any strides into such runs.
#pragma once

#include "kernels/kernel_table.h"
#include "runtime/core/strided.h"

namespace weft {

/// A pointwise kernel or a conversion, with what it needs beside arrays. Operands and results of
/// dtypes that no kernel is compiled for are converted a block at a time, in buffers that stay in
/// L1.
struct PointwiseBody {
  static constexpr int kMostOperands = StridedLoop::kMostArrays - 1;
  static constexpr int kMostAttributes = 8;

  kernels::PointwiseKernel pointwise = nullptr;
  kernels::CastKernel cast = nullptr;
  int operands = 0;
  uint8_t forms[kMostOperands] = {};
  const void* inputs[kMostOperands] = {};
  uint64_t scalars[kMostOperands];
  uint64_t attributes[kMostAttributes];

  /// Makes the kernel for `dtype`, through conversions where it is not a native one. Bit k of
  /// `masks` says that operand k is one.
  void set_kernel(Op op, DType dtype, uint8_t masks, DType result);

  /// Computes n elements, as a PointwiseKernel does.
  void run(const void* const* in, const uint8_t* form, void* out, int64_t n,
           uint32_t* error) const {
    if (cast)
      cast(in[0], form[0], out, n);
    else if (converts_)
      run_converted(in, form, static_cast<char*>(out), n, error);
    else
      pointwise(in, form, attributes, out, n, error);
  }

private:
  void run_converted(const void* const* in, const uint8_t* form, char* out, int64_t n,
                     uint32_t* error) const;

  bool converts_ = false;
  kernels::CastKernel widen_[kMostOperands] = {}; // null: the operand is read as it is (masks)
  kernels::CastKernel narrow_ = nullptr;
  int64_t items_[kMostOperands] = {}, out_item_ = 0;
};

/// Runs the body over arrays of any strides; array 0 is the output, array k + 1 operand k, whose
/// data is null where it is a number. Returns false where an element was refused.
bool walk_pointwise(std::span<const View> views, const PointwiseBody& body);

} // namespace weft
