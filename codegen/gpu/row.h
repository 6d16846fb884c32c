// The loops of one point that the threads of a block share: how many runs a thread takes at once,
// and what of a row stays in its registers from loop to loop.
#pragma once

#include "codegen/gpu/plan.h"

namespace weft::gpu {

/// Elements of a row for each thread: four accesses of 16 bytes under way hide the memory's latency
/// where few warps do.
inline constexpr int64_t kRowPerThread = 16;

/// Fills `wide_loops` with the shared loops that threads may go through by runs.
void findWideLoops(PartPlan& plan);

/// The threads of a block that hold a row too long for fewer of them in their registers; 0 where
/// none do, or the usual number does.
int threadsToKeepRow(const PartPlan& plan);

/// Chooses `runs` and `once` of the wide loops for a number of threads.
void chooseRuns(PartPlan& plan, int threads);

/// Whether all accesses of a local are at the iteration's own place in loops that are done at once:
/// then a thread needs its own elements alone.
bool isKept(loom::LocalOp local, const PartPlan& plan);

} // namespace weft::gpu
