// What each compiled shard of the pointwise kernels contributes to the kernel table.
#pragma once

#include "kernels/kernel_table.h"

#include <span>

namespace weft::kernels {

inline constexpr int kPointwiseShards = 4; // pointwise.cpp is compiled once for each

/// Integer dtypes that pointwise kernels are compiled for besides, in lanes of their own width,
/// where the op's meaning allows it.
inline constexpr DType kNarrowDTypes[] = {DType::i32, DType::i16, DType::i8, DType::u8};
inline constexpr int kNarrowCount = sizeof(kNarrowDTypes) / sizeof(*kNarrowDTypes);

struct PointwiseEntry {
  Op op;
  PointwiseKernel pointwise[kNativeCount]; // by kNativeDTypes; null where the op has none
  SourceKernel source[kNativeCount];
  PointwiseKernel narrow[kNarrowCount]; // by kNarrowDTypes
};

struct ReductionEntry {
  Op op;
  ReductionKernel kernels[kNativeCount];
};

using PointwiseEntries = std::span<const PointwiseEntry>;
using ReductionEntries = std::span<const ReductionEntry>;

/// The entries for the instruction set chosen at the time of the call.
template <int shard> PointwiseEntries pointwise_entries();
ReductionEntries reduction_entries();

} // namespace weft::kernels
