// Cuts a loom.part where a condition on one of its axes changes, so that each range of points does
// without it: behind a concatenation, or a write into a slice, a range reads one source. Expects
// loom kernels without a schedule. For each part without a product that does not read what it
// writes:
//   1. Conditions: comparisons of a linear function of one axis with a constant, right in the part.
//   2. Where they change are the cuts of that axis; an axis with too many stays whole.
//   3. Each range gets a part of its own, in which conditions that hold for all of it, or for none
//   of it, are constants and fold: the points and what is done at each are the same.
//   4. Axes that are one without the conditions are joined. A few points that lie side by side, as
//   those of stack(..., -1), become one point instead of parts.
#include "passes/join_axes.h"
#include "passes/passes.h"

#include "ir/loom/loom.h"
#include "ir/loom/near.h"

#include "mlir/IR/Iterators.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace weft {
namespace {

constexpr size_t kMostRanges = 8; // of a part, all its axes together
constexpr size_t kMostOps = 1000; // of all ranges of a part

struct Linear {
  BlockArgument axis;
  int64_t scale = 1, offset = 0;
};

// The value as scale * axis + offset.
std::optional<Linear> linearOf(Value value, loom::PartOp part) {
  if (auto axis = dyn_cast<BlockArgument>(value))
    return axis.getOwner() == &part.getBody().front() ? std::optional<Linear>({axis, 1, 0})
                                                      : std::nullopt;
  Operation* op = value.getDefiningOp();
  if (isa<arith::IndexCastOp>(op)) return linearOf(op->getOperand(0), part);
  APInt number;
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op) ||
      !matchPattern(op->getOperand(1), m_ConstantInt(&number)))
    return std::nullopt;
  std::optional<Linear> x = linearOf(op->getOperand(0), part);
  if (!x) return std::nullopt;
  const int64_t n = number.getSExtValue();
  bool overflows;
  if (isa<arith::MulIOp>(op))
    overflows = n <= 0 || llvm::MulOverflow(x->scale, n, x->scale) ||
                llvm::MulOverflow(x->offset, n, x->offset);
  else
    overflows = isa<arith::AddIOp>(op) ? llvm::AddOverflow(x->offset, n, x->offset)
                                       : llvm::SubOverflow(x->offset, n, x->offset);
  return overflows ? std::nullopt : x;
}

// A condition that is one thing below `at` and the other from there on.
struct Condition {
  arith::CmpIOp op;
  BlockArgument axis;
  int64_t at;
  bool below; // what it is there
};

std::optional<Condition> conditionOf(arith::CmpIOp op, loom::PartOp part) {
  APInt number;
  if (!matchPattern(op.getRhs(), m_ConstantInt(&number))) return std::nullopt;
  std::optional<Linear> x = linearOf(op.getLhs(), part);
  if (!x) return std::nullopt;
  const std::optional<int64_t> extent = part.getAxis(x->axis.getArgNumber()).getConstantExtent();
  int64_t last; // what the op computes must not wrap
  if (!extent || llvm::MulOverflow(x->scale, *extent, last) ||
      llvm::AddOverflow(last, x->offset, last))
    return std::nullopt;
  int64_t bound; // scale * axis < bound
  if (llvm::SubOverflow(number.getSExtValue(), x->offset, bound) ||
      bound == std::numeric_limits<int64_t>::max())
    return std::nullopt;
  switch (op.getPredicate()) {
  case arith::CmpIPredicate::slt:
  case arith::CmpIPredicate::sge:
    break;
  case arith::CmpIPredicate::sle:
  case arith::CmpIPredicate::sgt:
    bound++;
    break;
  default:
    return std::nullopt;
  }
  const bool below = op.getPredicate() == arith::CmpIPredicate::slt ||
                     op.getPredicate() == arith::CmpIPredicate::sle;
  return Condition{op, x->axis, llvm::divideCeilSigned(bound, x->scale), below};
}

SmallVector<Condition> conditionsOf(loom::PartOp part) {
  SmallVector<Condition> all;
  for (auto op : part.getBody().front().getOps<arith::CmpIOp>())
    if (auto condition = conditionOf(op, part)) all.push_back(*condition);
  return all;
}

