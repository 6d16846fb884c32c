#include "passes/typical_size.h"

#include "ir/loom/loom.h"
#include "ir/weft/index_math.h"
#include "ir/weft/weft.h"

using namespace mlir;

namespace weft {

std::optional<int64_t> constantOf(AffineExpr e) {
  auto c = dyn_cast<AffineConstantExpr>(e);
  return c ? std::optional(c.getValue()) : std::nullopt;
}

double typicalValue(AffineExpr e) {
  if (auto c = dyn_cast<AffineConstantExpr>(e)) return double(c.getValue());
  SmallVector<AffineExpr> typical(ir::countSymbols(e),
                                  getAffineConstantExpr(kTypicalExtent, e.getContext()));
  auto c = dyn_cast<AffineConstantExpr>(ir::canonical(e.replaceSymbols(typical)));
  return double(c ? c.getValue() : kTypicalExtent);
}

double typicalCount(Value tensor) {
  return typicalValue(ir::countOf(ir::shapeOf(tensor), tensor.getContext()));
}

double typicalBytes(Value tensor) {
  return typicalCount(tensor) * double(loom::elementBytes(ir::elementOf(tensor)));
}

} // namespace weft
