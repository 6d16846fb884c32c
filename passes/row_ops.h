// What the ops of a softmax are, and a writer of such ops.
#pragma once

#include "passes/part.h"

namespace weft {

/// Returns the primitive that an op applies to its operands, in their order.
std::optional<expr::Primitive> primitiveOf(mlir::Operation* op);

/// Returns what a reduction starts with, if it folds elements as they are along the last dim alone.
std::optional<expr::Node> identityOfRows(mlir::Operation* op);
/// Says whether that is -inf, as of a maximum.
bool isLowest(const expr::Node& identity);
/// Says whether it is 0, as of a sum.
bool isZero(const expr::Node& identity);

/// Says whether a value has no columns: one number for each row.
bool isOfRow(mlir::Value v);

/// Writes pointwise ops whose operands broadcast, and reductions.
struct RowWriter {
  mlir::OpBuilder& b;
  mlir::Location loc;

  mlir::Value number(double v, mlir::Type element);
  /// A tensor of one value, f32 or f64.
  mlir::Value full(double v, mlir::RankedTensorType type);
  /// i64 from `start` on, one more each.
  mlir::Value arange(double start, int64_t count);
  template <class Op> mlir::Value apply(llvm::ArrayRef<mlir::Value> operands, mlir::Type element) {
    return ir::createRecord<Op>(b, loc, operands, ir::tensorType(broadcastShape(operands), element),
                                {}, {});
  }
  template <class Op> mlir::Value compare(mlir::Value a, mlir::Value x) {
    return apply<Op>({a, x}, b.getI1Type());
  }
  template <class Op> mlir::Value compare(mlir::Value a, double x) {
    return compare<Op>(a, number(x, ir::elementOf(a)));
  }
  mlir::Value both(mlir::Value a, mlir::Value x) { return compare<ir::LogicalAnd>(a, x); }
  mlir::Value isNot(mlir::Value a) { return apply<ir::LogicalNot>({a}, b.getI1Type()); }
  template <class Op>
  mlir::Value reduce(mlir::Value x, bool keepdim, llvm::ArrayRef<int64_t> dims) {
    llvm::SmallVector<int64_t> structure{keepdim};
    llvm::append_range(structure, dims);
    auto type = ir::tensorType(reducedShape(x, keepdim, dims), ir::elementOf(x));
    return ir::createRecord<Op>(b, loc, x, type, structure, {});
  }

private:
  ir::Exprs broadcastShape(llvm::ArrayRef<mlir::Value> operands);
  ir::Exprs reducedShape(mlir::Value x, bool keepdim, llvm::ArrayRef<int64_t> dims);
};

} // namespace weft
