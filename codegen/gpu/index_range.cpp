// Ranges of index expressions by interval arithmetic: see index_range.h.
#include "codegen/gpu/index_range.h"

#include "codegen/gpu/plan.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int64_t kMost = int64_t(1) << 30;
// Tiles count past an extent by less than this, turns of a loop that threads share by less than the
// second, without an access.
constexpr int64_t kPast = 256, kPastTurn = int64_t(1) << 16;

struct Range {
  int64_t low, high;
  bool isNarrow() const { return low >= -kMost && high <= kMost; }
};

// Ranges of an expression and of all its parts.
struct Ranges {
  ArrayRef<std::optional<Range>> dims;
  bool narrow = true;   // all that have been asked for
  bool divides = false; // some of them

  // Nothing for what is of 64 bits, or too large for less.
  std::optional<Range> of(AffineExpr expr) {
    if (isa<AffineSymbolExpr>(expr)) return {};
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) return dims[dim.getPosition()];
    if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
      return checked({fixed.getValue(), fixed.getValue()});
    auto binary = cast<AffineBinaryOpExpr>(expr);
    divides |= expr.getKind() != AffineExprKind::Add && expr.getKind() != AffineExprKind::Mul;
    auto x = of(binary.getLHS()), y = of(binary.getRHS());
    return x && y ? checked(join(binary.getKind(), *x, *y)) : std::nullopt;
  }

private:
  std::optional<Range> checked(Range range) {
    narrow &= range.isNarrow();
    return range.isNarrow() ? std::optional(range) : std::nullopt;
  }

  // Of narrow ranges, so that nothing wraps here.
  static Range join(AffineExprKind kind, Range x, Range y) {
    if (kind == AffineExprKind::Add) return {x.low + y.low, x.high + y.high};
    if (kind == AffineExprKind::Mul) {
      auto [low, high] =
          std::minmax({x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high});
      return {low, high};
    }
    int64_t divisor = std::max(std::abs(y.low), std::abs(y.high));
    if (kind == AffineExprKind::Mod) return {0, divisor};
    int64_t most = std::max(std::abs(x.low), std::abs(x.high)) + divisor; // before it is divided
    return {-most, most};
  }
};

std::optional<Range> rangeOf(AxisAttr axis, int64_t past) {
  auto extent = axis.getConstantExtent();
  if (!extent || *extent > kMost - past) return {};
  return Range{0, *extent + past};
}

} // namespace

bool hasNarrowIndices(ArrayRef<PartOp> phase) {
  bool narrow = true, divides = false;
  llvm::DenseMap<Value, Range> ranges; // of axes
  auto add = [&](Value index, AxisAttr axis, int64_t past) {
    auto range = rangeOf(axis, past);
    narrow &= range.has_value();
    if (range) ranges[index] = *range;
  };
  auto check = [&](ArrayRef<AffineExpr> expressions, ValueRange indices) {
    SmallVector<std::optional<Range>> dims;
    for (Value index : indices) {
      auto known = ranges.find(index);
      dims.push_back(known == ranges.end() ? std::nullopt : std::optional(known->second));
    }
    Ranges of{dims};
    for (AffineExpr expr : expressions)
      of.of(expr);
    narrow &= of.narrow;
    divides |= of.divides;
  };
  for (PartOp part : phase) {
    int64_t points = 1;
    for (unsigned i = 0; i < part.getNumAxes() && narrow; ++i) {
      add(part.getBody().getArgument(i), part.getAxis(i), kPast);
      if (narrow) points *= std::max<int64_t>(1, *part.getAxis(i).getConstantExtent());
      narrow &= points <= kMost;
    }
    part.walk<WalkOrder::PreOrder>([&](Operation* op) {
      if (auto axis = axisOf(op))
        add(op->getRegion(0).front().getArgument(0), *axis, axis->getLanes() ? kPastTurn : kPast);
      if (auto load = dyn_cast<LoadOp>(op)) {
        check(load.getMap().getResults(), load.getIndices());
        if (auto within = load.getWithin()) check(within->getConstraints(), load.getIndices());
      } else if (auto store = dyn_cast<StoreOp>(op)) {
        check(store.getMap().getResults(), store.getIndices());
      }
    });
  }
  return narrow && divides;
}

} // namespace weft::gpu
