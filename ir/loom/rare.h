// What of a kernel's body only the rare sides of loom.rarely read: emitters compute it inside of a
// branch.
#pragma once

#include "ir/loom/loom.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::loom {

class RareSides {
public:
  /// Finds the ops below `root` without effects whose every use is the rare side of a loom.rarely
  /// in the same block, or an operand of such an op.
  explicit RareSides(mlir::Operation* root);
  RareSides() = default;

  bool contains(mlir::Operation* op) const { return ops_.contains(op); }

  /// Returns, in order, what the rare side of a choice takes of these, but for what is known
  /// already and for what choices among it take for their own rare sides.
  llvm::SmallVector<mlir::Operation*>
  sideOf(RarelyOp choice, llvm::function_ref<bool(mlir::Operation*)> isKnown) const;

private:
  llvm::DenseSet<mlir::Operation*> ops_;
};

/// Says whether an operand is the rare side of a loom.rarely.
bool isRareSide(mlir::OpOperand& operand);

} // namespace weft::loom
