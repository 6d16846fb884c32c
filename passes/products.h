// Products: ops whose element is a sum, along an inner axis, of an element of one factor times one
// of the other. A convolution is one whose image is read at the places that a window sees.
#pragma once

#include "ir/weft/weft.h"

#include <optional>

namespace weft {

/// With fewer rows, and at most so many terms, what the windows of a product see is not worth
/// packing: it is summed where it lies.
inline constexpr int64_t kFewWindowRows = 4, kFewWindowTerms = 64;

/// The shortest run of codes in a block that a vector of any processor fits in.
inline constexpr int64_t kShortestRun = 16;

/// How the right factor of a product by a quantised matrix lies: rows of `steps` numbers in blocks
/// of `length`. Packed: codes of four bits, a block's first half in the low bits of its bytes.
struct QuantizedBlocks {
  int64_t steps, length;
  bool isPacked;
};

/// Returns the blocks of an op that is a product by a quantised matrix of known sizes.
std::optional<QuantizedBlocks> blocksOf(mlir::Operation* op);

/// Says whether the op is a product with a sum over an inner axis, which a kernel of loom computes.
/// A convolution is one if `whyCalled` says nothing.
bool isProduct(mlir::Operation* op);

/// Says whether the op is a product of matrices in the last two dims of its operands.
bool isMatrixProduct(mlir::Operation* op);

/// Says whether an op is a cast that changes no number and that only products of matrices read, of
/// factors that all are such casts from one dtype: their kernels load what lies before the casts.
bool isLoadedBefore(mlir::Operation* cast);

/// Returns why an op that could be a product is a call of its own kernel instead, or nothing.
llvm::StringRef whyCalled(mlir::Operation* op);

/// Returns the size that a product sums over.
mlir::AffineExpr innerSizeOf(mlir::Operation* op);

/// Returns the sizes of a product's points: those of its result, with groups apart from what they
/// hold.
ir::Exprs pointsOf(mlir::Operation* op);

/// Returns how many of its result's last dims are the columns: those that one factor alone depends
/// on.
unsigned columnDimsOf(mlir::Operation* op);

/// Where a product reads a factor: at `indices`, if each of `within` is at least 0; the element is
/// 0 elsewhere.
struct Factor {
  ir::Exprs indices, within;
};

/// Returns where a product reads its k-th operand for its result's element at `indices`; dim
/// `first` runs along the inner axis.
Factor factorOf(mlir::Operation* op, unsigned k, llvm::ArrayRef<mlir::AffineExpr> indices,
                unsigned first);

} // namespace weft
