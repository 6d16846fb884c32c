// The target is written in place, each element by one thread.
//   1. Each position of the index finds the next one that is equal, and whether one before it is.
//   2. The last of equal positions writes its element; where elements are joined, the first one
//   walks from each to the next and joins theirs, in the order of the index.
#include "ir/weft/index_math.h"
#include "passes/walk_lowering.h"

using namespace mlir;

namespace weft {
namespace {

constexpr double kMostPairs = 1 << 28; // positions of an index that are compared

class ScatterLowering : public WalkLowering {
public:
  ScatterLowering(KernelShell from, llvm::function_ref<int32_t(Operation*)> errorCode)
      : WalkLowering(std::move(from)), errorCode(errorCode) {}

private:
  void lower() override {
    shell.tied = {0};
    ir::Exprs index = ir::shapeOf(op->getOperand(1));
    steps = *constantOf(index[dim]);
    if (steps > 1) addLinks(index);
    shell.create(ir::recordOf(op)->name.str());
    builder.setInsertionPointToEnd(&shell.kernel.getBody().front());
    if (steps > 1) {
      linkEqual(index);
      loom::BarrierOp::create(builder, loc);
    }
    // Values: the axes of the lines, the step.
    setAxes(index, [](unsigned) { return true; });
    axes.push_back(axis("k", index[dim]));
    loom::PartOp::create(builder, loc, axes,
                         [&](OpBuilder& b, Location, ValueRange values) { scatterOne(b, values); });
  }

  // Temporaries of the kernel that hold the links, an element for each of the index's own.
  void addLinks(ArrayRef<AffineExpr> index) {
    SmallVector<AffineExpr> shape(index), here;
    for (unsigned d = 0; d < shape.size(); d++) {
      here.push_back(dimExpr(d));
      if (d != dim && !operands[1].offset.isFunctionOfDim(d))
        shape[d] = constant(1), here[d] = constant(0);
    }
    links = ir::linearise(here, shape, context);
    const unsigned count = isa<ir::Scatter>(op) ? 1 : 2;
    shell.temporaries.assign(count, ir::tensorType(shape, IntegerType::get(context, 64)));
  }
  Array next() { return {shell.bufferOfTemporary[0], links}; }   // `steps` where there is none
  Array before() { return {shell.bufferOfTemporary[1], links}; } // not 0 where there is one

  void linkEqual(ArrayRef<AffineExpr> index) {
    setAxes(index, [&](unsigned d) { return operands[1].offset.isFunctionOfDim(d); });
    axes.push_back(axis("k", index[dim]));
    const unsigned step = axes.size() - 1;
    loom::PartOp::create(builder, loc, axes, [&](OpBuilder& b, Location, ValueRange values) {
      Value own = load(b, arrayOf(1), at, values), k = number(b, dimExpr(step), values);
      Value last = number(b, constant(steps), {}), none = number(b, constant(0), {});
      auto body = [&](OpBuilder& b, Location, Value other) {
        SmallVector<Value> there(values);
        there.back() = other;
        Value j = number(b, dimExpr(step), there);
        Value isEqual = compare(b, arith::CmpIPredicate::eq, load(b, arrayOf(1), at, there), own);
        auto where = [&](arith::CmpIPredicate order, Value yes, Value no) -> Value {
          Value holds = arith::AndIOp::create(b, loc, isEqual, compare(b, order, j, k));
          return arith::SelectOp::create(b, loc, holds, yes, no);
        };
        SmallVector<Value> found{where(arith::CmpIPredicate::sgt, j, last)};
        if (!isa<ir::Scatter>(op))
          found.push_back(where(arith::CmpIPredicate::slt, number(b, constant(1), {}), none));
        return found;
      };
      auto combine = [&](OpBuilder& b, Location, ValueRange x, ValueRange y) {
        SmallVector<Value> both{arith::MinSIOp::create(b, loc, x[0], y[0])};
        if (x.size() > 1) both.push_back(arith::OrIOp::create(b, loc, x[1], y[1]));
        return both;
      };
      SmallVector<Value> first{last};
      if (!isa<ir::Scatter>(op)) first.push_back(none);
      auto loop = loom::LoopOp::create(b, loc, axis("j", index[dim]), first, body, combine);
      store(b, loop.getResult(0), next(), at, values);
      if (first.size() > 1) store(b, loop.getResult(1), before(), at, values);
    });
  }

