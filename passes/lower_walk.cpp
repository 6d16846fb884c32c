#include "passes/lower_walk.h"

#include "ir/weft/index_math.h"
#include "passes/buffer_layout.h"
#include "passes/walk_lowering.h"

using namespace mlir;

namespace weft {

SmallVector<unsigned> dimsOfLines(ArrayRef<AffineExpr> shape, int64_t dim) {
  SmallVector<unsigned> dims;
  for (unsigned d = 0; d < shape.size(); d++)
    if (d != dim && constantOf(shape[d]) != 1) dims.push_back(d);
  return dims;
}

WalkLowering::WalkLowering(KernelShell from)
    : shell(std::move(from)), op(routineOf(shell.op)), context(op->getContext()), loc(op->getLoc()),
      dim(ir::structureOf(op)[0]) {}

LogicalResult WalkLowering::run() {
  if (failed(checkRoutine(shell.op))) return failure();
  for (Value v : op->getOperands()) {
    operands.push_back(resolve(shell.function, v));
    shell.inputs.insert(operands.back().buffer);
  }
  lower();
  shell.finish();
  return success();
}

loom::AxisAttr WalkLowering::axis(const Twine& name, AffineExpr extent) {
  extent = ir::canonical(extent);
  return loom::AxisAttr::get(context, name.str(),
                             AffineMap::get(0, ir::countSymbols(extent), extent));
}

void WalkLowering::setAxes(ArrayRef<AffineExpr> shape, function_ref<bool(unsigned)> wanted) {
  axes.clear();
  at.assign(shape.size(), constant(0));
  for (unsigned d : dimsOfLines(shape, dim))
    if (wanted(d)) {
      at[d] = dimExpr(axes.size());
      axes.push_back(axis("d" + Twine(d), shape[d]));
    }
  at[dim] = dimExpr(axes.size());
}

WalkLowering::Array WalkLowering::result() const {
  ir::KernelOp kernel = shell.op;
  return {shell.bufferOfResult[0], layoutOf(shell.function, kernel.getResult(0)).getResult(0)};
}

// The place of an element in terms of the values that it depends on.
std::pair<AffineMap, SmallVector<Value>>
WalkLowering::place(const Array& array, ArrayRef<AffineExpr> indices, ValueRange values) {
  AffineExpr offset = ir::canonical(array.offset.replaceDims(indices));
  SmallVector<Value> used =
      renumberDims(offset, values.size(), [&](unsigned k) { return values[k]; });
  return {AffineMap::get(used.size(), ir::countSymbols(offset), offset), used};
}

Value WalkLowering::load(OpBuilder& b, const Array& array, ArrayRef<AffineExpr> indices,
                         ValueRange values, Value mask, Value other) {
  auto [map, used] = place(array, indices, values);
  return loom::LoadOp::create(b, loc, array.buffer, map, used, mask, other);
}

void WalkLowering::store(OpBuilder& b, Value value, const Array& array,
                         ArrayRef<AffineExpr> indices, ValueRange values, Value mask) {
  auto [map, used] = place(array, indices, values);
  loom::StoreOp::create(b, loc, value, array.buffer, map, used, mask);
}

Value WalkLowering::number(OpBuilder& b, AffineExpr e, ValueRange values) {
  auto cast = [&](Value index) -> Value {
    return arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  };
  return emitIndex(
      b, loc, e, [&](unsigned k) { return cast(values[k]); },
      [&](unsigned k) { return cast(shell.kernel.getSizes()[k]); });
}

bool isWalked(Operation* op) {
  ir::Exprs shape = op->getNumOperands() ? ir::shapeOf(op->getOperand(0)) : ir::Exprs();
  if (constantOf(ir::countOf(shape, op->getContext())) == 0) return false;
  return isWalkedScan(op) || isWalkedScatter(op);
}

void copyTarget(func::FuncOp function, ir::KernelOp kernel) {
  Operation* op = routineOf(kernel);
  if (!isScatter(op)) return;
  Value target = op->getOperand(0);
  std::optional<unsigned> leaf = leafOf(function, kernel.getResult(0));
  const bool isLeaf = leaf && function.getArgument(*leaf) == target;
  const bool isLast = !leaf && target.hasOneUse() && target.getDefiningOp<ir::KernelOp>();
  if (!isLeaf && !isLast) op->setOperand(0, copyBefore(kernel, target));
}

LogicalResult lowerWalk(KernelShell shell, function_ref<int32_t(Operation*)> errorCode) {
  return isScatter(routineOf(shell.op)) ? lowerScatter(std::move(shell), errorCode)
                                        : lowerScan(std::move(shell));
}

} // namespace weft
