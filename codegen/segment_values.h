// What a segment's values are before IR is made of them: which op defines each, whose storage it
// looks into, and its shape. Sizes of a size-generic segment are symbols, but for what its facts
// say; sizes that an op needs equal become one symbol.
#pragma once

#include "ir/weft/records.h"
#include "ir/weft/shape_rules.h"
#include "runtime/program/program.h"

#include "llvm/ADT/DenseMap.h"

#include <vector>

namespace weft {

class SegmentValues {
public:
  /// Throws Error (unsupported) for an op that the compiler does not know or whose rule refuses the
  /// shapes, and (internal) for a segment that is inconsistent.
  SegmentValues(const Segment& segment, mlir::MLIRContext* context);

  std::vector<const ir::Record*> records;  // by op
  std::vector<int32_t> defining_op, owner; // by value
  llvm::DenseMap<int32_t, int32_t> same_leaf, leaf_position;
  std::vector<ir::Exprs> shapes;         // by value
  std::vector<ir::Exprs> op_sizes;       // by op: its size attributes
  std::vector<mlir::AffineExpr> layouts; // by leaf: (indices) -> offset; null: contiguous
  std::vector<ProgramSymbol> symbols;

  /// Returns the leaf that stands for a leaf which is the same view of one storage, else v.
  int32_t resolve_alias(int32_t v) const;
  [[noreturn]] void fail(size_t op, const std::string& message) const;
  /// Throws unless what the runtime guarantees of a segment holds.
  static void require(bool ok, const char* message);

private:
  void define_values();
  mlir::AffineExpr constant(int64_t v) const;
  mlir::AffineExpr new_symbol(ProgramSymbol::Kind kind, int32_t index, int32_t dim);
  mlir::AffineExpr next_size(ProgramSymbol::Kind kind, int32_t index, int32_t dim,
                             int64_t recorded);
  mlir::AffineExpr resolved(mlir::AffineExpr e) const;
  bool make_equal(mlir::AffineExpr a, mlir::AffineExpr b);
  void infer_shapes();
  void infer_leaf(size_t k);
  void infer_op(size_t k);
  void number_symbols();

  const Segment& segment;
  mlir::MLIRContext* context;
  std::vector<mlir::AffineExpr> meanings; // by symbol; null: free
  std::vector<mlir::AffineExpr> sizes;    // in the order of each_size, as far as they are read
};

} // namespace weft
