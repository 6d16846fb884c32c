// Which loop of a part computes what: one loop for each level of reductions, a last one for outputs
// that need all of them.
#pragma once

#include "passes/part.h"

#include "llvm/ADT/MapVector.h"

namespace weft {

struct LoopPlan {
  /// `isOverwritten` says whether an output lies over one of the part's inputs.
  LoopPlan(const Part& part, llvm::function_ref<bool(mlir::Value)> isOverwritten);

  unsigned levels = 0; // loops 1 .. levels fold, loop levels + 1 writes
  /// The loop that writes an output with elements along the folded axes; none for other outputs.
  llvm::DenseMap<mlir::Value, unsigned> outputLoop;
  /// Ops whose values are kept from one loop to the next, because they are dear.
  llvm::SetVector<mlir::Operation*> kept;

  bool isWrittenIn(mlir::Value output, unsigned loop) const {
    return outputLoop.lookup(output) == loop;
  }
};

} // namespace weft
