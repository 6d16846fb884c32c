// Scatter: the target is written in place, each element by one thread.
//   1. Each position of the index finds the next one that is equal, and whether one before it is.
//   2. The last of equal positions writes its element; where elements are joined, the first one
//   walks from each to the next and joins theirs, in the order of the index.
// Scan: 1. each piece of a line is joined to one number; 2. a thread joins those of the pieces
//   before its own, and walks on from there. Floats are joined in f64, as the host's routine does,
//   but for the order: pieces are joined to one number first.
#include "passes/lower_walk.h"

#include "ir/weft/index_math.h"
#include "passes/buffer_layout.h"
#include "passes/index_value.h"
#include "passes/lower_routine.h"
#include "passes/scalar_body.h"
#include "passes/typical_size.h"

#include <cmath>

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

constexpr double kThreads = 1 << 16;   // that a large device runs at once
constexpr int64_t kLeastPiece = 32;    // elements of a line for a thread of its own
constexpr double kMostPairs = 1 << 28; // positions of an index that are compared
// Pieces of a line of unknown length, where it is the only one and where there may be others.
constexpr int64_t kPiecesOfOne = 256, kPiecesOfMany = 32;
constexpr int64_t kProduct = 1; // attribute `fold` of a scan, which is 0 for sums

bool isScatter(Operation* op) { return isa<ir::Scatter, ir::ScatterAdd, ir::ScatterFold>(op); }

int64_t dimOf(Operation* op) { return ir::structureOf(op)[0]; }

std::optional<int64_t> constantOf(AffineExpr e) {
  auto c = dyn_cast<AffineConstantExpr>(e);
  return c ? std::optional(c.getValue()) : std::nullopt;
}

// The dims of a shape that tell its lines along `dim` apart.
SmallVector<unsigned> dimsOfLines(ArrayRef<AffineExpr> shape, int64_t dim) {
  SmallVector<unsigned> dims;
  for (unsigned d = 0; d < shape.size(); d++)
    if (d != dim && constantOf(shape[d]) != 1) dims.push_back(d);
  return dims;
}

double countLines(ArrayRef<AffineExpr> shape, int64_t dim) {
  double count = 1;
  for (unsigned d : dimsOfLines(shape, dim))
    count *= typicalValue(shape[d]);
  return count;
}

// A buffer of the kernel and where the element of some indices lies in it.
struct Array {
  Value buffer;
  AffineExpr offset;
};

class WalkLowering {
public:
  WalkLowering(KernelShell from, llvm::function_ref<int32_t(Operation*)> errorCode)
      : shell(std::move(from)), errorCode(errorCode), op(routineOf(shell.op)),
        context(op->getContext()), loc(op->getLoc()), dim(dimOf(op)) {}

  LogicalResult run() {
    if (shell.op.getNumResults() != 1 ||
        shell.op.getParts()[0].front().getTerminator()->getOperand(0) != op->getResult(0))
      return shell.op.emitOpError() << "must yield the result of its routine alone";
    for (Value v : op->getOperands()) {
      operands.push_back(resolve(shell.function, v));
      shell.inputs.insert(operands.back().buffer);
    }
    if (isScatter(op))
      lowerScatter();
    else
      lowerScan();
    shell.finish();
    return success();
  }

private:
  AffineExpr dimExpr(unsigned k) { return getAffineDimExpr(k, context); }
  AffineExpr constant(int64_t v) { return getAffineConstantExpr(v, context); }

  loom::AxisAttr axis(const Twine& name, AffineExpr extent) {
    extent = ir::canonical(extent);
    return loom::AxisAttr::get(context, name.str(),
                               AffineMap::get(0, ir::countSymbols(extent), extent));
  }

  Array arrayOf(unsigned operand) {
    return {shell.bufferOf(operands[operand].buffer), operands[operand].offset};
  }
  Array result() {
    return {shell.bufferOfResult(0), layoutOf(shell.function, shell.op.getResult(0)).getResult(0)};
  }

  // The place of an element in terms of the values that `at` names as dims.
  std::pair<AffineMap, SmallVector<Value>> place(const Array& array, ArrayRef<AffineExpr> at,
                                                 ValueRange values) {
    AffineExpr offset = ir::canonical(array.offset.replaceDims(at));
    SmallVector<AffineExpr> renumbered(values.size(), constant(0));
    SmallVector<Value> used;
    for (unsigned k = 0; k < values.size(); k++)
      if (offset.isFunctionOfDim(k)) {
        renumbered[k] = dimExpr(used.size());
        used.push_back(values[k]);
      }
    offset = offset.replaceDims(renumbered);
    return {AffineMap::get(used.size(), ir::countSymbols(offset), offset), used};
  }
  Value load(OpBuilder& b, const Array& array, ArrayRef<AffineExpr> at, ValueRange values,
             Value mask = {}, Value other = {}) {
    auto [map, used] = place(array, at, values);
    return loom::LoadOp::create(b, loc, array.buffer, map, used, mask, other);
  }
  void store(OpBuilder& b, Value value, const Array& array, ArrayRef<AffineExpr> at,
             ValueRange values, Value mask = {}) {
    auto [map, used] = place(array, at, values);
    loom::StoreOp::create(b, loc, value, array.buffer, map, used, mask);
  }

