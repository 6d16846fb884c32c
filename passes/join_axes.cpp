#include "passes/join_axes.h"

using namespace mlir;

namespace weft {
namespace {

template <class F> bool allAccesses(loom::PartOp part, F holds) {
  auto result = part.walk([&](Operation* op) {
    bool fits = true;
    if (auto load = dyn_cast<loom::LoadOp>(op))
      fits = holds(load.getMap(), load.getIndices());
    else if (auto store = dyn_cast<loom::StoreOp>(op))
      fits = holds(store.getMap(), store.getIndices());
    return fits ? WalkResult::advance() : WalkResult::interrupt();
  });
  return !result.wasInterrupted();
}

// Makes an axis 0 wherever it is an index of an access, and removes it. Nothing else reads it.
void dropAxis(loom::PartOp part, unsigned axis) {
  BlockArgument index = part.getBody().getArgument(axis);
  auto drop = [&](auto op) {
    AffineMap map = op.getMap();
    AffineExpr zero = getAffineConstantExpr(0, map.getContext());
    for (int k = int(op.getIndices().size()) - 1; k >= 0; k--) {
      if (op.getIndices()[k] != index) continue;
      SmallVector<AffineExpr> dims;
      for (int d = 0; d < int(map.getNumDims()); d++)
        dims.push_back(d == k ? zero : getAffineDimExpr(d < k ? d : d - 1, map.getContext()));
      map = AffineMap::get(map.getNumDims() - 1, map.getNumSymbols(),
                           map.getResult(0).replaceDims(dims));
      op.getIndicesMutable().erase(k);
    }
    op.setMap(map);
  };
  for (Operation* user : llvm::to_vector(index.getUsers())) {
    if (auto load = dyn_cast<loom::LoadOp>(user)) drop(load);
    if (auto store = dyn_cast<loom::StoreOp>(user)) drop(store);
  }
  part.getBody().eraseArgument(axis);
  SmallVector<Attribute> axes(part.getAxes().begin(), part.getAxes().end());
  axes.erase(axes.begin() + axis);
  part.setAxesAttr(ArrayAttr::get(part.getContext(), axes));
}

// Says whether accesses alone read an axis: an index is nothing else of theirs.
bool isPlace(BlockArgument index) {
  return llvm::all_of(index.getUsers(), [](Operation* user) {
    auto load = dyn_cast<loom::LoadOp>(user);
    return load ? !load.getWithin() : isa<loom::StoreOp>(user);
  });
}

bool areOne(loom::PartOp part, unsigned axis) {
  auto outer = part.getAxis(axis).getConstantExtent(),
       inner = part.getAxis(axis + 1).getConstantExtent();
  BlockArgument a = part.getBody().getArgument(axis), b = part.getBody().getArgument(axis + 1);
  return outer && inner && isPlace(a) && isPlace(b) &&
         allAccesses(part, [&](AffineMap map, ValueRange indices) {
           auto far = loom::strideAlong(map, indices, a), near = loom::strideAlong(map, indices, b);
           return far && near && *far == *near * *inner;
         });
}

} // namespace

void dropPoint(loom::PartOp part, unsigned axis) {
  BlockArgument index = part.getBody().getArgument(axis);
  OpBuilder builder = OpBuilder::atBlockBegin(&part.getBody().front());
  for (Operation* user : llvm::to_vector(index.getUsers()))
    if (auto number = dyn_cast<arith::IndexCastOp>(user)) {
      builder.setInsertionPoint(number);
      number.getResult().replaceAllUsesWith(arith::ConstantOp::create(
          builder, number.getLoc(), builder.getIntegerAttr(number.getType(), 0)));
      number.erase();
    }
  if (isPlace(index)) dropAxis(part, axis);
}

void joinAxes(loom::PartOp part) {
  for (unsigned axis = part.getNumAxes(); axis-- > 0;)
    if (part.getNumAxes() > 1 && part.getAxis(axis).getConstantExtent() == 1) dropPoint(part, axis);
  for (unsigned axis = part.getNumAxes(); axis-- > 1;) {
    if (!areOne(part, axis - 1)) continue;
    const int64_t extent =
        *part.getAxis(axis - 1).getConstantExtent() * *part.getAxis(axis).getConstantExtent();
    part.setAxis(axis, loom::AxisAttr::get(part.getContext(),
                                           part.getAxis(axis).getName().getValue(), extent));
    dropAxis(part, axis - 1);
  }
}

} // namespace weft
