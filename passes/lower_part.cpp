// A value is emitted where it is asked for, in the outermost block that knows its indices, and once
// in each block. Loops follow the plan: those of reductions level by level, then that of the rest.
#include "passes/lower_part.h"

#include "ir/weft/index_math.h"
#include "passes/loop_plan.h"
#include "passes/part_axes.h"
#include "passes/scalar_body.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

Type scalarArgumentType(Type number, Type element) {
  return number.isF64() && element.isF32() ? element : number;
}

namespace {

class PartLowering {
public:
  PartLowering(const Part& part, KernelFrame& frame, Location loc)
      : part(part), frame(frame), loc(loc), context(loc.getContext()), builder(context),
        ranges(part.ranges()), axes(part, usedExpressions()),
        plan(part, [&](Value output) { return isOverwritten(output); }) {}

  void run() {
    builder.setInsertionPointToEnd(&frame.kernel.getBody().front());
    SmallVector<loom::AxisAttr> points;
    for (const PartAxes::Run& run : axes.runs)
      if (!run.folded) points.push_back(axes.attributeOf(run));
    loom::PartOp::create(builder, loc, points, [&](OpBuilder& b, Location, ValueRange indices) {
      size_t next = 0;
      for (PartAxes::Run& run : axes.runs)
        if (!run.folded) {
          run.index = indices[next++];
          run.depth = 0;
        }
      scopes.emplace_back(b.getInsertionBlock());
      emitBody();
      scopes.pop_back();
    });
  }

private:
  // An index that a gather found: where it is one of the dim, and itself, or 0 where it is none.
  struct Found {
    Value isInside, number, index;
  };
  struct Scope {
    explicit Scope(Block* block) : block(block) {}
    Block* block;
    llvm::DenseMap<std::tuple<Value, AffineMap, Value>, Value> values;
    llvm::DenseMap<unsigned, Found> found;
  };
  struct Condition {
    Value value;
    int depth = 0;
  };

  AffineExpr constant(int64_t v) { return getAffineConstantExpr(v, context); }
  AffineExpr dim(unsigned k) { return getAffineDimExpr(k, context); }
  bool hasLoops() const { return part.reduced.any(); }

  AffineExpr offsetOf(Value v, ArrayRef<AffineExpr> indices) {
    return ir::canonical(frame.layoutOf(v).getResult(0).replaceDims(indices), ranges);
  }
  SmallVector<AffineExpr> usedExpressions() {
    SmallVector<AffineExpr> used(part.positions.begin(), part.positions.end());
    for (const PartAccess& access : part.accesses)
      used.push_back(offsetOf(access.value, access.indices));
    for (Value output : part.outputs)
      used.push_back(offsetOf(output, *part.indicesOf(output.getType())));
    return used;
  }
  // The depth of the innermost block that the expressions need, also for the indices that they
  // find.
  int depthOf(ArrayRef<AffineExpr> exprs) {
    int depth = axes.depthOf(exprs);
    for (auto [k, index] : llvm::enumerate(part.foundIndices))
      if (llvm::any_of(exprs,
                       [&](AffineExpr e) { return e.isFunctionOfDim(part.firstFoundDim() + k); }))
        depth = std::max(depth, depthOf(index.at));
    return depth;
  }
  bool isOverwritten(Value output) {
    Value buffer = frame.buffers.lookup(output);
    return llvm::any_of(part.accesses, [&](const PartAccess& a) {
      return frame.buffers.lookup(a.value) == buffer;
    });
  }
  OpBuilder& at(int depth) {
    builder.setInsertionPointToEnd(scopes[depth].block);
    return builder;
  }

  //===--- Loops ------------------------------------------------------------------------------===//

  void emitBody() {
    for (Operation* op : plan.kept)
      kept[op].memory =
          loom::LocalOp::create(at(0), op->getLoc(), keptType(op), sizeMap(axes.foldedCount()));
    for (unsigned level = 1; level <= lastLevel(); level++)
      emitLevel(level);
    unsigned last = plan.levels + 1;
    if (llvm::any_of(part.outputs, [&](Value v) { return plan.isWrittenIn(v, last); }))
      emitNest(last, {}, 0);
    emitStores([&](Value v) { return plan.isWrittenIn(v, 0); });
  }
  // Without folded axes a reduction is of one element, and needs no loop.
  unsigned lastLevel() const {
    unsigned last = 0;
    for (Operation* op : part.ops)
      if (asReduce(op)) last = std::max(last, part.level.lookup(op));
    return last;
  }