  Value number(OpBuilder& b, AffineExpr e, ValueRange values) {
    auto cast = [&](Value index) -> Value {
      return arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
    };
    return emitIndex(
        b, loc, e, [&](unsigned k) { return cast(values[k]); },
        [&](unsigned k) { return cast(shell.kernel.getSizes()[k]); });
  }
  Value compare(OpBuilder& b, arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  static int32_t noCode() { return 0; } // what is joined is never refused
  Value zero(OpBuilder& b, Type type) {
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  }

  //===--- Scatters ---------------------------------------------------------------------------===//

  void lowerScatter() {
    shell.tied = {0};
    Exprs index = ir::shapeOf(op->getOperand(1));
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

  // An axis for each line, and the place of an element in terms of them and of a last one.
  void setAxes(ArrayRef<AffineExpr> shape, function_ref<bool(unsigned)> wanted) {
    axes.clear();
    at.assign(shape.size(), constant(0));
    for (unsigned d : dimsOfLines(shape, dim))
      if (wanted(d)) {
        at[d] = dimExpr(axes.size());
        axes.push_back(axis("d" + Twine(d), shape[d]));
      }
    at[dim] = dimExpr(axes.size());
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
  Array next() { return {shell.bufferOfTemporary(0), links}; }   // `steps` where there is none
  Array before() { return {shell.bufferOfTemporary(1), links}; } // not 0 where there is one

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

  //===--- Scans ------------------------------------------------------------------------------===//

  // A line of `length` elements is cut in `pieces`, of which the last ones may be shorter.
  struct Pieces {
    AffineExpr length, each, pieces;
  };
  Pieces cut(ArrayRef<AffineExpr> shape) {
    int64_t pieces = dimsOfLines(shape, dim).empty() ? kPiecesOfOne : kPiecesOfMany;
    if (auto length = constantOf(shape[dim])) {
      const double most = kThreads / std::max(countLines(shape, dim), 1.0);
      // A thread joins as many pieces before its own as it walks elements, or twice as many.
      const double worth = std::min(double(*length) / kLeastPiece, 2 * std::sqrt(*length));
      pieces = int64_t(std::max(std::min(most, worth), 1.0));
    }
    AffineExpr each = ir::canonical(shape[dim].ceilDiv(pieces));
    return {shape[dim], each, pieces == 1 ? constant(1) : shape[dim].ceilDiv(each)};
  }

  void lowerScan() {
    shell.tied = {-1};
    Exprs shape = ir::shapeOf(op->getOperand(0));
    Type compute = ir::computeElement(ir::elementOf(op->getOperand(0)));
    wide = compute.isInteger() ? compute : Type(Float64Type::get(context));
    line = cut(shape);
    const bool isCut = line.pieces != constant(1);
    // Values: the axes of the lines, the piece, the step.
    setAxes(shape, [](unsigned) { return true; });
    SmallVector<AffineExpr> outer;
    for (unsigned d : dimsOfLines(shape, dim))
      outer.push_back(shape[d]);
    axes.push_back(axis("p", line.pieces));
    outer.push_back(line.pieces);
    AffineExpr element = dimExpr(axes.size() - 1) * line.each + dimExpr(axes.size());
    at[dim] = isReversed() ? line.length - 1 - element : element;
    if (isCut) shell.temporaries.push_back(ir::tensorType(outer, wide));
    shell.create(ir::recordOf(op)->name.str());
    builder.setInsertionPointToEnd(&shell.kernel.getBody().front());
    if (isCut) {
      SmallVector<AffineExpr> own;
      for (unsigned k = 0; k < axes.size(); k++)
        own.push_back(dimExpr(k));
      sums = {shell.bufferOfTemporary(0), ir::linearise(own, outer, context)};
      joinPieces(own);
      loom::BarrierOp::create(builder, loc);
    }
    loom::PartOp::create(builder, loc, axes, [&](OpBuilder& b, Location, ValueRange point) {
      walkPiece(b, point, isCut ? joinBefore(b, point) : identity(b));
    });
  }

  bool isReversed() { return ir::structureOf(op)[2] != 0; }

  Value identity(OpBuilder& b) {
    const int64_t value = ir::structureOf(op)[1] == kProduct;
    if (wide.isInteger()) return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
    return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(double(value)));
  }
  Value join(OpBuilder& b, Value x, Value y) {
    const ir::Record* record = ir::findRecord(ir::structureOf(op)[1] == kProduct ? "mul" : "add");
    Value operands[] = {x, y};
    return ScalarBody{b, loc, wide, noCode}
        .emit(record->graph(ir::Form::value), operands)
        .front();
  }

  // Says whether the step of the piece is one of the line; null where each is.
  Value isInLine(OpBuilder& b, ValueRange values) {
    if (line.pieces * line.each == line.length) return {};
    const unsigned piece = axes.size() - 1;
    Value element = number(b, dimExpr(piece) * line.each + dimExpr(piece + 1), values);
    return compare(b, arith::CmpIPredicate::slt, element, number(b, line.length, values));
  }
  Value elementOf(OpBuilder& b, ValueRange values, Value mask) {
    Array x = arrayOf(0);
    Type type = loom::computeType(x.buffer.getType());
    Value element = load(b, x, at, values, mask, mask ? zero(b, type) : Value());
    Value widened = ScalarBody{b, loc, type, noCode}.convert(element, wide);
    return mask ? arith::SelectOp::create(b, loc, mask, widened, identity(b)).getResult() : widened;
  }
  static SmallVector<Value> with(ValueRange point, Value index) {
    SmallVector<Value> values(point);
    values.push_back(index);
    return values;
  }

  void joinPieces(ArrayRef<AffineExpr> own) {
    loom::PartOp::create(builder, loc, axes, [&](OpBuilder& b, Location, ValueRange point) {
      auto loop = loom::LoopOp::create(
          b, loc, axis("k", line.each), identity(b),
          [&](OpBuilder& b, Location, Value k) {
            SmallVector<Value> values = with(point, k);
            return SmallVector<Value>{elementOf(b, values, isInLine(b, values))};
          },
          [&](OpBuilder& b, Location, ValueRange x, ValueRange y) {
            return SmallVector<Value>{join(b, x[0], y[0])};
          });
      store(b, loop.getResult(0), sums, own, point);
    });
  }

  // What the pieces before this one have.
  Value joinBefore(OpBuilder& b, ValueRange point) {
    const unsigned piece = axes.size() - 1;
    SmallVector<AffineExpr> other;
    for (unsigned k = 0; k < piece; k++)
      other.push_back(dimExpr(k));
    other.push_back(dimExpr(piece + 1));
    auto walk = loom::WalkOp::create(
        b, loc, axis("q", line.pieces), identity(b),
        [&](OpBuilder& b, Location, Value q, ValueRange before) {
          Value isBefore = compare(b, arith::CmpIPredicate::slt, number(b, dimExpr(0), q),
                                   number(b, dimExpr(0), point[piece]));
          Value sum = load(b, sums, other, with(point, q), isBefore, identity(b));
          return SmallVector<Value>{join(b, before[0], sum)};
        });
    return walk.getResult(0);
  }

  void walkPiece(OpBuilder& b, ValueRange point, Value start) {
    Type element = ir::elementOf(op->getResult(0));
    loom::WalkOp::create(b, loc, axis("k", line.each), start,
                         [&](OpBuilder& b, Location, Value k, ValueRange before) {
                           SmallVector<Value> values = with(point, k);
                           Value mask = isInLine(b, values);
                           Value total = join(b, before[0], elementOf(b, values, mask));
                           ScalarBody body{b, loc, wide, noCode};
                           Value y = body.convert(body.convert(total, ir::computeElement(element)),
                                                  element);
                           store(b, y, result(), at, values, mask);
                           return SmallVector<Value>{total};
                         });
  }

  KernelShell shell;
  llvm::function_ref<int32_t(Operation*)> errorCode;
  Operation* op;
  MLIRContext* context;
  Location loc;
  int64_t dim;
  SmallVector<Operand> operands;
  OpBuilder builder{context};
  SmallVector<loom::AxisAttr> axes; // of the part at hand
  SmallVector<AffineExpr> at;       // the indices of its element
  // Of a scatter: steps along the index, and where the links of an element of it lie.
  int64_t steps = 0;
  AffineExpr links;
  // Of a scan: what elements are joined in, and what pieces of a line are joined to.
  Type wide;
  Pieces line;
  Array sums;
};

} // namespace

bool isWalked(Operation* op) {
  Exprs shape = op->getNumOperands() ? ir::shapeOf(op->getOperand(0)) : Exprs();
  if (ir::countOf(shape, op->getContext()) == getAffineConstantExpr(0, op->getContext()))
    return false;
  if (isa<ir::Scan>(op)) return ir::structureOf(op)[1] <= kProduct;
  if (!isScatter(op)) return false;
  Exprs index = ir::shapeOf(op->getOperand(1));
  for (AffineExpr e : llvm::concat<AffineExpr>(shape, index))
    if (constantOf(e).value_or(0) == 0) return false;
  // Lines that share an index are compared once.
  const int64_t dim = dimOf(op);
  Operand place = resolve(op->getParentOfType<func::FuncOp>(), op->getOperand(1));
  double pairs = typicalValue(index[dim]) * typicalValue(index[dim]);
  for (unsigned d : dimsOfLines(index, dim))
    if (place.offset.isFunctionOfDim(d)) pairs *= typicalValue(index[d]);
  return pairs <= kMostPairs;
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
  return WalkLowering(std::move(shell), errorCode).run();
}

} // namespace weft