  void scatterOne(OpBuilder& b, ValueRange values) {
    Value position = load(b, arrayOf(1), at, values);
    AffineExpr size = ir::shapeOf(op->getOperand(0))[dim];
    // A negative position is a large one.
    Value wanted = compare(b, arith::CmpIPredicate::ult, position, number(b, size, {}));
    if (ir::mayRefuse(op)) loom::RequireOp::create(b, loc, wanted, errorCode(op));
    if (steps > 1) {
      Value link = load(b, isa<ir::Scatter>(op) ? next() : before(), at, values);
      Value none = number(b, constant(isa<ir::Scatter>(op) ? steps : 0), {});
      wanted =
          arith::AndIOp::create(b, loc, wanted, compare(b, arith::CmpIPredicate::eq, link, none));
    }
    SmallVector<Value> there(values);
    there.push_back(arith::IndexCastOp::create(b, loc, b.getIndexType(), position));
    SmallVector<AffineExpr> target(at);
    target[dim] = dimExpr(values.size());
    Value zeroOfKind = zero(b, loom::computeType(arrayOf(2).buffer.getType()));
    Value y =
        isa<ir::Scatter>(op)
            ? load(b, arrayOf(2), at, values, wanted, zeroOfKind)
            : joinEqual(b, values, wanted, load(b, result(), target, there, wanted, zeroOfKind));
    store(b, y, result(), target, there, wanted);
  }

  // Joins the elements of equal positions to x, from this one on, if it is wanted.
  Value joinEqual(OpBuilder& b, ValueRange values, Value wanted, Value x) {
    Value k = number(b, dimExpr(axes.size() - 1), values);
    auto walk = loom::WalkOp::create(
        b, loc, axis("j", constant(steps)), ValueRange{wanted, k, x},
        [&](OpBuilder& b, Location, Value, ValueRange carried) {
          SmallVector<Value> there(values);
          there.back() = arith::IndexCastOp::create(b, loc, b.getIndexType(), carried[1]);
          Value sum = joined(b, *joinOf(), carried[2], load(b, arrayOf(2), at, there));
          Value last = number(b, constant(steps), {});
          Value link = steps > 1 ? load(b, next(), at, there) : last;
          Value goesOn = compare(b, arith::CmpIPredicate::slt, link, last);
          return SmallVector<Value>{goesOn, link, sum};
        });
    walk.setGuarded(true);
    return walk.getResult(2);
  }

  // The op that joins two elements.
  const ir::Record* joinOf() {
    constexpr StringRef folds[] = {"mul", "maximum", "minimum"};
    return ir::findRecord(isa<ir::ScatterAdd>(op) ? "add" : folds[ir::structureOf(op)[1]]);
  }

  Value joined(OpBuilder& b, const ir::Record& join, Value x, Value y) {
    Type element = ir::elementOf(op->getResult(0));
    ScalarBody body{b, loc, ir::computeElement(element), noCode};
    Value operands[] = {body.convert(x, body.compute), body.convert(y, body.compute)};
    return body.convert(body.emit(join.graph(ir::Form::value), operands).front(), element);
  }

  llvm::function_ref<int32_t(Operation*)> errorCode;
  int64_t steps = 0; // along the index
  AffineExpr links;  // where those of an element of the index lie
};

} // namespace

bool isScatter(Operation* op) { return isa<ir::Scatter, ir::ScatterAdd, ir::ScatterFold>(op); }

bool isWalkedScatter(Operation* op) {
  if (!isScatter(op)) return false;
  ir::Exprs shape = ir::shapeOf(op->getOperand(0)), index = ir::shapeOf(op->getOperand(1));
  for (AffineExpr e : llvm::concat<AffineExpr>(shape, index))
    if (constantOf(e).value_or(0) == 0) return false;
  // Lines that share an index are compared once.
  const int64_t dim = ir::structureOf(op)[0];
  Operand place = resolve(op->getParentOfType<func::FuncOp>(), op->getOperand(1));
  double pairs = typicalValue(index[dim]) * typicalValue(index[dim]);
  for (unsigned d : dimsOfLines(index, dim))
    if (place.offset.isFunctionOfDim(d)) pairs *= typicalValue(index[d]);
  return pairs <= kMostPairs;
}

LogicalResult lowerScatter(KernelShell shell, function_ref<int32_t(Operation*)> errorCode) {
  return ScatterLowering(std::move(shell), errorCode).run();
}

} // namespace weft
