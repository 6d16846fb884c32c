// Recognises a factor of a product that sees its columns through windows: a load whose place, and
// the set it must lie in, are sums of a function of the column and of one of the step within a
// period of k; from one period to the next only the place moves on.
#include "codegen/cpu/plan.h"

#include "ir/weft/index_math.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
namespace {

// Places within an image are 32-bit numbers.
constexpr int64_t kMostElements = int64_t{1} << 30;

// Which index of the load is which; a further dim counts periods of k.
struct Dims {
  int column = -1, k = -1;
  SmallVector<int> axis; // of each index but k
  unsigned count = 0;    // of indices

  bool find(PartOp part, DotOp dot, LoadOp load, int column_axis) {
    count = load.getIndices().size();
    axis.assign(count, -1);
    for (auto [d, index] : llvm::enumerate(load.getIndices())) {
      if (index == dot.getIndex()) {
        k = int(d);
        continue;
      }
      auto argument = dyn_cast<BlockArgument>(index);
      if (!argument || argument.getOwner() != &part.getBody().front()) return false;
      axis[d] = int(argument.getArgNumber());
      if (axis[d] == column_axis) column = int(d);
    }
    return column >= 0 && k >= 0;
  }
};

// A sum of functions of one dim each.
struct Split {
  AffineExpr start, by_column, by_step;
  SmallVector<int64_t> strides; // of the other dims; the last is that of periods
};

std::optional<Split> split(AffineExpr e, const Dims& dims, ArrayRef<AffineExpr> extents) {
  MLIRContext* context = e.getContext();
  SmallVector<AffineExpr> zeros(dims.count + 1, getAffineConstantExpr(0, context));
  auto only = [&](unsigned d, AffineExpr value) {
    SmallVector<AffineExpr> replaced(zeros);
    replaced[d] = value;
    return e.replaceDims(replaced);
  };
  Split s;
  s.start = ir::canonical(e.replaceDims(zeros), extents);
  AffineExpr sum = s.start;
  auto part = [&](unsigned d) {
    AffineExpr own = ir::canonical(only(d, getAffineDimExpr(d, context)) - s.start, extents);
    sum = sum + own;
    return own;
  };
  s.by_column = part(dims.column);
  s.by_step = part(dims.k);
  for (unsigned d = 0; d <= dims.count; d++) {
    if (int(d) == dims.column || int(d) == dims.k) {
      s.strides.push_back(0);
      continue;
    }
    AffineExpr step = ir::canonical(only(d, getAffineConstantExpr(1, context)) - s.start, extents);
    auto stride = dyn_cast<AffineConstantExpr>(step);
    if (!stride) return std::nullopt;
    s.strides.push_back(stride.getValue());
    sum = sum + getAffineDimExpr(d, context) * stride.getValue();
  }
  if (ir::canonical(e - sum, extents) != getAffineConstantExpr(0, context)) return std::nullopt;
  return s;
}

// The largest product of divisors of k, one inside the other.
int64_t divisorOf(AffineExpr e, unsigned k) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(e);
  if (!binary || !e.isFunctionOfDim(k)) return 1;
  int64_t inner = std::max(divisorOf(binary.getLHS(), k), divisorOf(binary.getRHS(), k));
  auto by = dyn_cast<AffineConstantExpr>(binary.getRHS());
  bool divides = e.getKind() == AffineExprKind::FloorDiv || e.getKind() == AffineExprKind::Mod;
  return divides && by ? inner * by.getValue() : inner;
}

// A function of dim d as one of dim 0.
AffineExpr ofOne(AffineExpr e, unsigned d, unsigned count) {
  SmallVector<AffineExpr> dims(count + 1, getAffineConstantExpr(0, e.getContext()));
  dims[d] = getAffineDimExpr(0, e.getContext());
  return e.replaceDims(dims);
}

bool isSmall(AffineExpr e, int64_t extent) {
  auto last = dyn_cast<AffineConstantExpr>(
      ir::canonical(e.replaceDims({getAffineConstantExpr(extent - 1, e.getContext())})));
  return last && std::abs(last.getValue()) < kMostElements;
}

std::optional<ProductFactor> readWith(int64_t period, PartOp part, DotOp dot, LoadOp load,
                                      const Dims& dims) {
  MLIRContext* context = load.getContext();
  int64_t k = *dot.getAxis().getConstantExtent();
  int64_t columns = *part.getAxis(dims.axis[dims.column]).getConstantExtent();
  SmallVector<AffineExpr> extents;
  for (unsigned d = 0; d < dims.count; d++)
    extents.push_back(int(d) == dims.k ? getAffineConstantExpr(period, context)
                                       : part.getAxis(dims.axis[d]).getExtent().getResult(0));
  extents.push_back(getAffineConstantExpr(k / period, context));
  AffineExpr step = getAffineDimExpr(dims.k, context);
  AffineExpr number = getAffineDimExpr(dims.count, context) * period + step;
  auto read = [&](AffineExpr e) {
    return split(ir::canonical(e.replace(step, number), extents), dims, extents);
  };
  auto place = read(load.getMap().getResult(0));
  if (!place) return std::nullopt;
  ProductFactor factor;
  factor.load = load;
  AffineExpr zero = getAffineConstantExpr(0, context);
  factor.strides.assign(part.getNumAxes(), zero);
  factor.k_stride = zero;
  for (unsigned d = 0; d < dims.count; d++)
    if (dims.axis[d] >= 0)
      factor.strides[dims.axis[d]] = factor.strides[dims.axis[d]] + place->strides[d];
  factor.start = place->start;
  ProductWindow window;
  window.period = period;
  window.period_stride = place->strides.back();
  window.by_column = ofOne(place->by_column, dims.column, dims.count);
  window.by_step = ofOne(place->by_step, dims.k, dims.count);
  if (!isSmall(window.by_column, columns)) return std::nullopt;
  if (load.getWithin())
    for (AffineExpr e : load.getWithin()->getConstraints()) {
      auto bound = read(e);
      if (!bound || llvm::any_of(bound->strides, [](int64_t s) { return s != 0; }))
        return std::nullopt;
      window.bounds.push_back({ofOne(bound->by_column, dims.column, dims.count),
                               ofOne(bound->by_step, dims.k, dims.count) + bound->start});
      if (!isSmall(window.bounds.back().by_column, columns) ||
          !isSmall(window.bounds.back().by_step, period))
        return std::nullopt;
    }
  factor.window = std::move(window);
  return factor;
}

} // namespace

std::optional<ProductFactor> readWindow(PartOp part, DotOp dot, LoadOp load, int column_axis) {
  Dims dims;
  auto k = dot.getAxis().getConstantExtent();
  if (!k || *k < 1 || !part.getAxis(column_axis).getConstantExtent() ||
      !dims.find(part, dot, load, column_axis))
    return std::nullopt;
  int64_t divisor = divisorOf(load.getMap().getResult(0), dims.k);
  if (load.getWithin())
    for (AffineExpr e : load.getWithin()->getConstraints())
      divisor = std::max(divisor, divisorOf(e, dims.k));
  for (int64_t period : {int64_t(1), divisor, *k})
    if (*k % period == 0)
      if (auto factor = readWith(period, part, dot, load, dims)) return factor;
  return std::nullopt;
}

} // namespace weft::cpu
