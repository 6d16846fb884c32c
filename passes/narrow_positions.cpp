// A position that a reduction carries beside an f32, as argmax does, is counted in f32 as well
// where that is exact: a vector then holds as many positions as values, not half of them. Expects
// loom kernels without a schedule. A sum of i64 of a loop becomes one of f32 where
//   1. every other sum is an f32,
//   2. what an iteration yields for it lies in 0 .. 2^24, between which f32 has every whole number,
//   3. its combine body does nothing but compare it and choose it,
//   4. its identity lies behind all of these, and becomes an infinity: numbers compare as before.
// A loop without iterations gives its identities, so the axis must have a constant extent.
#include "passes/passes.h"

#include "ir/loom/loom.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace weft {
namespace {

constexpr int64_t kMostExact = int64_t(1) << 24;

struct Range {
  int64_t low, high;
};

std::optional<int64_t> numberOf(Value value) {
  APInt number;
  if (!matchPattern(value, m_ConstantInt(&number))) return std::nullopt;
  return number.getSExtValue();
}

std::optional<Range> rangeOfIndex(BlockArgument index) {
  Operation* op = index.getOwner()->getParentOp();
  std::optional<int64_t> extent;
  if (auto loop = dyn_cast<loom::LoopOp>(op))
    extent = loop.getAxis().getConstantExtent();
  else if (auto part = dyn_cast<loom::PartOp>(op))
    extent = part.getAxis(index.getArgNumber()).getConstantExtent();
  if (!extent || *extent < 1) return std::nullopt;
  return Range{0, *extent - 1};
}

// Where a number lies that is made of indices and constants by sums and products.
std::optional<Range> rangeOf(Value value) {
  if (auto index = dyn_cast<BlockArgument>(value)) return rangeOfIndex(index);
  if (auto number = numberOf(value)) return Range{*number, *number};
  Operation* op = value.getDefiningOp();
  if (isa<arith::IndexCastOp>(op)) return rangeOf(op->getOperand(0));
  if (!isa<arith::AddIOp, arith::MulIOp>(op)) return std::nullopt;
  std::optional<Range> x = rangeOf(op->getOperand(0)), y = rangeOf(op->getOperand(1));
  if (!x || !y || x->low < 0 || y->low < 0) return std::nullopt;
  Range result;
  bool overflows = isa<arith::AddIOp>(op) ? llvm::AddOverflow(x->high, y->high, result.high)
                                          : llvm::MulOverflow(x->high, y->high, result.high);
  if (overflows) return std::nullopt;
  result.low = isa<arith::AddIOp>(op) ? x->low + y->low : x->low * y->low;
  return result;
}

// The op of f32 that compares whole numbers as an op of integers does.
std::optional<arith::CmpFPredicate> predicateOf(arith::CmpIPredicate predicate) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return arith::CmpFPredicate::OEQ;
  case arith::CmpIPredicate::ne:
    return arith::CmpFPredicate::ONE;
  case arith::CmpIPredicate::slt:
    return arith::CmpFPredicate::OLT;
  case arith::CmpIPredicate::sle:
    return arith::CmpFPredicate::OLE;
  case arith::CmpIPredicate::sgt:
    return arith::CmpFPredicate::OGT;
  case arith::CmpIPredicate::sge:
    return arith::CmpFPredicate::OGE;
  default:
    return std::nullopt;
  }
}

// A sum of a loop, and in its combine body all that stands for a position.
class Position {
public:
  Position(loom::LoopOp loop, unsigned result) : loop(loop), result(result) {}

  bool canBeFloat() {
    if (!loop.getAxis().getConstantExtent().value_or(0)) return false;
    for (auto [k, type] : llvm::enumerate(loop.getResultTypes()))
      if (k == result ? !type.isInteger(64) : !type.isF32()) return false;
    std::optional<Range> range = rangeOf(yielded().get());
    if (!range || range->low < 0 || range->high > kMostExact) return false;
    identity = numberOf(loop.getIdentities()[result]);
    if (!identity || (*identity >= 0 && *identity <= kMostExact)) return false;
    return loop->getNumResults() > 1 && findChoices();
  }

  void makeFloat() {
    Type f32 = Float32Type::get(loop.getContext());
    OpBuilder before(loop);
    double infinity = std::copysign(std::numeric_limits<double>::infinity(), double(*identity));
    loop->setOperand(result, arith::ConstantOp::create(before, loop.getLoc(),
                                                       before.getFloatAttr(f32, infinity)));
    OpBuilder inside(loop.getBody().front().getTerminator());
    auto number = arith::SIToFPOp::create(inside, loop.getLoc(), f32, yielded().get());
    number->setAttr(loom::LoomDialect::kNarrowName, inside.getUnitAttr());
    yielded().set(number);
    for (BlockArgument argument : arguments())
      argument.setType(f32);
    for (Operation* op : choices)
      choose(op, f32);
    OpBuilder after(loop->getContext());
    after.setInsertionPointAfter(loop);
    Value sum = loop->getResult(result);
    sum.setType(f32);
    auto whole = arith::FPToSIOp::create(after, loop.getLoc(), after.getI64Type(), sum);
    sum.replaceAllUsesExcept(whole, whole);
  }

private:
  OpOperand& yielded() { return loop.getBody().front().getTerminator()->getOpOperand(result); }

  std::array<BlockArgument, 2> arguments() {
    Block& combine = loop.getCombine().front();
    return {combine.getArgument(result), combine.getArgument(result + loop->getNumResults())};
  }

  // Collects what reads a position in the combine body: comparisons of two, choices between two,
  // the yield.
  bool findChoices() {
    Block& combine = loop.getCombine().front();
    llvm::SmallPtrSet<Value, 8> positions;
    for (BlockArgument argument : arguments())
      positions.insert(argument);
    for (Operation& op : combine.without_terminator()) {
      auto isPosition = [&](Value v) { return positions.contains(v); };
      if (llvm::none_of(op.getOperands(), isPosition)) continue;
      if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
        if (!llvm::all_of(op.getOperands(), isPosition) || !predicateOf(compare.getPredicate()))
          return false;
      } else if (auto select = dyn_cast<arith::SelectOp>(op)) {
        if (!isPosition(select.getTrueValue()) || !isPosition(select.getFalseValue())) return false;
        positions.insert(select);
      } else {
        return false;
      }
      choices.push_back(&op);
    }
    for (auto [k, v] : llvm::enumerate(combine.getTerminator()->getOperands()))
      if (positions.contains(v) != (k == result)) return false;
    return true;
  }

  void choose(Operation* op, Type f32) {
    auto compare = dyn_cast<arith::CmpIOp>(op);
    if (!compare) return op->getResult(0).setType(f32);
    OpBuilder builder(op);
    Value same = arith::CmpFOp::create(builder, op->getLoc(), *predicateOf(compare.getPredicate()),
                                       compare.getLhs(), compare.getRhs());
    op->replaceAllUsesWith(ValueRange(same));
    op->erase();
  }

  loom::LoopOp loop;
  unsigned result;
  std::optional<int64_t> identity;
  SmallVector<Operation*> choices;
};

} // namespace

LogicalResult narrowPositions(ModuleOp module, PassContext&) {
  for (auto kernel : module.getOps<loom::KernelOp>())
    kernel.walk([](loom::LoopOp loop) {
      for (unsigned k = 0; k < loop->getNumResults(); k++)
        if (Position position(loop, k); position.canBeFloat()) position.makeFloat();
    });
  return success();
}

} // namespace weft