  // Every value is read before the first one is written: an output may lie over an input.
  void emitStores(function_ref<bool(Value)> wanted) {
    for (Value output : part.outputs)
      if (wanted(output)) valueOf(output, *part.indicesOf(output.getType()), {});
    for (Value output : part.outputs)
      if (wanted(output)) emitStore(output);
  }

  struct Fold {
    Operation* op;
    ReduceView view;
    Type compute;
    SmallVector<Type, 2> types;
  };

  Fold foldOf(Operation* op) {
    Fold fold{op, *asReduce(op), {}, {}};
    fold.compute = ir::computeElement(ir::elementOf(fold.view.operand));
    ir::Graph identity = fold.view.record->graph(ir::Form::identity);
    for (int root : identity.roots)
      fold.types.push_back(identity.nodes[root].type == expr::Type::index
                               ? Type(builder.getI64Type())
                               : fold.compute);
    return fold;
  }
  ScalarBody bodyAt(int depth, Location loc, Type compute) {
    return {at(depth), loc, compute, codeOfCurrent};
  }

  void emitLevel(unsigned level) {
    SmallVector<Fold> folds;
    for (Operation* op : part.ops)
      if (asReduce(op) && part.level.lookup(op) == level) folds.push_back(foldOf(op));
    SmallVector<Value> identities;
    for (Fold& fold : folds)
      llvm::append_range(identities, bodyAt(0, fold.op->getLoc(), fold.compute)
                                         .emit(fold.view.record->graph(ir::Form::identity), {}));
    currentFolds = folds;
    SmallVector<Value> accumulators;
    if (hasLoops())
      accumulators = emitNest(level, identities, 0);
    else
      accumulators = elementsOf(folds, 0);
    endLoop();
    size_t next = 0;
    for (Fold& fold : folds) {
      ArrayRef<Value> own = ArrayRef(accumulators).slice(next, fold.types.size());
      next += fold.types.size();
      folded[fold.op] = finish(fold, own);
    }
  }

  // Later loops read what this one kept.
  void endLoop() {
    for (Operation* op : filledHere)
      kept[op].isFilled = true;
    filledHere.clear();
  }

  // Opens the folded run `k` and those after it. Returns the accumulators.
  SmallVector<Value> emitNest(unsigned loop, ArrayRef<Value> identities, unsigned k) {
    while (k < axes.runs.size() && !axes.runs[k].folded)
      k++;
    if (k == axes.runs.size()) return emitElements(loop);
    PartAxes::Run& run = axes.runs[k];
    Location where =
        currentFolds.empty() || identities.empty() ? loc : currentFolds.front().op->getLoc();
    int outer = scopes.size() - 1;
    auto body = [&](OpBuilder& b, Location, Value index) {
      run.index = index;
      run.depth = scopes.size();
      scopes.emplace_back(b.getInsertionBlock());
      SmallVector<Value> yielded = emitNest(loop, identities, k + 1);
      scopes.pop_back();
      run.depth = -1;
      b.setInsertionPointToEnd(index.getParentBlock());
      return yielded;
    };
    auto combine = [&](OpBuilder& b, Location, ValueRange a, ValueRange x) {
      return combineAll(b, a, x);
    };
    // Values hoisted out of the body land before the loop: it is inserted at the block's end once
    // its body is built.
    OpBuilder own(context);
    own.setInsertionPointToEnd(scopes[outer].block);
    auto op =
        identities.empty()
            ? loom::LoopOp::create(own, where, axes.attributeOf(run), ValueRange(), body)
            : loom::LoopOp::create(own, where, axes.attributeOf(run), identities, body, combine);
    return SmallVector<Value>(op.getResults());
  }

  SmallVector<Value> combineAll(OpBuilder& b, ValueRange a, ValueRange x) {
    SmallVector<Value> result;
    size_t next = 0;
    for (Fold& fold : currentFolds) {
      SmallVector<Value> inputs(a.slice(next, fold.types.size()));
      llvm::append_range(inputs, x.slice(next, fold.types.size()));
      next += fold.types.size();
      ScalarBody body{b, fold.op->getLoc(), fold.compute, codeOfCurrent};
      llvm::append_range(result, body.emit(fold.view.record->graph(ir::Form::combine), inputs));
    }
    return result;
  }

