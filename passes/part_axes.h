// The axes of a part as a loom.part has them: neighbours that every access runs over as one are
// one.
#pragma once

#include "ir/loom/loom.h"
#include "passes/part.h"

namespace weft {

class PartAxes {
public:
  /// Axes first .. last of the part, run over by one index.
  struct Run {
    unsigned first, last;
    bool folded;
    mlir::AffineExpr extent;
    bool isDivided; // not all expressions run over its axes as one
    int depth = -1; // of the block that has the index; -1: not open
    mlir::Value index;
  };

  /// `used` are all expressions of the axes that the part computes with, but for those of
  /// `windows`, which a product packs: where there are any, its columns are one axis in any case.
  PartAxes(const Part& part, llvm::ArrayRef<mlir::AffineExpr> used,
           llvm::ArrayRef<mlir::AffineExpr> windows);

  llvm::SmallVector<Run> runs;
  Run inner; // of a product

  /// Returns the run of an axis; behind the part's axes lies the product's inner one.
  Run& runOf(unsigned axis);
  /// Rewrites an expression of the part's axes into one of the last axis of each run, by divisions
  /// where it does not run over them as one.
  mlir::AffineExpr joined(mlir::AffineExpr e) const;
  /// Returns the depth of the innermost block whose index the expressions need.
  int depthOf(llvm::ArrayRef<mlir::AffineExpr> exprs);
  loom::AxisAttr attributeOf(const Run& run) const;
  /// Returns the product of the folded axes' sizes.
  mlir::AffineExpr foldedCount() const;
  /// Returns the row-major number of a point among the folded axes.
  mlir::AffineExpr foldedNumber() const;

private:
  bool runsOver(mlir::AffineExpr e, unsigned k) const;

  const Part& part;
  mlir::MLIRContext* context = nullptr;
  unsigned dims;
};

/// Returns an expression of sizes as a map ()[sizes] -> (e).
mlir::AffineMap sizeMap(mlir::AffineExpr e);

} // namespace weft
