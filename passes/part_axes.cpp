#include "passes/part_axes.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {

AffineMap sizeMap(AffineExpr e) { return AffineMap::get(0, ir::countSymbols(e), e); }

PartAxes::PartAxes(const Part& part, ArrayRef<AffineExpr> used, ArrayRef<AffineExpr> windows)
    : part(part), dims(part.ranges().size()) {
  context = part.outputs.front().getContext();
  for (unsigned k = 0; k < part.extents.size(); k++) {
    bool folded = part.reduced[k];
    // A product keeps its columns apart.
    bool isKept = part.product && k == part.firstColumn;
    bool isWindowed = part.product && k > part.firstColumn && !windows.empty();
    bool isAlike = !runs.empty() && runs.back().folded == folded && !isKept;
    auto isRun = [&](AffineExpr e) { return runsOver(e, k); };
    bool isOne = isAlike && llvm::all_of(used, isRun) && llvm::all_of(windows, isRun);
    if (isOne || (isAlike && isWindowed)) {
      runs.back().last = k;
      runs.back().isDivided |= !isOne;
      runs.back().extent = ir::canonical(runs.back().extent * part.extents[k]);
    } else {
      runs.push_back({k, k, folded, part.extents[k], false, -1, {}});
    }
  }
  unsigned behind = part.extents.size();
  inner = {behind, behind, true, part.inner, false, -1, {}};
}

// Says whether axes k - 1 and k enter as d(k - 1) * extent(k) + d(k) only.
bool PartAxes::runsOver(AffineExpr e, unsigned k) const {
  bool isDivided = false;
  e.walk([&](AffineExpr x) {
    bool divides = x.getKind() == AffineExprKind::FloorDiv || x.getKind() == AffineExprKind::Mod ||
                   x.getKind() == AffineExprKind::CeilDiv;
    isDivided |= divides && (x.isFunctionOfDim(k) || x.isFunctionOfDim(k - 1));
  });
  if (isDivided) return false;
  // Linear in both, so comparing the terms of each is enough.
  SmallVector<AffineExpr> none(dims, getAffineConstantExpr(0, context));
  SmallVector<AffineExpr> onlyInner(none), onlyOuter(none);
  AffineExpr outer = getAffineDimExpr(k - 1, context);
  onlyInner[k] = outer * part.extents[k];
  onlyOuter[k - 1] = outer;
  AffineExpr base = e.replaceDims(none);
  return ir::canonical(e.replaceDims(onlyInner) - base) ==
         ir::canonical(e.replaceDims(onlyOuter) - base);
}

PartAxes::Run& PartAxes::runOf(unsigned axis) {
  for (Run& run : runs)
    if (run.first <= axis && axis <= run.last) return run;
  return inner;
}

AffineExpr PartAxes::joined(AffineExpr e) const {
  SmallVector<AffineExpr> replacements;
  for (unsigned k = 0; k < dims; k++)
    replacements.push_back(getAffineDimExpr(k, context));
  for (const Run& run : runs) {
    bool isOne = true;
    for (unsigned k = run.first + 1; run.isDivided && k <= run.last; k++)
      isOne &= runsOver(e, k);
    AffineExpr number = getAffineDimExpr(run.last, context);
    for (unsigned k = run.last; !isOne && k > run.first; k--) {
      replacements[k] = number % part.extents[k];
      number = number.floorDiv(part.extents[k]);
    }
    if (run.first < run.last)
      replacements[run.first] = isOne ? getAffineConstantExpr(0, context) : number;
    for (unsigned k = run.first + 1; isOne && k < run.last; k++)
      replacements[k] = getAffineConstantExpr(0, context);
  }
  return ir::canonical(e.replaceDims(replacements));
}

int PartAxes::depthOf(ArrayRef<AffineExpr> exprs) {
  int depth = 0;
  for (unsigned k = 0; k < part.firstFoundDim(); k++)
    if (llvm::any_of(exprs, [&](AffineExpr e) { return e.isFunctionOfDim(k); }))
      depth = std::max(depth, runOf(k).depth);
  return depth;
}

loom::AxisAttr PartAxes::attributeOf(const Run& run) const {
  std::string name = run.first == part.extents.size() ? "k" : "d" + std::to_string(run.first);
  return loom::AxisAttr::get(context, name, sizeMap(run.extent));
}

AffineExpr PartAxes::foldedCount() const {
  AffineExpr count = getAffineConstantExpr(1, context);
  for (unsigned k = 0; k < part.extents.size(); k++)
    if (part.reduced[k]) count = count * part.extents[k];
  return ir::canonical(count);
}

AffineExpr PartAxes::foldedNumber() const {
  AffineExpr number = getAffineConstantExpr(0, context);
  for (unsigned k = 0; k < part.extents.size(); k++)
    if (part.reduced[k]) number = number * part.extents[k] + getAffineDimExpr(k, context);
  return ir::canonical(number);
}

} // namespace weft
