#include "codegen/cpu/float_range.h"

#include "ir/loom/loom.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace arith = mlir::arith;
namespace math = mlir::math;

namespace weft::cpu {

namespace {

constexpr int kMostSteps = 8; // into the ops that make a value
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::optional<double> constantOf(mlir::Value value) {
  llvm::APFloat number(0.0);
  if (!mlir::matchPattern(value, mlir::m_ConstantFloat(&number))) return std::nullopt;
  bool loses = false;
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &loses);
  if (number.isNaN()) return std::nullopt;
  return number.convertToDouble();
}

// The op rounds its exact result, and the bounds here are rounded too.
FloatRange widened(double low, double high, mlir::Type type) {
  const int digits = type.isF64() ? 51 : type.isF32() ? 22 : 6;
  auto slack = [&](double bound) { return std::ldexp(std::abs(bound), -digits); };
  return {low - slack(low), high + slack(high)};
}

FloatRange sum(FloatRange a, FloatRange b) { return {a.low + b.low, a.high + b.high}; }

FloatRange product(FloatRange a, FloatRange b) {
  auto [low, high] = std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
  return {low, high};
}

bool isFinite(std::optional<FloatRange> range) {
  return range && std::isfinite(range->low) && std::isfinite(range->high);
}

std::optional<FloatRange> find(mlir::Value value, int steps);

// One side of a select, where a comparison with a constant says on which side of that it lies.
FloatRange sideOf(mlir::Value side, arith::CmpFOp compare, bool is_true, int steps) {
  FloatRange range = find(side, steps).value_or(FloatRange{-kInfinity, kInfinity});
  std::optional<double> limit = constantOf(compare.getRhs());
  if (!limit || side != compare.getLhs()) return range;
  using P = arith::CmpFPredicate;
  const P p = compare.getPredicate();
  const bool less = p == P::OLT || p == P::OLE, greater = p == P::OGT || p == P::OGE;
  if (!less && !greater) return range;
  if (less == is_true)
    range.high = std::min(range.high, *limit);
  else
    range.low = std::max(range.low, *limit);
  return range;
}

std::optional<FloatRange> rangeOfOp(mlir::Operation* op, int steps) {
  mlir::Type type = op->getResult(0).getType();
  auto operand = [&](unsigned k) { return find(op->getOperand(k), steps); };
  return llvm::TypeSwitch<mlir::Operation*, std::optional<FloatRange>>(op)
      .Case<arith::SelectOp, loom::RarelyOp>([&](mlir::Operation*) -> std::optional<FloatRange> {
        auto compare = op->getOperand(0).getDefiningOp<arith::CmpFOp>();
        if (!compare) return std::nullopt;
        FloatRange a = sideOf(op->getOperand(1), compare, true, steps),
                   b = sideOf(op->getOperand(2), compare, false, steps);
        return FloatRange{std::min(a.low, b.low), std::max(a.high, b.high)};
      })
      .Case<arith::AddFOp, arith::SubFOp>([&](mlir::Operation*) -> std::optional<FloatRange> {
        std::optional<FloatRange> a = operand(0), b = operand(1);
        if (!isFinite(a) || !isFinite(b)) return std::nullopt;
        if (mlir::isa<arith::SubFOp>(op)) b = FloatRange{-b->high, -b->low};
        FloatRange r = sum(*a, *b);
        return widened(r.low, r.high, type);
      })
      .Case([&](arith::MulFOp) -> std::optional<FloatRange> {
        std::optional<FloatRange> a = operand(0), b = operand(1);
        if (!isFinite(a) || !isFinite(b)) return std::nullopt;
        FloatRange r = product(*a, *b);
        return widened(r.low, r.high, type);
      })
      .Case([&](math::FmaOp) -> std::optional<FloatRange> {
        std::optional<FloatRange> a = operand(0), b = operand(1), c = operand(2);
        if (!isFinite(a) || !isFinite(b) || !isFinite(c)) return std::nullopt;
        FloatRange r = sum(product(*a, *b), *c);
        return widened(r.low, r.high, type);
      })
      .Default(std::nullopt);
}

std::optional<FloatRange> find(mlir::Value value, int steps) {
  if (std::optional<double> c = constantOf(value)) return FloatRange{*c, *c};
  mlir::Operation* op = value.getDefiningOp();
  if (!op || steps == 0 || !mlir::isa<mlir::FloatType>(value.getType())) return std::nullopt;
  return rangeOfOp(op, steps - 1);
}

} // namespace

std::optional<FloatRange> rangeOf(mlir::Value value) { return find(value, kMostSteps); }

bool carriesNan(mlir::Value result, mlir::Value source) {
  // Along the first operand that leads there: a polynomial has its variable in each step.
  for (int step = 0; step < 4 * kMostSteps; ++step) {
    if (result == source) return true;
    mlir::Operation* op = result.getDefiningOp();
    if (!mlir::isa_and_nonnull<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
                               math::FmaOp>(op))
      return false;
    mlir::Value next;
    for (mlir::Value operand : op->getOperands())
      if (!constantOf(operand) && (!next || operand == source)) next = operand;
    if (!next) return false;
    result = next;
  }
  return false;
}

} // namespace weft::cpu
