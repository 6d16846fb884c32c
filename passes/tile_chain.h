// The ops from one product to another that a tile computes: which they are, and in which form a
// tile reads each value.
#pragma once

#include "passes/part.h"

#include "ir/weft/index_math.h"

#include <set>
#include <vector>

namespace weft {

// For each dim of a value the dim of the tile that it runs along, or one of these.
using Form = llvm::SmallVector<int, 6>;
inline constexpr int kWhole = -1;   // the tile has all of it
inline constexpr int kColumns = -2; // it runs along the columns of the scores that a tile computes

/// A value in one of the forms in which it is read.
using FormKey = std::pair<const void*, std::vector<int>>;
inline FormKey keyOf(mlir::Value v, const Form& form) {
  return {v.getAsOpaquePointer(), std::vector<int>(form.begin(), form.end())};
}

/// Returns the form of an operand that broadcasts to a value of form `form`.
Form broadcastForm(const Form& form, mlir::Value operand);

/// The ops from a product to another one, and what they read.
class TileChain {
public:
  explicit TileChain(mlir::Operation* last) : last(last) {}

  /// Finds the ops that end with `last`; false if they do not run tile by tile.
  bool find();
  /// Collects them again such that the tile computes some columns of the scores alone; false, and
  /// as before, if that cannot be.
  bool narrow();
  /// Says whether whole rows of the scores, of which the tile has few, would be better computed
  /// some columns at a time.
  bool isLong() const;
  /// Makes it so, once it is narrow.
  void cutBlocks();

  // What a tile does with a value.
  enum class Role { input, number, source, computed };
  Role roleOf(mlir::Value v, const Form& form);
  /// The forms in which an op whose rows are computed apart reads its operands.
  std::optional<llvm::SmallVector<Form>> operandForms(mlir::Operation* op, const Form& form) const;
  bool dependsOnFirst(mlir::Operation* op);
  bool dependsOnFirst(mlir::Value v) {
    return v.getDefiningOp() && dependsOnFirst(v.getDefiningOp());
  }
  /// The form of the scores of which the tile computes some columns.
  Form columnsForm() const;
  std::optional<int64_t> columns() const;

  mlir::Operation* last;
  mlir::Operation* first = nullptr; // the product at the other end: of the scores
  ir::Exprs extents;                // of the tile's dims: the batch's, then the rows
  ir::Exprs lengths;                // of a tile along each dim
  Form form;                        // of the result, and of whole rows of the scores
  bool isNarrow = false;
  int64_t block = 0; // columns that are computed at a time; 0: all, or those that a mask shows
  llvm::SetVector<mlir::Value> inputs, numbers;
  llvm::SetVector<mlir::Operation*> members;

private:
  bool collect();
  void findFirst(mlir::Value rows);
  bool isLight(mlir::Operation* op);
  bool isExpansion(mlir::Operation* op);
  void visit(mlir::Value v, const Form& own);
  bool isPrivate();
  bool chooseTile();
  void setRows(int64_t most);

  std::set<FormKey> seen;
  llvm::DenseMap<mlir::Operation*, bool> dependent;
  bool reduces = false, reaches = false, isCut = true;
};

} // namespace weft
