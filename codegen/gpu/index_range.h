// Whether indices are of 32 bits: a GPU divides those several times faster.
#pragma once

#include "ir/loom/loom.h"

namespace weft::gpu {

/// Whether accesses of the parts divide indices, and 32 bits hold every index and whatever is
/// computed of them, also where threads step past an extent. Without a division 64 bits are as fast
/// or faster, since addresses have as many. Expressions of sizes that are arguments or of loaded
/// numbers are of 64 bits in any case, since these are.
bool hasNarrowIndices(llvm::ArrayRef<loom::PartOp> phase);

} // namespace weft::gpu
