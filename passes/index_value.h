// Index expressions as arithmetic of a kernel.
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft {

/// Emits i64 arithmetic for an index expression of dims and symbols, whose i64 values the callbacks
/// give.
mlir::Value emitIndex(mlir::OpBuilder& builder, mlir::Location loc, mlir::AffineExpr expr,
                      llvm::function_ref<mlir::Value(unsigned)> dim,
                      llvm::function_ref<mlir::Value(unsigned)> symbol);

/// Renumbers the dims, of `dims`, that expressions are functions of, and returns the values of
/// these, which the callback gives.
llvm::SmallVector<mlir::Value> renumberDims(llvm::MutableArrayRef<mlir::AffineExpr> exprs,
                                            unsigned dims,
                                            llvm::function_ref<mlir::Value(unsigned)> value);

} // namespace weft
