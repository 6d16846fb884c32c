// Ops with an expression, on arrays: pointwise ops, sources, casts, reductions and their steps.
#pragma once

#include "ir/interp/array.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::interp {

/// Where an op's operands lie, and what an expression of the function's sizes is.
using ValueOf = llvm::function_ref<const Array&(mlir::Value)>;
using SizeOf = llvm::function_ref<int64_t(mlir::AffineExpr)>;

/// Computes an op's result into `y`, which has its type and shape; false where the op's record has
/// no expression.
bool runRecord(mlir::Operation* op, ValueOf valueOf, SizeOf sizeOf, Array& y);

} // namespace weft::interp
