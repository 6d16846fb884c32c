// Whether 32 bits hold a kernel's indices: a GPU multiplies and divides those several times faster.
#pragma once

#include "ir/loom/loom.h"

namespace weft::gpu {

/// Whether 32 bits hold every index of the parts and whatever their accesses compute of them, also
/// where threads step past an extent. Expressions of sizes that are arguments or of loaded numbers
/// are of 64 bits in any case, since these are.
bool hasNarrowIndices(llvm::ArrayRef<loom::PartOp> phase);

} // namespace weft::gpu
