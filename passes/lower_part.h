// Lowering of one part: its ops as the body of a loom.part.
#pragma once

#include "ir/loom/loom.h"
#include "passes/part.h"

namespace weft {

/// The kernel that parts are lowered into.
struct KernelFrame {
  loom::KernelOp kernel;
  llvm::DenseMap<mlir::Value, mlir::Value>
      buffers; // of a tensor that is read, or written as an output
  llvm::DenseMap<std::pair<mlir::Value, mlir::Type>, mlir::Value>
      scalars; // of a number and the type it is passed in
  llvm::function_ref<mlir::AffineMap(mlir::Value)> layoutOf; // (indices)[sizes] -> (offset)
  llvm::function_ref<int32_t(mlir::Operation*)> errorCode;   // of what an op requires
};

/// The type in which a number is passed to a kernel that needs it as `element`.
mlir::Type scalarArgumentType(mlir::Type number, mlir::Type element);

/// Appends a loom.part that computes the part's outputs.
void lowerPart(const Part& part, KernelFrame& frame, mlir::Location loc);

} // namespace weft
