// Values of a part by their indices: index arithmetic, loads, stores, and what is kept for later
// loops.
#include "ir/weft/index_math.h"
#include "passes/index_value.h"
#include "passes/part_lowering.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

Exprs PartLowering::canonical(ArrayRef<AffineExpr> indices) {
  Exprs r;
  for (AffineExpr e : indices)
    r.push_back(ir::canonical(e, ranges));
  return r;
}

// Emits i64 arithmetic for an index expression, in the outermost block that knows it.
Value PartLowering::indexValue(AffineExpr e) {
  e = axes.joined(e);
  int depth = depthOf(e);
  auto key = std::tuple(Value(), AffineMap::get(ranges.size(), ir::countSymbols(e), e), Value());
  Value& known = scopes[depth].values[key];
  if (!known) {
    Value made = emitIndex(e, depth);
    scopes[depth].values[key] = made;
    return made;
  }
  return known;
}

Value PartLowering::emitIndex(AffineExpr e, int depth) {
  // An index that is found may be so in another block.
  OpBuilder own(context);
  own.setInsertionPointToEnd(scopes[depth].block);
  auto number = [&](Value index) -> Value {
    return arith::IndexCastOp::create(own, loc, own.getI64Type(), index);
  };
  return weft::emitIndex(
      own, loc, e,
      [&](unsigned k) {
        return k < part.firstFoundDim() ? number(axes.runOf(k).index)
                                        : found(k - part.firstFoundDim()).number;
      },
      [&](unsigned k) { return number(frame.kernel.getSizes()[k]); });
}

// Loads the index and requires that it is one of the dim.
PartLowering::Found PartLowering::found(unsigned k) {
  const PartIndex& index = part.foundIndices[k];
  int depth = depthOf(index.at);
  if (Found known = scopes[depth].found.lookup(k); known.number) return known;
  Value i = valueOf(index.value, index.at, {}), extent = indexValue(index.extent);
  Location where = index.op->getLoc();
  OpBuilder& b = at(depth);
  Found f;
  // A negative index is a large one.
  f.isInside = arith::CmpIOp::create(b, where, arith::CmpIPredicate::ult, i, extent);
  setCurrent(index.op);
  loom::RequireOp::create(b, where, f.isInside, code());
  Value zero = arith::ConstantOp::create(b, where, b.getI64IntegerAttr(0));
  f.number = arith::SelectOp::create(b, where, f.isInside, i, zero);
  f.index = arith::IndexCastOp::create(b, where, b.getIndexType(), f.number);
  scopes[depth].found[k] = f;
  return f;
}

// What is gathered. Where the dim may be empty there is nothing to read in the place of an index
// that is none.
Value PartLowering::emitGather(Operation* op, ArrayRef<AffineExpr> indices) {
  unsigned k = *part.foundIndexOf(op, indices);
  Found f = found(k);
  auto size = dyn_cast<AffineConstantExpr>(part.foundIndices[k].extent);
  Condition mask;
  if (!size || size.getValue() <= 0) mask = {f.isInside, depthOf(part.foundIndices[k].at)};
  return valueOf(op->getOperand(0), part.indicesIn(op, 0, indices), mask);
}

// The value as it is computed with: masks become 0 or 1 unless they are wanted as such.
Value PartLowering::numberOf(Value v, ArrayRef<AffineExpr> indices, Condition mask) {
  Value x = valueOf(v, indices, mask);
  if (!x.getType().isInteger(1)) return x;
  int depth = std::max(depthOf(canonical(indices)), mask.depth);
  return bodyAt(depth, v.getLoc(), builder.getI64Type()).convert(x, builder.getI64Type());
}

Value PartLowering::valueOf(Value v, ArrayRef<AffineExpr> raw, Condition mask) {
  Exprs indices = canonical(raw);
  Operation* op = v.getDefiningOp();
  if (part.contains(op)) {
    if (auto view = dyn_cast<ir::ViewOp>(op))
      return valueOf(view->getOperand(0), view.sourceIndices(indices), mask);
    if (Value known = folded.lookup(op)) return known;
  }
  int depth = std::max(depthOf(indices), mask.value ? mask.depth : 0);
  AffineMap place = AffineMap::get(ranges.size(), ir::countSymbols(indices), indices, context);
  // What is known without a condition is known under each.
  if (Value known = scopes[depthOf(indices)].values.lookup({v, place, Value()})) return known;
  auto key = std::tuple(v, place, mask.value);
  if (Value known = scopes[depth].values.lookup(key)) return known;
  Value made =
      !part.contains(op) ? emitLoad(v, indices, mask, depth) : emitOp(op, indices, mask, depth);
  scopes[depth].values[key] = made;
  return made;
}

// Renumbers the dims that expressions are functions of, and names the values of these.
SmallVector<Value> PartLowering::placesOf(MutableArrayRef<AffineExpr> exprs) {
  for (AffineExpr& e : exprs)
    e = axes.joined(e);
  return renumberDims(exprs, ranges.size(), [&](unsigned k) {
    return k < part.firstFoundDim() ? axes.runOf(k).index : found(k - part.firstFoundDim()).index;
  });
}

std::pair<AffineMap, SmallVector<Value>> PartLowering::access(AffineExpr offset) {
  SmallVector<Value> places = placesOf(offset);
  return {AffineMap::get(places.size(), ir::countSymbols(offset), offset), places};
}

Value PartLowering::emitLoad(Value v, ArrayRef<AffineExpr> indices, Condition mask, int depth) {
  auto [map, places] = access(offsetOf(v, indices));
  Value buffer = frame.buffers.lookup(v);
  OpBuilder& b = at(depth);
  if (!mask.value) return loom::LoadOp::create(b, v.getLoc(), buffer, map, places);
  Type type = loom::computeType(buffer.getType());
  Value other = arith::ConstantOp::create(b, v.getLoc(), cast<TypedAttr>(b.getZeroAttr(type)));
  return loom::LoadOp::create(b, v.getLoc(), buffer, map, places, mask.value, other);
}

void PartLowering::emitStore(Value output) {
  Exprs indices = *part.indicesOf(output.getType());
  Value value = valueOf(output, indices, {});
  auto [map, places] = access(offsetOf(output, indices));
  OpBuilder& b = at(plan.isWrittenIn(output, 0) ? 0 : scopes.size() - 1);
  loom::StoreOp::create(b, output.getLoc(), value, frame.buffers.lookup(output), map, places);
}

AffineMap PartLowering::keptMap(SmallVector<Value>& places) {
  auto [map, indices] = access(axes.foldedNumber());
  places = indices;
  return map;
}

Value PartLowering::emitOp(Operation* op, ArrayRef<AffineExpr> indices, Condition mask, int depth) {
  auto local = kept.find(op);
  bool isOwn = local != kept.end() &&
               Exprs(indices) == canonical(*part.indicesOf(op->getResult(0).getType())) &&
               !mask.value;
  SmallVector<Value> places;
  if (isOwn && local->second.isFilled) {
    AffineMap map = keptMap(places);
    return loom::LoadOp::create(at(depth), op->getLoc(), local->second.memory, map, places);
  }
  Value y = emitOwn(op, indices, mask, depth);
  if (isOwn) {
    AffineMap map = keptMap(places);
    loom::StoreOp::create(at(depth), op->getLoc(), y, local->second.memory, map, places);
    filledHere.push_back(op);
  }
  return y;
}

} // namespace weft