  SmallVector<Value> emitElements(unsigned loop) {
    SmallVector<Value> result;
    if (loop <= lastLevel()) result = elementsOf(currentFolds, scopes.size() - 1);
    emitStores([&](Value v) { return plan.isWrittenIn(v, loop); });
    return result;
  }

  SmallVector<Value> elementsOf(ArrayRef<Fold> folds, int depth) {
    SmallVector<Value> result;
    for (const Fold& fold : folds) {
      Exprs indices = *part.indicesOf(fold.view.operand.getType());
      Value x = numberOf(fold.view.operand, indices, {});
      if (!fold.view.starts) {
        result.push_back(x);
        continue;
      }
      Value position;
      if (fold.types.size() > 1) {
        position = indexValue(axes.foldedNumber());
      } else {
        position = Value();
      }
      setCurrent(fold.op);
      llvm::append_range(result,
                         bodyAt(depth, fold.op->getLoc(), fold.compute)
                             .emit(fold.view.record->graph(ir::Form::element), {x, position}));
    }
    return result;
  }

  Value finish(Fold& fold, ArrayRef<Value> accumulators) {
    Type element = ir::elementOf(fold.op->getResult(0));
    ScalarBody body = bodyAt(0, fold.op->getLoc(), fold.compute);
    if (!fold.view.finishes) return accumulators.front();
    SmallVector<Value> inputs(accumulators);
    inputs.push_back(body.convert(indexValue(fold.view.count), fold.compute));
    setCurrent(fold.op);
    Value y = bodyAt(0, fold.op->getLoc(), fold.compute)
                  .emit(fold.view.record->graph(ir::Form::finish), inputs)
                  .front();
    return bodyAt(0, fold.op->getLoc(), fold.compute).convert(y, element);
  }

  //===--- Values -----------------------------------------------------------------------------===//

  Exprs canonical(ArrayRef<AffineExpr> indices) {
    Exprs r;
    for (AffineExpr e : indices)
      r.push_back(ir::canonical(e, ranges));
    return r;
  }

