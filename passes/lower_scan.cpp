// 1. Each piece of a line is joined to one number.
// 2. A thread joins those of the pieces before its own, and walks on from there.
// Floats are joined in f64, as the host's routine does, but for the order: pieces are joined to one
// number first.
#include "ir/weft/index_math.h"
#include "passes/walk_lowering.h"

#include <cmath>

using namespace mlir;

namespace weft {
namespace {

constexpr double kThreads = 1 << 16; // that a large device runs at once
constexpr int64_t kLeastPiece = 32;  // elements of a line for a thread of its own
// Pieces of a line of unknown length, where it is the only one and where there may be others.
constexpr int64_t kPiecesOfOne = 256, kPiecesOfMany = 32;
constexpr int64_t kProduct = 1; // attribute `fold`, which is 0 for sums

double countLines(ArrayRef<AffineExpr> shape, int64_t dim) {
  double count = 1;
  for (unsigned d : dimsOfLines(shape, dim))
    count *= typicalValue(shape[d]);
  return count;
}

class ScanLowering : public WalkLowering {
public:
  explicit ScanLowering(KernelShell from) : WalkLowering(std::move(from)) {}

private:
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

  void lower() override {
    shell.tied = {-1};
    ir::Exprs shape = ir::shapeOf(op->getOperand(0));
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
      sums = {shell.bufferOfTemporary[0], ir::linearise(own, outer, context)};
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
    return ScalarBody{b, loc, wide, noCode}.emit(record->graph(ir::Form::value), operands).front();
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

  Type wide; // that elements are joined in
  Pieces line;
  Array sums; // of pieces
};

} // namespace

bool isWalkedScan(Operation* op) { return isa<ir::Scan>(op) && ir::structureOf(op)[1] <= kProduct; }

LogicalResult lowerScan(KernelShell shell) { return ScanLowering(std::move(shell)).run(); }

} // namespace weft
