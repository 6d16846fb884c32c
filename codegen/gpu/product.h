// Products that a block computes by tiles: which part is one, and how large its tiles are.
#pragma once

#include "codegen/gpu/wide.h"

#include <optional>
#include <vector>

namespace weft::gpu {

/// A side of a product: the factor that depends on the rows of the result, or the one that depends
/// on its columns.
struct ProductSide {
  mlir::Value factor;                // what loom.dot multiplies
  llvm::SmallVector<unsigned> axes;  // of the part; the last one is the fastest digit of a row
  mlir::AffineExpr extent;           // of these axes together
  int per_thread = 1;                // rows of the result that a thread computes
  int threads = 16;                  // along the rows of a tile
  bool k_fast = true;                // memory is contiguous along k, not along the axes
  std::vector<mlir::Operation*> ops; // that compute the factor, in order
  // Loads among them that are contiguous along k, or else along the axes: fetched by runs.
  llvm::SmallVector<loom::LoadOp> wide_loads;
  // Of what tensor cores multiply: from a step to the next in memory; null where that differs.
  mlir::AffineExpr step;

  int tile() const { return per_thread * threads; }
};

/// A block computes a tile of the result, each thread a few rows and columns of it. It steps
/// through k: `steps` columns of the left factor and rows of the right one lie in shared memory,
/// while the threads fetch the next ones into registers.
struct ProductPlan {
  loom::DotOp dot;
  ProductSide rows, columns;
  llvm::SmallVector<unsigned> batch_axes;
  mlir::AffineExpr batches, depth; // depth: the extent of k
  int steps = 16;
  mlir::Type type; // of the sums, and of what lies in shared memory: f32 or f64
  // Where both factors are plain loads of bf16 or of f16, which tensor cores multiply: their type.
  mlir::Type matrix_type;

  /// Elements that one 16-byte access moves.
  int vector() const { return type.isF64() ? 2 : 4; }
  int threads() const { return rows.threads * columns.threads; }
  /// Elements of a stretch of a factor that a thread fetches.
  int fetched(const ProductSide& side) const { return side.tile() * steps / threads(); }
  /// Whether a thread fetches whole runs of a factor.
  bool fetchesRuns(const ProductSide& side) const {
    return !side.wide_loads.empty() && fetched(side) % kRun == 0;
  }
  /// Elements from one step to the next in shared memory; the padding keeps stores from meeting in
  /// one bank.
  int pitch(const ProductSide& side) const { return side.tile() + vector(); }
  /// Bytes of both factors, twice: one is read while the other is written.
  int64_t sharedBytes() const;
  /// Stretches that tensor cores have in shared memory: one is read while the others are on their
  /// way.
  int stages() const;
  /// Bytes of these.
  int64_t matrixBytes() const;
  mlir::AffineExpr blocks() const;
};

/// Whether a part is one loom.dot with scalar ops around it that may be done again for each element
/// which is fetched, or at the element's end.
bool isProduct(loom::PartOp part);

/// Steps of k in a stretch that tensor cores multiply.
inline constexpr int kMatrixSteps = 32;
/// Elements of 16 bits that one access moves from memory to shared memory.
inline constexpr int kChunk = 8;

/// Threads of a block whose kernel does more than a product.
inline constexpr int kSharedBlockThreads = 256;

/// Recognises a product that has rows and columns and is large enough for tiles; `alone` says that
/// the block's number of threads is for it to choose. Sums are the same chains as the plain loop's:
/// fused multiply-adds in the order of k.
std::optional<ProductPlan> matchProduct(loom::PartOp part, bool alone);

} // namespace weft::gpu