  // Emits i64 arithmetic for an index expression, in the outermost block that knows it.
  Value indexValue(AffineExpr e) {
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
  Value emitIndex(AffineExpr e, int depth) {
    OpBuilder& b = at(depth);
    Type i64 = b.getI64Type();
    if (auto c = dyn_cast<AffineConstantExpr>(e))
      return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(c.getValue()));
    if (auto d = dyn_cast<AffineDimExpr>(e); d && d.getPosition() >= part.firstFoundDim())
      return found(d.getPosition() - part.firstFoundDim()).number;
    if (auto d = dyn_cast<AffineDimExpr>(e))
      return arith::IndexCastOp::create(b, loc, i64, axes.runOf(d.getPosition()).index);
    if (auto s = dyn_cast<AffineSymbolExpr>(e))
      return arith::IndexCastOp::create(b, loc, i64, frame.kernel.getSizes()[s.getPosition()]);
    auto binary = cast<AffineBinaryOpExpr>(e);
    Value x = emitIndex(binary.getLHS(), depth), y = emitIndex(binary.getRHS(), depth);
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

  // Loads the index and requires that it is one of the dim.
  Found found(unsigned k) {
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
  Value emitGather(Operation* op, ArrayRef<AffineExpr> indices) {
    unsigned k = *part.foundIndexOf(op, indices);
    Found f = found(k);
    auto size = dyn_cast<AffineConstantExpr>(part.foundIndices[k].extent);
    Condition mask;
    if (!size || size.getValue() <= 0) mask = {f.isInside, depthOf(part.foundIndices[k].at)};
    return valueOf(op->getOperand(0), part.indicesIn(op, 0, indices), mask);
  }

  // The value as it is computed with: masks become 0 or 1 unless they are wanted as such.
  Value numberOf(Value v, ArrayRef<AffineExpr> indices, Condition mask) {
    Value x = valueOf(v, indices, mask);
    if (!x.getType().isInteger(1)) return x;
    int depth = std::max(depthOf(canonical(indices)), mask.depth);
    return bodyAt(depth, v.getLoc(), builder.getI64Type()).convert(x, builder.getI64Type());
  }

  Value valueOf(Value v, ArrayRef<AffineExpr> raw, Condition mask) {
    Exprs indices = canonical(raw);
    Operation* op = v.getDefiningOp();
    if (part.contains(op)) {
      if (auto view = dyn_cast<ir::ViewOp>(op))
        return valueOf(view->getOperand(0), view.sourceIndices(indices), mask);
      if (Value known = folded.lookup(op)) return known;
    }
    int depth = std::max(depthOf(indices), mask.value ? mask.depth : 0);
    auto key = std::tuple(
        v, AffineMap::get(ranges.size(), ir::countSymbols(indices), indices, context), mask.value);
    if (Value known = scopes[depth].values.lookup(key)) return known;
    Value made =
        !part.contains(op) ? emitLoad(v, indices, mask, depth) : emitOp(op, indices, mask, depth);
    scopes[depth].values[key] = made;
    return made;
  }

  std::pair<AffineMap, SmallVector<Value>> access(AffineExpr offset) {
    AffineExpr e = axes.joined(offset);
    SmallVector<AffineExpr> renumbered(ranges.size(), constant(0));
    SmallVector<Value> indices;
    for (unsigned k = 0; k < ranges.size(); k++)
      if (e.isFunctionOfDim(k)) {
        renumbered[k] = dim(indices.size());
        indices.push_back(k < part.firstFoundDim() ? axes.runOf(k).index
                                                   : found(k - part.firstFoundDim()).index);
      }
    e = e.replaceDims(renumbered);
    return {AffineMap::get(indices.size(), ir::countSymbols(e), e), indices};
  }

  Value emitLoad(Value v, ArrayRef<AffineExpr> indices, Condition mask, int depth) {
    auto [map, places] = access(offsetOf(v, indices));
    Value buffer = frame.buffers.lookup(v);
    OpBuilder& b = at(depth);
    if (!mask.value) return loom::LoadOp::create(b, v.getLoc(), buffer, map, places);
    Type type = loom::computeType(buffer.getType());
    Value other = arith::ConstantOp::create(b, v.getLoc(), cast<TypedAttr>(b.getZeroAttr(type)));
    return loom::LoadOp::create(b, v.getLoc(), buffer, map, places, mask.value, other);
  }

  void emitStore(Value output) {
    Exprs indices = *part.indicesOf(output.getType());
    Value value = valueOf(output, indices, {});
    auto [map, places] = access(offsetOf(output, indices));
    OpBuilder& b = at(plan.isWrittenIn(output, 0) ? 0 : scopes.size() - 1);
    loom::StoreOp::create(b, output.getLoc(), value, frame.buffers.lookup(output), map, places);
  }

  Type keptType(Operation* op) { return loom::valueType(ir::elementOf(op->getResult(0))); }
  AffineMap keptMap(SmallVector<Value>& places) {
    auto [map, indices] = access(axes.foldedNumber());
    places = indices;
    return map;
  }

  Value emitOp(Operation* op, ArrayRef<AffineExpr> indices, Condition mask, int depth) {
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

  Value emitOwn(Operation* op, ArrayRef<AffineExpr> indices, Condition mask, int depth) {
    if (auto scalar = dyn_cast<ir::ScalarOp>(op)) {
      Type element = ir::elementOf(scalar.getY());
      Type number = scalar.getValue().getType();
      Value argument =
          frame.scalars.lookup({scalar.getValue(), scalarArgumentType(number, element)});
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
  Value emitNumber(ir::NumberOp op) {
    Type element = ir::elementOf(op.getY());
    auto typed = cast<TypedAttr>(op.getValue());
    if (auto real = dyn_cast<FloatAttr>(typed); real && isa<FloatType>(element))
      return arith::ConstantOp::create(at(0), op.getLoc(),
                                       at(0).getFloatAttr(element, real.getValueAsDouble()));
    ScalarBody body = bodyAt(0, op.getLoc(), element);
    Value y = arith::ConstantOp::create(at(0), op.getLoc(), typed);
    if (typed.getType().isInteger(64) && element.isF32()) y = body.convert(y, builder.getF64Type());
    return body.convertNumber(y, element);
  }

  Value emitRecord(Operation* op, ArrayRef<AffineExpr> indices, Condition mask, int depth) {
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

  // The number of a source's element, or its random number in [0, 1).
  Value positionOf(Operation* op, ArrayRef<AffineExpr> indices, Type compute, int depth) {
    const ir::Record* record = ir::recordOf(op);
    Value i = indexValue(
        ir::canonical(ir::linearise(indices, ir::shapeOf(op->getResult(0)), context), ranges));
    Location where = op->getLoc();
    if (!record->isRandom) return bodyAt(depth, where, compute).convert(i, compute);
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
      bits = arith::ShRUIOp::create(b, where, arith::OrIOp::create(b, where, high, word(1)),
                                    number(11));
      scale = 0x1p-53;
    } else {
      bits = arith::ShRUIOp::create(b, where, bits, number(8));
    }
    Value x = arith::SIToFPOp::create(b, where, compute, bits);
    return arith::MulFOp::create(
        b, where, x, arith::ConstantOp::create(b, where, b.getFloatAttr(compute, scale)));
  }

  Value compare(arith::CmpIPredicate predicate, AffineExpr a, AffineExpr b) {
    Value x = indexValue(a), y = indexValue(b);
    return arith::CmpIOp::create(at(depthOf({a, b})), loc, predicate, x, y);
  }
  Condition both(Condition a, Condition b) {
    if (!a.value) return b;
    int depth = std::max(a.depth, b.depth);
    return {arith::AndIOp::create(at(depth), loc, a.value, b.value), depth};
  }

  Value emitUpdate(ir::SliceUpdateOp update, ArrayRef<AffineExpr> indices, Condition mask) {
    AffineExpr start = update.getPlace().getResult(0), step = update.getPlace().getResult(1);
    AffineExpr i = indices[update.getDim()],
               count = ir::shapeOf(update.getUpdate())[update.getDim()];
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

  Value emitConcatenate(Operation* op, ArrayRef<AffineExpr> indices, Condition mask) {
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

  Value emitProduct(Operation* op, ArrayRef<AffineExpr> indices) {
    Type element = ir::elementOf(op->getResult(0)), type = loom::valueType(element);
    auto factors = [&](OpBuilder& b, Value index) {
      axes.inner.index = index;
      axes.inner.depth = scopes.size();
      scopes.emplace_back(b.getInsertionBlock());
      Value pair[2];
      for (unsigned k = 0; k < 2; k++)
        pair[k] =
            valueInside(op->getOperand(k), operandIndices(op, k, indices, part.extents.size()));
      scopes.pop_back();
      b.setInsertionPointToEnd(index.getParentBlock());
      return std::pair(pair[0], pair[1]);
    };
    loom::AxisAttr axis = axes.attributeOf(axes.inner);
    OpBuilder own(context);
    own.setInsertionPointToEnd(scopes[0].block);
    Value y;
    if (isa<FloatType>(type)) {
      auto dot = loom::DotOp::create(
          own, op->getLoc(), type, axis,
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

  // A factor of a product is loaded inside it, whatever its indices: an emitter reads its access
  // there.
  Value valueInside(Value v, ArrayRef<AffineExpr> raw) {
    Exprs indices = canonical(raw);
    while (auto view = dyn_cast_or_null<ir::ViewOp>(v.getDefiningOp())) {
      indices = canonical(view.sourceIndices(indices));
      v = view->getOperand(0);
    }
    return emitLoad(v, indices, {}, scopes.size() - 1);
  }

  void setCurrent(Operation* op) { current = op; }

  struct Local {
    Value memory;
    bool isFilled = false;
  };

  const Part& part;
  KernelFrame& frame;
  Location loc;
  MLIRContext* context;
  OpBuilder builder;
  Exprs ranges;
  PartAxes axes;
  LoopPlan plan;
  SmallVector<Scope> scopes;
  SmallVector<Fold> currentFolds;
  llvm::MapVector<Operation*, Local> kept;
  SmallVector<Operation*> filledHere;
  llvm::DenseMap<Operation*, Value> folded;
  Operation* current = nullptr;
  std::function<int32_t()> code = [this] { return frame.errorCode(current); };
  llvm::function_ref<int32_t()> codeOfCurrent = code;
};

} // namespace

void lowerPart(const Part& part, KernelFrame& frame, Location loc) {
  PartLowering(part, frame, loc).run();
}

} // namespace weft
