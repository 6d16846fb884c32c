// The loops of a part follow the plan: those of reductions level by level, then that of the rest.
#include "passes/lower_part.h"

#include "ir/weft/index_math.h"
#include "passes/part_lowering.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

Type scalarArgumentType(Type number, Type element) {
  return number.isF64() && element.isF32() ? element : number;
}

void lowerPart(const Part& part, KernelFrame& frame, Location loc) {
  PartLowering(part, frame, loc).run();
}

void PartLowering::run() {
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

AffineExpr PartLowering::offsetOf(Value v, ArrayRef<AffineExpr> indices) {
  return ir::canonical(frame.layoutOf(v).getResult(0).replaceDims(indices), ranges);
}

SmallVector<AffineExpr> PartLowering::usedExpressions() {
  SmallVector<AffineExpr> used(part.positions.begin(), part.positions.end());
  for (const PartAccess& access : part.accesses)
    if (!isWindow(access)) {
      used.push_back(offsetOf(access.value, access.indices));
      llvm::append_range(used, access.within);
    }
  for (Value output : part.outputs)
    used.push_back(offsetOf(output, *part.indicesOf(output.getType())));
  return used;
}

// A factor that depends on columns by other than one index.
bool PartLowering::isWindow(const PartAccess& access) {
  return access.isFactor && part.product && columnDimsOf(part.product) > 1 &&
         llvm::any_of(access.indices, [&](AffineExpr e) {
           for (unsigned k = part.firstColumn; k < part.extents.size(); k++)
             if (e.isFunctionOfDim(k)) return true;
           return false;
         });
}

SmallVector<AffineExpr> PartLowering::windowExpressions() {
  SmallVector<AffineExpr> used;
  for (const PartAccess& access : part.accesses)
    if (isWindow(access)) {
      used.push_back(offsetOf(access.value, access.indices));
      llvm::append_range(used, access.within);
    }
  return used;
}

// The depth of the innermost block that the expressions need, also for the indices that they
// find.
int PartLowering::depthOf(ArrayRef<AffineExpr> exprs) {
  int depth = axes.depthOf(exprs);
  for (auto [k, index] : llvm::enumerate(part.foundIndices))
    if (llvm::any_of(exprs,
                     [&](AffineExpr e) { return e.isFunctionOfDim(part.firstFoundDim() + k); }))
      depth = std::max(depth, depthOf(index.at));
  return depth;
}

bool PartLowering::isOverwritten(Value output) {
  Value buffer = frame.buffers.lookup(output);
  return llvm::any_of(part.accesses,
                      [&](const PartAccess& a) { return frame.buffers.lookup(a.value) == buffer; });
}

OpBuilder& PartLowering::at(int depth) {
  builder.setInsertionPointToEnd(scopes[depth].block);
  return builder;
}

void PartLowering::emitBody() {
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
unsigned PartLowering::lastLevel() const {
  unsigned last = 0;
  for (Operation* op : part.ops)
    if (asReduce(op)) last = std::max(last, part.level.lookup(op));
  return last;
}

// Every value is read before the first one is written: an output may lie over an input.
void PartLowering::emitStores(function_ref<bool(Value)> wanted) {
  for (Value output : part.outputs)
    if (wanted(output)) valueOf(output, *part.indicesOf(output.getType()), {});
  for (Value output : part.outputs)
    if (wanted(output)) emitStore(output);
}

PartLowering::Fold PartLowering::foldOf(Operation* op) {
  Fold fold{op, *asReduce(op), {}, {}};
  fold.compute = ir::computeElement(ir::elementOf(fold.view.operand));
  ir::Graph identity = fold.view.record->graph(ir::Form::identity);
  for (int root : identity.roots)
    fold.types.push_back(identity.nodes[root].type == expr::Type::index ? Type(builder.getI64Type())
                                                                        : fold.compute);
  return fold;
}

ScalarBody PartLowering::bodyAt(int depth, Location loc, Type compute) {
  return {at(depth), loc, compute, codeOfCurrent};
}

void PartLowering::emitLevel(unsigned level) {
  SmallVector<Fold> folds;
  for (Operation* op : part.ops)
    if (asReduce(op) && part.level.lookup(op) == level) folds.push_back(foldOf(op));
  SmallVector<Value> identities;
  for (Fold& fold : folds)
    llvm::append_range(identities, bodyAt(0, fold.op->getLoc(), fold.compute)
                                       .emit(fold.view.record->graph(ir::Form::identity), {}));
  currentFolds = folds;
  SmallVector<Value> accumulators;
  if (hasLoops()) {
    accumulators = emitNest(level, identities, 0);
  } else { // of one element, which is added to the identity all the same: -0 becomes 0
    SmallVector<Value> elements = elementsOf(folds, 0);
    OpBuilder here = at(0);
    accumulators = combineAll(here, identities, elements);
  }
  endLoop();
  size_t next = 0;
  for (Fold& fold : folds) {
    ArrayRef<Value> own = ArrayRef(accumulators).slice(next, fold.types.size());
    next += fold.types.size();
    folded[fold.op] = finish(fold, own);
  }
}

// Later loops read what this one kept.
void PartLowering::endLoop() {
  for (Operation* op : filledHere)
    kept[op].isFilled = true;
  filledHere.clear();
}

// Opens the folded run `k` and those after it. Returns the accumulators. Nothing of a run without
// elements is written down: what is read there might not depend on the run's index.
SmallVector<Value> PartLowering::emitNest(unsigned loop, ArrayRef<Value> identities, unsigned k) {
  bool isEmpty = llvm::any_of(ArrayRef(axes.runs).drop_front(k), [&](const PartAxes::Run& run) {
    return run.folded && axes.attributeOf(run).getConstantExtent() == 0;
  });
  if (isEmpty) return SmallVector<Value>(identities);
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

SmallVector<Value> PartLowering::combineAll(OpBuilder& b, ValueRange a, ValueRange x) {
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

SmallVector<Value> PartLowering::emitElements(unsigned loop) {
  SmallVector<Value> result;
  if (loop <= lastLevel()) result = elementsOf(currentFolds, scopes.size() - 1);
  emitStores([&](Value v) { return plan.isWrittenIn(v, loop); });
  return result;
}

SmallVector<Value> PartLowering::elementsOf(ArrayRef<Fold> folds, int depth) {
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

Value PartLowering::finish(Fold& fold, ArrayRef<Value> accumulators) {
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

} // namespace weft
