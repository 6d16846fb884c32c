// What a launch of a loom.kernel has to do: how much, and of which kind.
#pragma once

#include "ir/loom/loom.h"

namespace weft {

/// The work of a kernel's launch, with usual extents where sizes are arguments.
struct LaunchWork {
  bool isRoutine = false;            // no kernel: it joins nothing
  bool hasDot = false, folds = true; // folds: every part ends in accumulators
  double points = 0, elements = 0;   // of the largest part; elements with all loops
  double nanoseconds = 0;            // of one thread that finds its operands in its caches
};

LaunchWork workOf(loom::KernelOp kernel);

} // namespace weft
