// x / s = (x * k) * (1 / (s * k)) inside a loop, where s is computed from a sum of another loop:
// one division a row, not one a point. Expects loom kernels. The bits of s depend on the order of
// its sum already, so the quotient need not be rounded once: it stays within 2 units in the last
// place.
//   k is a power of two that keeps the reciprocal normal for every s: 1 but for huge and tiny ones.
#include "passes/passes.h"

#include "ir/loom/loom.h"

using namespace mlir;

namespace weft {
namespace {

// Says whether a loop's result is rounded as it grows, so that its bits depend on the order. Those
// of a maximum do not.
bool isRounded(loom::LoopOp loop, unsigned result) {
  Operation* combined =
      loop.getCombine().front().getTerminator()->getOperand(result).getDefiningOp();
  return isa_and_nonnull<arith::AddFOp, arith::MulFOp>(combined);
}

// Says whether a value is computed from a sum or product that a loop accumulated.
bool comesFromSum(Value value, llvm::SmallPtrSetImpl<Operation*>& seen) {
  Operation* op = value.getDefiningOp();
  if (auto loop = dyn_cast_if_present<loom::LoopOp>(op))
    return isRounded(loop, cast<OpResult>(value).getResultNumber());
  if (!op || !seen.insert(op).second) return false;
  return isa<loom::DotOp>(op) ||
         llvm::any_of(op->getOperands(), [&](Value v) { return comesFromSum(v, seen); });
}

// The loop in front of which the divisor's reciprocal can be taken, or null.
loom::LoopOp loopAround(arith::DivFOp division) {
  auto loop = dyn_cast<loom::LoopOp>(division->getParentOp());
  llvm::SmallPtrSet<Operation*, 16> seen;
  if (!loop || !(division.getType().isF32() || division.getType().isF64()) ||
      division->getParentRegion() != &loop.getBody() ||
      loop->isAncestor(division.getRhs().getParentBlock()->getParentOp()) ||
      !comesFromSum(division.getRhs(), seen))
    return {};
  return loop;
}

struct Reciprocal {
  Value scale, inverse;
};

Reciprocal takeReciprocal(OpBuilder& builder, Location loc, Value divisor) {
  Type type = divisor.getType();
  auto number = [&](double value) -> Value {
    return arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, value));
  };
  // Far from where f32, and f64 all the more, runs out of exponents.
  Value size = math::AbsFOp::create(builder, loc, divisor);
  Value huge =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, size, number(0x1p100));
  Value tiny =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, size, number(0x1p-100));
  Value scale = arith::SelectOp::create(builder, loc, tiny, number(0x1p60), number(1));
  scale = arith::SelectOp::create(builder, loc, huge, number(0x1p-60), scale);
  Value scaled = arith::MulFOp::create(builder, loc, divisor, scale);
  return {scale, arith::DivFOp::create(builder, loc, number(1), scaled)};
}

} // namespace

LogicalResult hoistReciprocals(ModuleOp module, PassContext&) {
  SmallVector<std::pair<arith::DivFOp, loom::LoopOp>> divisions;
  for (auto kernel : module.getOps<loom::KernelOp>())
    kernel.walk([&](arith::DivFOp division) {
      if (loom::LoopOp loop = loopAround(division)) divisions.push_back({division, loop});
    });
  DenseMap<std::pair<Operation*, Value>, Reciprocal> taken;
  for (auto [division, loop] : divisions) {
    Location loc = division.getLoc();
    Reciprocal& reciprocal = taken[{loop, division.getRhs()}];
    if (!reciprocal.scale) {
      OpBuilder before(loop);
      reciprocal = takeReciprocal(before, loc, division.getRhs());
    }
    OpBuilder builder(division);
    Value scaled = arith::MulFOp::create(builder, loc, division.getLhs(), reciprocal.scale);
    Value quotient = arith::MulFOp::create(builder, loc, scaled, reciprocal.inverse);
    division.replaceAllUsesWith(quotient);
    division.erase();
  }
  return success();
}

} // namespace weft
