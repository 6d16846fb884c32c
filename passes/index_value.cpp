#include "passes/index_value.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace weft {

Value emitIndex(OpBuilder& b, Location loc, AffineExpr e, function_ref<Value(unsigned)> dim,
                function_ref<Value(unsigned)> symbol) {
  if (auto c = dyn_cast<AffineConstantExpr>(e))
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(c.getValue()));
  if (auto d = dyn_cast<AffineDimExpr>(e)) return dim(d.getPosition());
  if (auto s = dyn_cast<AffineSymbolExpr>(e)) return symbol(s.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(e);
  Value x = emitIndex(b, loc, binary.getLHS(), dim, symbol);
  Value y = emitIndex(b, loc, binary.getRHS(), dim, symbol);
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(b, loc, x, y);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(b, loc, x, y);
  case AffineExprKind::FloorDiv:
    return arith::FloorDivSIOp::create(b, loc, x, y);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivSIOp::create(b, loc, x, y);
  default: {
    Value q = arith::FloorDivSIOp::create(b, loc, x, y);
    return arith::SubIOp::create(b, loc, x, arith::MulIOp::create(b, loc, q, y));
  }
  }
}

SmallVector<Value> renumberDims(MutableArrayRef<AffineExpr> exprs, unsigned dims,
                                function_ref<Value(unsigned)> value) {
  if (exprs.empty()) return {};
  MLIRContext* context = exprs.front().getContext();
  SmallVector<AffineExpr> renumbered(dims, getAffineConstantExpr(0, context));
  SmallVector<Value> values;
  for (unsigned k = 0; k < dims; k++)
    if (llvm::any_of(exprs, [&](AffineExpr e) { return e.isFunctionOfDim(k); })) {
      renumbered[k] = getAffineDimExpr(values.size(), context);
      values.push_back(value(k));
    }
  for (AffineExpr& e : exprs)
    e = e.replaceDims(renumbered);
  return values;
}

} // namespace weft
