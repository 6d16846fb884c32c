// Which accesses of a body a thread may do by runs: see wide.h.
#include "codegen/gpu/wide.h"

#include "ir/weft/index_math.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

// The step of an access from one iteration to the next, where it is 1 or a size that may be.
template <class Access> std::optional<AffineExpr> stepOf(Access op, Value index, Block& body) {
  auto others = [&](Value other) { return other == index || isOutside(other, body); };
  auto here = llvm::find(op.getIndices(), index);
  if (op.getMask() || here == op.getIndices().end() || !llvm::all_of(op.getIndices(), others))
    return {};
  if (strideAlong(op.getMap(), op.getIndices(), index) == 1) return AffineExpr();
  AffineMap map = op.getMap();
  AffineExpr dim = getAffineDimExpr(unsigned(here - op.getIndices().begin()), map.getContext());
  AffineExpr step = ir::canonical(map.getResult(0).replace(dim, dim + 1) - map.getResult(0));
  if (llvm::count(op.getIndices(), index) > 1 || !isa<AffineSymbolExpr>(step)) return {};
  return step;
}

} // namespace

bool isOutside(Value value, Block& body) {
  Operation* op = value.getDefiningOp();
  return !op || op->getBlock() != &body;
}

bool WideBody::hasWholeRuns() const {
  auto fixed = dyn_cast<AffineConstantExpr>(extent);
  return fixed && fixed.getValue() % kRun == 0;
}

int elementsOfAccess(Type element) { return elementBytes(element) == 8 ? 2 : 4; }

std::optional<WideBody> findWide(Block& body, Value index, AffineExpr extent) {
  WideBody wide{&body, index, extent, {}, {}};
  auto fixed = dyn_cast<AffineConstantExpr>(extent);
  if (fixed && (fixed.getValue() == 0 || !wide.hasWholeRuns())) return {};
  bool stored = false, ordered = true;
  for (Operation& op : body) {
    if (op.getNumRegions() > 0) return {};
    if (auto load = dyn_cast<LoadOp>(op)) {
      ordered &= !stored;
      if (!ordered || load.getWithin()) continue;
      if (auto step = stepOf(load, index, body)) wide.loads.push_back({load, *step});
    } else if (auto store = dyn_cast<StoreOp>(op)) {
      stored = true;
      wide.stores.push_back(store);
    }
  }
  // Stores stay in order among themselves.
  auto isContiguous = [&](StoreOp op) {
    auto step = stepOf(op, index, body);
    return step && !*step;
  };
  if (!ordered || !llvm::all_of(wide.stores, isContiguous)) wide.stores.clear();
  if (wide.loads.empty() && wide.stores.empty()) return {};
  return wide;
}

} // namespace weft::gpu
