// One element of an op: records, sources, selections, and products with their factors.
#include "ir/weft/index_math.h"
#include "passes/part_lowering.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

Value PartLowering::emitOwn(Operation* op, ArrayRef<AffineExpr> indices, Condition mask,
                            int depth) {
  if (auto scalar = dyn_cast<ir::ScalarOp>(op)) {
    Type element = ir::elementOf(scalar.getY());
    Type number = scalar.getValue().getType();
    Value argument = frame.scalars.lookup({scalar.getValue(), scalarArgumentType(number, element)});
    ScalarBody body = bodyAt(0, op->getLoc(), element);
    if (number.isInteger(64) && element.isF32()) // as the runtime converts its numbers
      argument = body.convert(argument, builder.getF64Type());
    return body.convertNumber(argument, element);
  }
  if (auto number = dyn_cast<ir::NumberOp>(op)) return emitNumber(number);
  if (isProduct(op)) return emitProduct(op, indices);
  if (auto update = dyn_cast<ir::SliceUpdateOp>(op)) return emitUpdate(update, indices, mask);
  if (isa<ir::Concatenate>(op)) return emitConcatenate(op, indices, mask);
  if (isGather(op)) return emitGather(op, indices); // never under a condition
  return emitRecord(op, indices, mask, depth);
}

// Converted as the runtime converts its numbers.
Value PartLowering::emitNumber(ir::NumberOp op) {
  Type element = ir::elementOf(op.getY());
  auto typed = cast<TypedAttr>(op.getValue());
  bool isPlain = isa<FloatType>(element) && loom::valueType(element) == element;
  if (auto real = dyn_cast<FloatAttr>(typed); real && isPlain)
    return arith::ConstantOp::create(at(0), op.getLoc(),
                                     at(0).getFloatAttr(element, real.getValueAsDouble()));
  ScalarBody body = bodyAt(0, op.getLoc(), element);
  Value y = arith::ConstantOp::create(at(0), op.getLoc(), typed);
  if (typed.getType().isInteger(64) && element.isF32()) y = body.convert(y, builder.getF64Type());
  return body.convertNumber(y, element);
}

Value PartLowering::emitRecord(Operation* op, ArrayRef<AffineExpr> indices, Condition mask,
                               int depth) {
  const ir::Record* record = ir::recordOf(op);
  Value result = op->getResult(0);
  Type element = ir::elementOf(result);
  auto operand = [&](unsigned k) {
    Exprs where = operandIndices(op, k, indices, ranges.size());
    return record->isMask(k) ? valueOf(op->getOperand(k), where, mask)
                             : numberOf(op->getOperand(k), where, mask);
  };
  if (record->isCast) {
    Value x = valueOf(op->getOperand(0), operandIndices(op, 0, indices, ranges.size()), mask);
    return bodyAt(depth, op->getLoc(), x.getType()).convert(x, element);
  }
  Type compute = ir::computeElement(element);
  if (record->kind == ir::RecordKind::pointwise)
    for (unsigned k = 0; k < op->getNumOperands(); k++)
      if (!record->isMask(k)) {
        compute = ir::computeElement(ir::elementOf(op->getOperand(k)));
        if (!ir::isNumber(op->getOperand(k))) break;
      }
  // Seed and counter are integers, for the position alone.
  unsigned first = record->isRandom ? 2 : 0;
  SmallVector<Value> inputs(first);
  for (unsigned k = first; k < op->getNumOperands(); k++)
    inputs.push_back(operand(k));
  if (record->kind == ir::RecordKind::source)
    inputs.push_back(positionOf(op, indices, compute, depth));
  setCurrent(op);
  Value y =
      bodyAt(depth, op->getLoc(), compute).emit(record->graph(ir::Form::value), inputs).front();
  return bodyAt(depth, op->getLoc(), compute).convert(y, element);
}

// The number of an element of a tensor with `shape`, as floating or i64.
Value PartLowering::elementNumber(Value i, ArrayRef<AffineExpr> shape, Type compute, Location where,
                                  int depth) {
  Value x = bodyAt(depth, where, compute).convert(i, compute);
  auto count = dyn_cast<AffineConstantExpr>(ir::countOf(shape, context));
  const bool isNarrow = count && count.getValue() <= std::numeric_limits<int32_t>::max();
  if (auto cast = x.getDefiningOp<arith::SIToFPOp>(); cast && isNarrow)
    cast->setAttr(loom::LoomDialect::kNarrowName, builder.getUnitAttr());
  return x;
}

