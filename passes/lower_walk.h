// Routines that a device runs itself: where order matters, a thread walks from one element to the
// next.
#pragma once

#include "passes/kernel_shell.h"

namespace weft {

/// Says whether a device runs a routine's op by walks: scatters of constant sizes whose index is
/// not too long, sums and products so far. Others run on the host.
bool isWalked(mlir::Operation* routine);

/// Gives a scatter that a device runs a tensor of its own to write over, unless it has one.
void copyTarget(mlir::func::FuncOp function, ir::KernelOp kernel);

/// Makes a loom.kernel of walks, and a launch of it in the place of the weft.kernel. `errorCode`
/// numbers the ops that refuse elements.
mlir::LogicalResult lowerWalk(KernelShell shell,
                              llvm::function_ref<int32_t(mlir::Operation*)> errorCode);

} // namespace weft
