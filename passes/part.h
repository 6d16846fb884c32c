// Part: a set of weft ops seen as one space of points. Fusion asks whether a set is one; lowering
// emits it.
#pragma once

#include "ir/weft/weft.h"
#include "passes/products.h"
#include "passes/reason.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallBitVector.h"

#include <optional>
#include <string>

namespace weft {

/// A reduction in any of its forms: an op of a record, or one step of a long one.
struct ReduceView {
  const ir::Record* record = nullptr;
  mlir::Value operand;
  llvm::SmallVector<int64_t> dims;
  bool starts = true;   // elements enter; else its operand holds accumulators
  bool finishes = true; // ends with the record's finish
  mlir::AffineExpr count;
};
std::optional<ReduceView> asReduce(mlir::Operation* op);

/// Says whether an op only shows elements of its operand, or is a number: it belongs to whoever
/// reads it.
bool isTransparent(mlir::Operation* op);

/// Says whether the op's elements are expressions of its operands' elements: pointwise, sources,
/// selections.
bool isElementwise(mlir::Operation* op);

using ir::mayRefuse;

/// Says whether the op is a call of something else than a kernel of loom: of its own kernel, or of
/// a function for each tile. It reads and writes memory.
bool isRoutine(mlir::Operation* op);

/// Says whether the op reads its operand 0 at a place that its operand 1 holds.
bool isGather(mlir::Operation* op);

/// Returns scalar operations for one element of the op.
unsigned weightOf(mlir::Operation* op);
/// Says whether an element takes an op long: a heavy one, a division, a root.
bool isDear(mlir::Operation* op);

/// Where an op, but for what a gather gathers, reads its k-th operand for its result's element at
/// `indices`. For reductions and products the further dims are appended as dims `first`, `first` +
/// 1, ... of the expressions.
ir::Exprs operandIndices(mlir::Operation* op, unsigned k, llvm::ArrayRef<mlir::AffineExpr> indices,
                         unsigned first);

/// One read of a value that the part does not compute.
struct PartAccess {
  mlir::Value value;
  ir::Exprs indices;
  bool isFactor = false; // read by a product
  ir::Exprs within;      // of a factor: where one of them is negative, the element is 0, not read
};

/// An index that a gather finds in a tensor: a further dim of the part's expressions, whose value
/// is an element of that tensor.
struct PartIndex {
  mlir::Operation* op; // the gather
  mlir::Value value;   // behind views
  ir::Exprs at;
  mlir::AffineExpr extent; // of the dim that it indexes
};

class Part {
public:
  /// Takes the ops for which `contains` holds, and transparent ones; `outputs` are what it writes.
  /// Returns nothing, and in `why` what does not fit, if they are not one space of points.
  static std::optional<Part> analyse(llvm::ArrayRef<mlir::Value> outputs,
                                     llvm::ArrayRef<mlir::Operation*> ops, Reason& why);

  /// Sizes of the axes, none of them 1: the points, and within each the elements that reductions
  /// fold.
  ir::Exprs extents;
  llvm::SmallBitVector reduced; // by axis
  mlir::Operation* product = nullptr;
  mlir::AffineExpr inner;   // of a product: the size it sums over, dim extents.size()
  unsigned firstColumn = 0; // of a product: the axis from which on axes are columns
  llvm::SmallVector<mlir::Operation*> ops;
  llvm::SmallVector<mlir::Value> outputs;
  std::vector<PartAccess> accesses;
  /// Their dims come behind the axes and the product's inner one.
  llvm::SmallVector<PartIndex> foundIndices;
  /// Further expressions that the part computes with: positions and conditions.
  llvm::SmallVector<mlir::AffineExpr> positions;
  /// Loops that have to run before the op's value is known: reductions count from 1.
  llvm::DenseMap<mlir::Operation*, unsigned> level;
  /// Axes along which elements of an elementwise op are different ones, by axis.
  llvm::DenseMap<mlir::Operation*, llvm::SmallBitVector> varies;

  bool contains(mlir::Operation* op) const {
    return op && (members.contains(op) || isTransparent(op));
  }
  /// Returns the indices of a value at a point, if it has one element for each element of the space
  /// or for each point.
  std::optional<ir::Exprs> indicesOf(mlir::Type tensor) const;
  /// The extents of all dims of the expressions: with a product's inner size and those of found
  /// indices.
  ir::Exprs ranges() const;
  unsigned firstFoundDim() const { return extents.size() + 1; }
  /// Returns the number of the found index by which a gather's element at `indices` is read.
  std::optional<unsigned> foundIndexOf(mlir::Operation* gather,
                                       llvm::ArrayRef<mlir::AffineExpr> indices) const;
  /// Where an op reads its k-th operand, like operandIndices, for gathers as well.
  ir::Exprs indicesIn(mlir::Operation* op, unsigned k,
                      llvm::ArrayRef<mlir::AffineExpr> indices) const;

private:
  friend struct PartBuilder;
  PartIndex indexBehindViews(mlir::Operation* gather,
                             llvm::ArrayRef<mlir::AffineExpr> indices) const;
  llvm::DenseSet<mlir::Operation*> members;
};

} // namespace weft