// The number of a source's element, or its random number in [0, 1).
Value PartLowering::positionOf(Operation* op, ArrayRef<AffineExpr> indices, Type compute,
                               int depth) {
  const ir::Record* record = ir::recordOf(op);
  Exprs shape = ir::shapeOf(op->getResult(0));
  Value i = indexValue(ir::canonical(ir::linearise(indices, shape, context), ranges));
  Location where = op->getLoc();
  if (!record->isRandom) return elementNumber(i, shape, compute, where, depth);
  Value seed = valueOf(op->getOperand(0), {}, {}), stream = valueOf(op->getOperand(1), {}, {});
  OpBuilder& b = at(depth);
  auto word = [&](uint32_t k) -> Value {
    return loom::RandomOp::create(b, where, seed, stream, i, k);
  };
  auto number = [&](int64_t v) -> Value {
    return arith::ConstantOp::create(b, where, b.getI64IntegerAttr(v));
  };
  Value bits = word(0);
  double scale = 0x1p-24;
  if (compute.isF64()) {
    Value high = arith::ShLIOp::create(b, where, bits, number(32));
    bits =
        arith::ShRUIOp::create(b, where, arith::OrIOp::create(b, where, high, word(1)), number(11));
    scale = 0x1p-53;
  } else {
    bits = arith::ShRUIOp::create(b, where, bits, number(8));
  }
  Value x = arith::SIToFPOp::create(b, where, compute, bits);
  return arith::MulFOp::create(b, where, x,
                               arith::ConstantOp::create(b, where, b.getFloatAttr(compute, scale)));
}

Value PartLowering::compare(arith::CmpIPredicate predicate, AffineExpr a, AffineExpr b) {
  Value x = indexValue(a), y = indexValue(b);
  return arith::CmpIOp::create(at(depthOf({a, b})), loc, predicate, x, y);
}

PartLowering::Condition PartLowering::both(Condition a, Condition b) {
  if (!a.value) return b;
  int depth = std::max(a.depth, b.depth);
  return {arith::AndIOp::create(at(depth), loc, a.value, b.value), depth};
}

Value PartLowering::emitUpdate(ir::SliceUpdateOp update, ArrayRef<AffineExpr> indices,
                               Condition mask) {
  AffineExpr start = update.getPlace().getResult(0), step = update.getPlace().getResult(1);
  AffineExpr i = indices[update.getDim()], count = ir::shapeOf(update.getUpdate())[update.getDim()];
  int depth = depthOf({i});
  Value inside = compare(arith::CmpIPredicate::sge, i, start);
  auto also = [&](Value v) { inside = arith::AndIOp::create(at(depth), loc, inside, v); };
  also(compare(arith::CmpIPredicate::slt, i, start + count * step));
  if (step != constant(1))
    also(compare(arith::CmpIPredicate::eq,
                 getAffineBinaryOpExpr(AffineExprKind::Mod, i - start, step), constant(0)));
  Value y = valueOf(update.getUpdate(), operandIndices(update, 1, indices, ranges.size()),
                    both(mask, {inside, depth}));
  Value x = valueOf(update.getSource(), indices, mask);
  return arith::SelectOp::create(at(std::max(depthOf(indices), mask.value ? mask.depth : 0)),
                                 update.getLoc(), inside, y, x);
}

Value PartLowering::emitConcatenate(Operation* op, ArrayRef<AffineExpr> indices, Condition mask) {
  int64_t along = ir::structureOf(op)[0];
  AffineExpr i = indices[along], end = constant(0);
  int depth = depthOf({i}), own = std::max(depthOf(indices), mask.value ? mask.depth : 0);
  SmallVector<Value> parts, below;
  for (unsigned k = 0; k < op->getNumOperands(); k++) {
    AffineExpr begin = end;
    end = ir::canonical(end + ir::shapeOf(op->getOperand(k))[along]);
    below.push_back(compare(arith::CmpIPredicate::slt, i, end));
    Value inside = below.back();
    if (k)
      inside = arith::AndIOp::create(at(depth), loc, inside,
                                     compare(arith::CmpIPredicate::sge, i, begin));
    parts.push_back(valueOf(op->getOperand(k), operandIndices(op, k, indices, ranges.size()),
                            both(mask, {inside, depth})));
  }
  Value y = parts.back();
  for (unsigned k = parts.size() - 1; k-- > 0;)
    y = arith::SelectOp::create(at(own), op->getLoc(), below[k], parts[k], y);
  return y;
}

// Says whether the factors in memory are integers of at most 16 bits: sums of their products do not
// wrap.
bool PartLowering::addsNarrowIntegers() {
  return llvm::all_of(part.accesses, [](const PartAccess& access) {
    Type element = ir::elementOf(access.value);
    return !access.isFactor || (element.isInteger() && element.getIntOrFloatBitWidth() <= 16);
  });
}

