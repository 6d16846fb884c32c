// Kernels that call a structured op's own kernel.
#pragma once

#include "ir/weft/weft.h"

namespace weft {

/// Returns the op of a weft.kernel that is one call of a routine, or null.
mlir::Operation* routineOf(ir::KernelOp kernel);

/// Requires of a kernel with a routine that it yields nothing but the routine's result.
mlir::LogicalResult checkRoutine(ir::KernelOp kernel);

/// A buffer, and the map (indices)[sizes] -> (offset) of an operand that shows it.
struct Operand {
  mlir::Value buffer;
  mlir::AffineExpr offset;
};
/// Returns what lies behind the views of a kernel's operand.
Operand resolve(mlir::func::FuncOp function, mlir::Value v);

/// Inserts a kernel before `kernel` that writes `v`, which its ops compute, row-major.
mlir::Value copyBefore(ir::KernelOp kernel, mlir::Value v);

/// Gives each operand of a routine, and each factor that a product reads often, a kernel before it
/// that copies, where no strides of one buffer show it.
void copyOperands(mlir::func::FuncOp function, ir::KernelOp kernel);

/// Makes a weft.routine of the kernel, and a launch of it in its place. `errorCode` numbers the ops
/// that refuse elements.
mlir::LogicalResult lowerRoutine(mlir::func::FuncOp function, ir::KernelOp kernel, unsigned number,
                                 llvm::function_ref<int32_t(mlir::Operation*)> errorCode);

/// Returns the positions in the segment of the ops of a kernel, in ascending order.
llvm::SmallVector<int64_t> positionsIn(ir::KernelOp kernel);

} // namespace weft
