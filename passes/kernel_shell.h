// The loom.kernel that is made for a weft.kernel: its arguments, and the launch in its place.
#pragma once

#include "ir/loom/loom.h"
#include "ir/weft/weft.h"

#include "llvm/ADT/SetVector.h"

namespace weft {

/// 1. Whoever lowers a weft.kernel adds what is read, the numbers, and temporaries.
/// 2. create() makes the empty loom.kernel and fills bufferOf and its like.
/// 3. finish(), once the kernel has its parts, merges equal code and puts the launch in the place
/// of
///    the weft.kernel.
class KernelShell {
public:
  mlir::ModuleOp module;
  mlir::func::FuncOp function;
  ir::KernelOp op;
  llvm::SetVector<mlir::Value> inputs;
  llvm::SetVector<std::pair<mlir::Value, mlir::Type>> scalars; // and the type they are passed in
  llvm::SmallVector<mlir::RankedTensorType> temporaries;       // of the kernel's phases
  llvm::SmallVector<int64_t> tied; // of each result: the input that it is written over, or -1
  loom::KernelOp kernel;

  /// `number` is that of the kernel in the function, for its name.
  KernelShell(mlir::ModuleOp module, mlir::func::FuncOp function, ir::KernelOp op, unsigned number)
      : module(module), function(function), op(op), number(number) {}

  /// Makes the kernel, under a summary of what it computes.
  void create(std::string summary);
  void finish();

  /// The kernel's arguments, once it is made.
  llvm::DenseMap<mlir::Value, mlir::Value> bufferOf; // of an input
  llvm::SmallVector<mlir::Value> bufferOfResult, bufferOfTemporary;
  llvm::DenseMap<std::pair<mlir::Value, mlir::Type>, mlir::Value> scalarOf;

private:
  void nameArguments();

  unsigned number;
  std::string summary;
  llvm::SmallVector<mlir::Value> sizes;
};

} // namespace weft