Value PartLowering::emitProduct(Operation* op, ArrayRef<AffineExpr> indices) {
  Type element = ir::elementOf(op->getResult(0)), type = loom::valueType(element);
  auto factors = [&](OpBuilder& b, Value index) {
    axes.inner.index = index;
    axes.inner.depth = scopes.size();
    scopes.emplace_back(b.getInsertionBlock());
    SmallVector<Value, 3> loaded;
    for (unsigned k = 0; k < op->getNumOperands(); k++)
      loaded.push_back(
          emitFactor(op->getOperand(k), factorOf(op, k, indices, part.extents.size())));
    if (auto blocks = blocksOf(op)) loaded[1] = emitQuantized(op, *blocks, loaded[1], loaded[2]);
    scopes.pop_back();
    b.setInsertionPointToEnd(index.getParentBlock());
    return std::pair(loaded[0], loaded[1]);
  };
  loom::AxisAttr axis = axes.attributeOf(axes.inner);
  OpBuilder own(context);
  own.setInsertionPointToEnd(scopes[0].block);
  Value y;
  if (isa<FloatType>(type) || addsNarrowIntegers()) {
    auto dot =
        loom::DotOp::create(own, op->getLoc(), type, axis,
                            [&](OpBuilder& b, Location, Value index) { return factors(b, index); });
    y = dot.getResult();
  } else {
    Value zero = arith::ConstantOp::create(own, op->getLoc(), own.getI64IntegerAttr(0));
    auto loop = loom::LoopOp::create(
        own, op->getLoc(), axis, zero,
        [&](OpBuilder& b, Location l, Value index) {
          auto [x, w] = factors(b, index);
          return SmallVector<Value>{arith::MulIOp::create(b, l, x, w)};
        },
        [&](OpBuilder& b, Location l, ValueRange a, ValueRange x) {
          return SmallVector<Value>{arith::AddIOp::create(b, l, a[0], x[0])};
        });
    y = loop.getResult(0);
  }
  return bodyAt(0, op->getLoc(), type).round(y, element);
}

// The number that a code and its scale stand for, at the inner index at hand.
Value PartLowering::emitQuantized(Operation* op, const QuantizedBlocks& blocks, Value code,
                                  Value scale) {
  Location l = op->getLoc();
  Type type = loom::valueType(ir::elementOf(op->getResult(0)));
  ScalarBody body = bodyAt(scopes.size() - 1, l, type);
  OpBuilder& b = body.builder;
  if (blocks.isPacked) {
    auto integer = [&](int64_t v) {
      return arith::ConstantOp::create(b, l, b.getI64IntegerAttr(v)).getResult();
    };
    AffineExpr halves = dim(part.extents.size()).floorDiv(blocks.length / 2);
    Value isLow = compare(arith::CmpIPredicate::eq, halves % 2, constant(0));
    Value low = arith::AndIOp::create(b, l, code, integer(15));
    Value high = arith::ShRUIOp::create(b, l, code, integer(4));
    code = arith::SelectOp::create(b, l, isLow, low, high);
  }
  Value number = body.convert(code, type);
  if (blocks.isPacked)
    number = arith::SubFOp::create(
        b, l, number, arith::ConstantOp::create(b, l, cast<TypedAttr>(b.getFloatAttr(type, 8.0))));
  return arith::MulFOp::create(b, l, number, body.convert(scale, type));
}

// A factor of a product is loaded inside it, whatever its indices: an emitter reads its access
// there.
Value PartLowering::emitFactor(Value v, Factor factor) {
  Exprs indices = canonical(factor.indices);
  while (Operation* before = v.getDefiningOp()) {
    if (auto view = dyn_cast<ir::ViewOp>(before))
      indices = canonical(view.sourceIndices(indices));
    else if (!part.contains(before)) // else a cast, which the load does
      break;
    v = before->getOperand(0);
  }
  if (factor.within.empty()) return emitLoad(v, indices, {}, scopes.size() - 1);
  SmallVector<AffineExpr> exprs(canonical(factor.within));
  exprs.push_back(offsetOf(v, indices));
  SmallVector<Value> places = placesOf(exprs);
  AffineExpr offset = exprs.pop_back_val();
  return loom::LoadOp::create(
      at(scopes.size() - 1), v.getLoc(), frame.buffers.lookup(v),
      AffineMap::get(places.size(), ir::countSymbols(offset), offset), places, Value(), Value(),
      IntegerSet::get(places.size(), 0, exprs, SmallVector<bool>(exprs.size(), false)));
}

} // namespace weft
