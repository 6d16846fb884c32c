// Products that a block computes by tiles: which part is one, and how large its tiles are.
#pragma once

#include "ir/loom/loom.h"

#include <optional>

namespace weft::gpu {

/// A side of a product: the factor that depends on the rows of the result, or the one that depends
/// on its columns.
struct ProductSide {
  mlir::Value factor;                // what loom.dot multiplies
  llvm::SmallVector<unsigned> axes;  // of the part; the last one is the fastest digit of a row
  mlir::AffineExpr extent;           // of these axes together
  int per_thread = 1;                // rows of the result that a thread computes
  bool k_fast = true;                // memory is contiguous along k, not along the axes
  std::vector<mlir::Operation*> ops; // that compute the factor, in order
};

/// A block computes a tile of the result, kProductThreads^2 threads a few rows and columns of it
/// each. It steps through k: `steps` columns of the left factor and rows of the right one lie in
/// shared memory, while the threads fetch the next ones into registers.
struct ProductPlan {
  loom::DotOp dot;
  ProductSide rows, columns;
  llvm::SmallVector<unsigned> batch_axes;
  mlir::AffineExpr batches, depth; // depth: the extent of k
  int steps = 16;
  mlir::Type type; // of the sums, and of what lies in shared memory: f32 or f64

  /// Elements that one 16-byte access moves.
  int vector() const { return type.isF64() ? 2 : 4; }
  int tile(const ProductSide& side) const;
  /// Elements from one step to the next in shared memory; the padding keeps stores from meeting in
  /// one bank.
  int pitch(const ProductSide& side) const { return tile(side) + vector(); }
  /// Bytes of both factors, twice: one is read while the other is written.
  int64_t sharedBytes() const;
  mlir::AffineExpr blocks() const;
};

inline constexpr int kProductThreads = 16; // along the rows, and along the columns, of a tile

/// Whether a part is one loom.dot with scalar ops around it that may be done again for each element
/// which is fetched, or at the element's end.
bool isProduct(loom::PartOp part);

/// Recognises a product that has rows and columns and is large enough for tiles.
/// Sums are the same chains as the plain loop's: fused multiply-adds in the order of k.
std::optional<ProductPlan> matchProduct(loom::PartOp part);

} // namespace weft::gpu
