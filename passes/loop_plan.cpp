// 1. An output is written in the first loop that knows it; over an input only when nobody reads
// that
//    any more.
// 2. From the consumers up: the set of loops that need each op's value.
// 3. What several loops need and is dear is kept by the first of them.
#include "passes/loop_plan.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {
namespace {

// From this weight on a value is kept rather than computed again.
constexpr unsigned kDearWeight = 8;
// Elements that are kept; longer rows are computed again.
constexpr int64_t kLongestKept = 16384;

using Loops = uint64_t; // bit l - 1: loop l

Operation* behindViews(Value v) {
  Operation* op = v.getDefiningOp();
  while (op && isa<ir::ViewOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op;
}

bool hasFoldedElements(const Part& part, Value v) {
  auto indices = part.indicesOf(v.getType());
  if (!indices) return false;
  for (unsigned k : part.reduced.set_bits())
    if (llvm::any_of(*indices, [&](AffineExpr e) { return e.isFunctionOfDim(k); })) return true;
  return false;
}

// Lanes run along the folded axes, and a row is short enough.
bool canKeep(const Part& part) {
  if (part.reduced.empty() || !part.reduced[part.reduced.size() - 1]) return false;
  AffineExpr count;
  for (unsigned k : part.reduced.set_bits())
    count = count ? count * part.extents[k] : part.extents[k];
  auto known = dyn_cast<AffineConstantExpr>(ir::canonical(count));
  return !known || known.getValue() <= kLongestKept;
}

llvm::DenseMap<Operation*, unsigned> costs(const Part& part) {
  llvm::DenseMap<Operation*, unsigned> cost;
  for (Operation* op : part.ops) {
    unsigned sum = weightOf(op);
    for (Value operand : op->getOperands())
      sum += cost.lookup(behindViews(operand));
    cost[op] = std::min(sum, 1000u);
  }
  return cost;
}

} // namespace

LoopPlan::LoopPlan(const Part& part, function_ref<bool(Value)> isOverwritten) {
  if (part.reduced.none()) return;
  for (Operation* op : part.ops)
    if (asReduce(op)) levels = std::max(levels, part.level.lookup(op));
  llvm::DenseMap<Operation*, Loops> loops;
  auto use = [&](Value v, Loops set) {
    if (Operation* op = behindViews(v); part.contains(op)) loops[op] |= set;
  };
  for (Value output : part.outputs) {
    if (!hasFoldedElements(part, output)) continue;
    unsigned known = part.level.lookup(behindViews(output));
    unsigned loop = known < levels && !isOverwritten(output) ? known + 1 : levels + 1;
    outputLoop[output] = loop;
    use(output, Loops{1} << (loop - 1));
  }
  llvm::DenseMap<Operation*, unsigned> cost = costs(part);
  bool keeps = canKeep(part);
  for (Operation* op : llvm::reverse(part.ops)) {
    Loops set = loops.lookup(op);
    if (auto reduce = asReduce(op)) {
      use(reduce->operand, Loops{1} << (part.level.lookup(op) - 1));
      continue;
    }
    if (keeps && llvm::popcount(set) > 1 && cost.lookup(op) >= kDearWeight &&
        hasFoldedElements(part, op->getResult(0))) {
      kept.insert(op);
      set &= -set;
    }
    for (Value operand : op->getOperands())
      use(operand, set);
  }
}

} // namespace weft