// Makes `axis` of a part start at `low`: what reads its index reads low more.
void shift(BlockArgument axis, int64_t low) {
  if (low == 0) return;
  OpBuilder builder(axis.getContext());
  auto moved = [&](auto op, AffineExpr e) {
    for (auto [k, index] : llvm::enumerate(op.getIndices()))
      if (index == axis)
        e = e.replace(builder.getAffineDimExpr(k), builder.getAffineDimExpr(k) + low);
    return e;
  };
  auto moveMap = [&](auto op) {
    AffineMap map = op.getMap();
    op.setMap(AffineMap::get(map.getNumDims(), map.getNumSymbols(), moved(op, map.getResult(0))));
  };
  for (Operation* user : llvm::to_vector(axis.getUsers())) {
    if (auto cast = dyn_cast<arith::IndexCastOp>(user)) {
      builder.setInsertionPointAfter(cast);
      Value start = arith::ConstantOp::create(builder, cast.getLoc(),
                                              builder.getIntegerAttr(cast.getType(), low));
      Value sum = arith::AddIOp::create(builder, cast.getLoc(), cast, start);
      cast.getResult().replaceAllUsesExcept(sum, sum.getDefiningOp());
    } else if (auto store = dyn_cast<loom::StoreOp>(user)) {
      moveMap(store);
    } else if (auto load = dyn_cast<loom::LoadOp>(user)) {
      moveMap(load);
      if (std::optional<IntegerSet> within = load.getWithin()) {
        SmallVector<AffineExpr> constraints;
        for (AffineExpr e : within->getConstraints())
          constraints.push_back(moved(load, e));
        load.setWithinAttr(IntegerSetAttr::get(IntegerSet::get(
            within->getNumDims(), within->getNumSymbols(), constraints, within->getEqFlags())));
      }
    }
  }
}

// Folds what depends on constants, and removes what nobody reads.
void fold(Block& block) {
  OpBuilder builder(block.getParent()->getContext());
  block.walk([&](Operation* op) {
    APInt mask;
    if (auto load = dyn_cast<loom::LoadOp>(op);
        load && load.getMask() && matchPattern(load.getMask(), m_ConstantInt(&mask))) {
      if (mask.isZero()) return load.getResult().replaceAllUsesWith(load.getOther());
      load.getMaskMutable().clear();
      load.getOtherMutable().clear();
      return;
    }
    if (!isa<arith::AndIOp, arith::OrIOp, arith::SelectOp, loom::RarelyOp>(op)) return;
    builder.setInsertionPoint(op);
    SmallVector<Value> results;
    if (succeeded(builder.tryFold(op, results)) && !results.empty())
      op->replaceAllUsesWith(results);
  });
  for (Operation& last : llvm::make_early_inc_range(llvm::reverse(block)))
    last.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation* op) {
      if (isOpTriviallyDead(op)) op->erase();
    });
}

// The range [low, high) of an axis of `part` as a part of its own, in front of it.
loom::PartOp rangeOf(loom::PartOp part, unsigned axis, int64_t low, int64_t high) {
  OpBuilder builder(part);
  auto range = cast<loom::PartOp>(builder.clone(*part));
  BlockArgument index = range.getBody().getArgument(axis);
  for (Condition& condition : conditionsOf(range)) {
    if (condition.axis != index || (low < condition.at && condition.at < high)) continue;
    builder.setInsertionPoint(condition.op);
    Value known =
        arith::ConstantOp::create(builder, condition.op.getLoc(),
                                  builder.getBoolAttr((high <= condition.at) == condition.below));
    condition.op.getResult().replaceAllUsesWith(known);
  }
  shift(index, low);
  range.setAxis(axis, loom::AxisAttr::get(part.getContext(),
                                          part.getAxis(axis).getName().getValue(), high - low));
  fold(range.getBody().front());
  return range;
}

