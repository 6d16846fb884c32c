// Index expressions in one canonical form: sums of products, with divisions resolved where the
// ranges of the indices allow it. Sizes are symbols of at least 1, indices are dims within their
// extents.
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"

namespace weft::ir {

/// Returns the canonical form of an expression whose dim k lies in [0, extents[k]). Two expressions
/// with one canonical form are equal.
mlir::AffineExpr canonical(mlir::AffineExpr expr, llvm::ArrayRef<mlir::AffineExpr> extents = {});

/// Returns an expression with each symbol k at most[k], where that is not 0.
mlir::AffineExpr atMost(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> most);

/// Returns a / b if b divides a without remainder whatever the sizes are, else null.
mlir::AffineExpr exactQuotient(mlir::AffineExpr a, mlir::AffineExpr b);

/// Returns the row-major number of the element at `indices` of a tensor.
mlir::AffineExpr linearise(llvm::ArrayRef<mlir::AffineExpr> indices,
                           llvm::ArrayRef<mlir::AffineExpr> shape, mlir::MLIRContext* context);

/// Returns the indices of the element with that row-major number.
llvm::SmallVector<mlir::AffineExpr, 6> delinearise(mlir::AffineExpr linear,
                                                   llvm::ArrayRef<mlir::AffineExpr> shape,
                                                   llvm::ArrayRef<mlir::AffineExpr> extents);

/// Cuts two lists of sizes with equal products into one list that both are products of. Fails where
/// their boundaries cross.
bool commonRefinement(llvm::ArrayRef<mlir::AffineExpr> a, llvm::ArrayRef<mlir::AffineExpr> b,
                      llvm::SmallVectorImpl<mlir::AffineExpr>& out);

} // namespace weft::ir
