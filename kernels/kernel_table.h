// The eager CPU kernels of pointwise, source and reduction ops, as plain functions by op and dtype.
// Bodies come from the op records; a kernel works on one run of memory, and the caller's strided
// driver and thread pool cut larger work into runs.
#pragma once

#include "weft/dtype.h"
#include "weft/gen/op_enum.inc"

#include <cstdint>

namespace weft::kernels {

/// The dtypes that pointwise kernels and reductions are compiled for. Elements of others are
/// brought to and from their compute dtype around a kernel of that one, a block at a time.
inline constexpr DType kNativeDTypes[] = {DType::f32, DType::f64, DType::bf16, DType::i64,
                                          DType::boolean};
inline constexpr int kNativeCount = sizeof(kNativeDTypes) / sizeof(*kNativeDTypes);
constexpr DType native_dtype(DType t) {
  for (DType native : kNativeDTypes)
    if (t == native) return t;
  return compute_dtype(t);
}

/// What an operand's pointer addresses.
enum Form : uint8_t {
  kArray = 0,   // n consecutive elements
  kElement = 1, // one element for all of them
  kScalar = 2,  // one element for all of them, in the compute dtype (masks, bools: one byte)
};

/// Computes n elements. `in` and `form` have an entry an operand; masks are bytes 0 or 1.
/// `attributes` are the op's scalar attributes in the compute dtype. The output is contiguous; it
/// may be one of the inputs if that one is a kArray of the same element size. *error becomes
/// non-zero where an element is refused (`require`, integer division by zero).
using PointwiseKernel = void (*)(const void* const* in, const uint8_t* form, const void* attributes,
                                 void* out, int64_t n, uint32_t* error);

/// Returns the kernel for operands of that dtype (after promotion), null where there is none: of
/// native dtypes there is one where the op takes them, of narrow ones seldom.
PointwiseKernel pointwise_kernel(Op op, DType dtype);

/// Converts n elements, kArray or kElement. Float to integer truncates and saturates at i64, NaN
/// gives 0; an integer wraps to a narrower one; any number to bool is "is not 0".
using CastKernel = void (*)(const void* in, uint8_t form, void* out, int64_t n);
CastKernel cast_kernel(DType from, DType to);

/// Fills n elements of a source op (full, arange, uniform, normal). `position` has what each
/// element is made of, in the compute dtype: the element's number for arange, a number in [0, 1)
/// for uniform and normal; full does not read it.
using SourceKernel = void (*)(const void* position, const void* attributes, void* out, int64_t n);
SourceKernel source_kernel(Op op, DType dtype);

/// Where the elements of a column lie, from its first: element k is at starts[k / run] +
/// k % run * stride, in elements.
struct ColumnPlaces {
  const int64_t* starts;
  int64_t run, stride;
};

/// A long row is reduced in pieces of this many elements, whoever reduces them.
inline constexpr int64_t kReductionPiece = int64_t{1} << 15;
inline constexpr int64_t kReductionStateBytes = 16;

/// The order of additions is a fixed tree of the row's length: the same bits on any number of
/// threads. The result's dtype is i64 for argmax and for sums of i64 and bool, else the operand's;
/// the operand's is a native one.
struct ReductionKernel {
  /// out[r] = reduction of in[r * row_stride + k] for k < n; strides in elements. An empty row
  /// gives the op's identity.
  void (*rows)(const void* in, int64_t rows, int64_t row_stride, int64_t n, void* out) = nullptr;
  /// out[c] = reduction of in[place k + c] for k < n. Columns are independent of each other.
  void (*columns)(const void* in, int64_t n, const ColumnPlaces& places, int64_t columns,
                  void* out) = nullptr;
  /// One piece of a row: elements first .. first + n (at most kReductionPiece), `in` addresses the
  /// first of them. `state` has kReductionStateBytes.
  void (*piece)(const void* in, int64_t first, int64_t n, void* state) = nullptr;
  /// Merges the states of all pieces of a row of n elements, in place, and stores the result.
  void (*finish)(void* states, int64_t pieces, int64_t n, void* out) = nullptr;
};

/// Returns the kernels for operands of that native dtype, with null members where there are none.
const ReductionKernel& reduction_kernel(Op op, DType dtype);

/// The names of the instruction sets that kernels are compiled for and this machine has, best
/// first; and a way for tests to use one of them alone (null: the best again).
const char* const* kernel_targets();
void use_kernel_target(const char* name);

} // namespace weft::kernels
