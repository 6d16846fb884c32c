// Chunks of a phase, where it has several parts.
#pragma once

#include "codegen/cpu/plan.h"

namespace weft::cpu {

/// Returns for each part of a phase how many of its chunks are one of the phase's, so that these
/// are of like work: a thread takes as many of them at a time as are worth it on average, and
/// should not get all of a part whose chunks are heavy.
llvm::SmallVector<int64_t> chunksTogether(llvm::ArrayRef<PartPlan> phase);

} // namespace weft::cpu