// Says whether a part reads a buffer that it writes: two parts of a phase must not.
bool overwrites(loom::PartOp part) {
  llvm::DenseSet<Value> written;
  part.walk([&](loom::StoreOp store) {
    if (isa<loom::BufferType>(store.getMemory().getType())) written.insert(store.getMemory());
  });
  return part
      .walk([&](loom::LoadOp load) {
        return written.contains(load.getMemory()) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

// The places where conditions on an axis change, from its start to its end.
SmallVector<int64_t> cutsOf(loom::PartOp part, unsigned axis) {
  const std::optional<int64_t> extent = part.getAxis(axis).getConstantExtent();
  if (!extent) return {};
  SmallVector<int64_t> cuts = {0, *extent};
  for (const Condition& condition : conditionsOf(part))
    if (condition.axis.getArgNumber() == axis && 0 < condition.at && condition.at < *extent)
      cuts.push_back(condition.at);
  llvm::sort(cuts);
  cuts.erase(llvm::unique(cuts), cuts.end());
  return cuts;
}

// Says whether a condition is one thing everywhere along an axis.
bool isDecided(loom::PartOp part, unsigned axis) {
  const std::optional<int64_t> extent = part.getAxis(axis).getConstantExtent();
  return extent && llvm::any_of(conditionsOf(part), [&](const Condition& condition) {
           return condition.axis.getArgNumber() == axis &&
                  (condition.at <= 0 || condition.at >= *extent);
         });
}

// Makes the points of an axis one after the other one point of the rest: stores of neighbours then
// stand side by side.
void unroll(loom::PartOp part, unsigned axis) {
  loom::PartOp all;
  for (int64_t at = 0; at < *part.getAxis(axis).getConstantExtent(); at++) {
    loom::PartOp one = rangeOf(part, axis, at, at + 1);
    dropPoint(one, axis);
    if (!all) {
      all = one;
      continue;
    }
    Block &to = all.getBody().front(), &from = one.getBody().front();
    for (auto [argument, other] : llvm::zip_equal(from.getArguments(), to.getArguments()))
      argument.replaceAllUsesWith(other);
    from.getTerminator()->erase();
    to.getOperations().splice(to.getTerminator()->getIterator(), from.getOperations());
    one.erase();
  }
  part.erase();
}

// Says whether an axis is a few points side by side in memory, each with conditions of its own and
// no others.
bool isInterleaved(loom::PartOp part, unsigned axis, size_t ranges) {
  const std::optional<int64_t> extent = part.getAxis(axis).getConstantExtent();
  BlockArgument index = part.getBody().getArgument(axis);
  return extent && int64_t(ranges) == *extent && loom::isNear(*extent) && part.getNumAxes() > 1 &&
         llvm::all_of(conditionsOf(part),
                      [&](const Condition& condition) { return condition.axis == index; }) &&
         llvm::none_of(part.getBody().front(),
                       [](Operation& op) { return op.getNumRegions() > 0; }) &&
         llvm::all_of(part.getBody().front().getOps<loom::StoreOp>(), [&](loom::StoreOp store) {
           return !store.getMask() &&
                  loom::strideAlong(store.getMap(), store.getIndices(), index) == 1;
         });
}

void split(loom::PartOp part, size_t ranges) {
  bool changed = ranges > 1;
  for (unsigned axis = 0; axis < part.getNumAxes(); axis++)
    if (isDecided(part, axis)) {
      loom::PartOp whole = rangeOf(part, axis, 0, *part.getAxis(axis).getConstantExtent());
      part.erase();
      part = whole;
      changed = true;
    }
  size_t ops = 0;
  part.walk([&](Operation*) { ops++; });
  for (unsigned axis = 0; axis < part.getNumAxes(); axis++) {
    const SmallVector<int64_t> cuts = cutsOf(part, axis);
    const size_t count = cuts.empty() ? 0 : cuts.size() - 1;
    if (count < 2 || count * ranges > kMostRanges || count * ranges * ops > kMostOps) continue;
    if (isInterleaved(part, axis, count)) return unroll(part, axis);
    for (size_t k = 0; k < count; k++)
      split(rangeOf(part, axis, cuts[k], cuts[k + 1]), count * ranges);
    part.erase();
    return;
  }
  if (changed) joinAxes(part);
}

} // namespace

LogicalResult splitRanges(ModuleOp module, PassContext&) {
  for (auto kernel : module.getOps<loom::KernelOp>())
    for (loom::PartOp part : llvm::to_vector(kernel.getParts()))
      if (part.getBody().front().getOps<loom::DotOp>().empty() && !overwrites(part)) split(part, 1);
  return success();
}

} // namespace weft
