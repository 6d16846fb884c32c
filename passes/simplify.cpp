// Each rewrite is an equation that holds for every bit pattern; what nobody reads goes.
//   view(view(x)) = view(x), permute(permute(x)) = permute(x), expand(expand(x)) = expand(x)
//   view(x) = x, permute(x) = x, expand(x) = x, slice(x) = x where they change nothing
//   cast(x) = x to x's own type
//   cast(cast(x)) = cast(x) where the inner cast keeps every value
#include "passes/passes.h"

#include "ir/weft/index_math.h"
#include "ir/weft/weft.h"
#include "passes/part.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

// The view reads element i at place i.
bool isIdentity(ir::ViewOp view) {
  Operation* op = view;
  if (op->getOperand(0).getType() != op->getResult(0).getType()) return false;
  Exprs indices, extents = ir::shapeOf(op->getResult(0));
  for (unsigned k = 0; k < extents.size(); k++)
    indices.push_back(getAffineDimExpr(k, op->getContext()));
  SmallVector<AffineExpr> source = view.sourceIndices(indices);
  for (unsigned k = 0; k < source.size(); k++)
    if (ir::canonical(source[k], extents) != ir::canonical(indices[k], extents)) return false;
  return true;
}

Value mergeViews(OpBuilder& builder, Operation* op) {
  Operation* inner = op->getOperand(0).getDefiningOp();
  if (!inner || inner->getName() != op->getName() || !isa<ir::ViewOp>(op)) return {};
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Value x = inner->getOperand(0);
  StringRef name = op->getName().stripDialect();
  if (isa<ir::ViewAs, ir::Expand>(op))
    return ir::createRecord(builder, op->getLoc(), name, x, type, {}, ir::shapeOf(type));
  if (!isa<ir::Permute>(op)) return {};
  SmallVector<int64_t> order;
  for (int64_t dim : ir::structureOf(op))
    order.push_back(ir::structureOf(inner)[dim]);
  return ir::createRecord(builder, op->getLoc(), name, x, type, order, {});
}

// Every value of `from` is a value of `to`.
bool keepsValues(Type from, Type to) {
  if (from == to || from.isInteger(1)) return true;
  if (isa<FloatType>(from) && isa<FloatType>(to))
    return from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth();
  return isa<IntegerType>(from) && isa<IntegerType>(to) && !to.isUnsignedInteger() &&
         from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth();
}

Value mergeCasts(OpBuilder& builder, Operation* op) {
  const ir::Record* record = ir::recordOf(op);
  if (!record || !record->isCast) return {};
  Value x = op->getOperand(0);
  if (x.getType() == op->getResult(0).getType()) return x;
  Operation* inner = x.getDefiningOp();
  const ir::Record* from = ir::recordOf(inner);
  if (!from || !from->isCast || !keepsValues(ir::elementOf(inner->getOperand(0)), ir::elementOf(x)))
    return {};
  return ir::createRecord(builder, op->getLoc(), record->name, inner->getOperand(0),
                          cast<RankedTensorType>(op->getResult(0).getType()), ir::structureOf(op),
                          {});
}

Value simpler(OpBuilder& builder, Operation* op) {
  if (auto view = dyn_cast<ir::ViewOp>(op)) {
    if (isIdentity(view)) return op->getOperand(0);
    return mergeViews(builder, op);
  }
  return mergeCasts(builder, op);
}

} // namespace

LogicalResult simplify(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration()) continue;
    Block& block = function.getBody().front();
    for (Operation& op : llvm::make_early_inc_range(block.without_terminator())) {
      OpBuilder builder(&op);
      if (op.getNumResults() != 1) continue;
      Value y = op.getResult(0);
      while (y.getDefiningOp()) {
        Value z = simpler(builder, y.getDefiningOp());
        if (!z) break;
        y = z;
      }
      if (y != op.getResult(0)) op.getResult(0).replaceAllUsesWith(y);
    }
    SmallVector<Operation*> ops;
    for (Operation& op : block.without_terminator())
      ops.push_back(&op);
    for (Operation* op : llvm::reverse(ops))
      if (isOpTriviallyDead(op)) op->erase();
  }
  return success();
}

} // namespace weft
