// Finds rows, columns and batch of a product, and chooses its tile: see product.h.
#include "codegen/gpu/product.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int64_t kSharedBytes = 32 * 1024; // every device has as much
constexpr int64_t kLeastExtent = 16;        // of rows and columns, for which a tile pays
constexpr int64_t kLeastSteps = 8;
constexpr int64_t kTypicalExtent = 64;    // assumed for sizes that are arguments
constexpr int kPerThreadOfAnySize = 4;    // rows and columns, where sizes are arguments
constexpr int64_t kMultiprocessors = 128; // of a large device

// What a thread computes, and the share of the multiply-adds in its time by an estimate: the wider
// its tile, the fewer loads from shared memory for each of them.
struct Shape {
  int rows, columns;
  double share;
};
constexpr Shape kShapes[] = {
    {8, 8, 1}, {8, 4, 0.9}, {4, 8, 0.9}, {4, 4, 0.75}, {4, 2, 0.55}, {2, 4, 0.55}, {2, 2, 0.4},
};

// The ops inside the part that a value is computed by, in order, and the axes that it depends on.
struct Slice {
  PartOp part;
  DotOp dot;
  llvm::SetVector<Operation*> ops;
  std::vector<bool> axes;
  bool pure = true;

  Slice(PartOp part, DotOp dot) : part(part), dot(dot), axes(part.getNumAxes()) {}

  void add(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (argument.getOwner() == &part.getBody().front()) axes[argument.getArgNumber()] = true;
      return;
    }
    Operation* op = value.getDefiningOp();
    if (!part->isProperAncestor(op) || ops.contains(op)) return;
    if (op->getNumRegions() > 0) {
      pure = false;
      return;
    }
    for (Value operand : op->getOperands())
      add(operand);
    ops.insert(op);
  }
};

// Threads that lie side by side fetch along k, or along the fastest axis: where some load is
// contiguous.
bool isContiguousAlongK(const ProductSide& side, PartOp part, DotOp dot) {
  Value fastest = part.getBody().getArgument(side.axes.back());
  for (Operation* op : side.ops)
    if (auto load = dyn_cast<LoadOp>(op)) {
      if (strideAlong(load.getMap(), load.getIndices(), dot.getIndex()) == 1) return true;
      if (strideAlong(load.getMap(), load.getIndices(), fastest) == 1) return false;
    }
  return true;
}

AffineExpr extentOf(PartOp part, ArrayRef<unsigned> axes) {
  AffineExpr extent = getAffineConstantExpr(1, part.getContext());
  for (unsigned axis : axes)
    extent = extent * part.getAxis(axis).getExtent().getResult(0);
  return extent;
}

int64_t typical(AffineExpr extent) {
  auto fixed = dyn_cast<AffineConstantExpr>(extent);
  return fixed ? fixed.getValue() : kTypicalExtent;
}

int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

// The tile with which the blocks, that many at a time, are done first.
void chooseTile(ProductPlan& plan) {
  auto isKnown = [](AffineExpr extent) { return isa<AffineConstantExpr>(extent); };
  plan.rows.per_thread = plan.columns.per_thread = kPerThreadOfAnySize;
  double least = std::numeric_limits<double>::infinity();
  if (isKnown(plan.rows.extent) && isKnown(plan.columns.extent) && isKnown(plan.batches))
    for (const Shape& shape : kShapes) {
      double tiles = double(typical(plan.batches)) *
                     double(ceilDiv(typical(plan.rows.extent), shape.rows * kProductThreads)) *
                     double(ceilDiv(typical(plan.columns.extent), shape.columns * kProductThreads));
      double time =
          std::ceil(tiles / double(kMultiprocessors)) * shape.rows * shape.columns / shape.share;
      if (time >= least) continue;
      least = time;
      plan.rows.per_thread = shape.rows;
      plan.columns.per_thread = shape.columns;
    }
  while (plan.sharedBytes() > kSharedBytes)
    plan.steps /= 2;
}

} // namespace

int ProductPlan::tile(const ProductSide& side) const { return side.per_thread * kProductThreads; }

int64_t ProductPlan::sharedBytes() const {
  return int64_t(2) * steps * (pitch(rows) + pitch(columns)) * elementBytes(type);
}

AffineExpr ProductPlan::blocks() const {
  return batches * rows.extent.ceilDiv(tile(rows)) * columns.extent.ceilDiv(tile(columns));
}

bool isProduct(PartOp part) {
  int dots = 0;
  for (Operation& op : part.getBody().front()) {
    if (auto dot = dyn_cast<DotOp>(op)) {
      ++dots;
      for (Operation& inner : dot.getBody().front())
        if (inner.getNumRegions() > 0 || isa<StoreOp, RequireOp>(inner)) return false;
    } else if (isa<LoopOp, LocalOp>(op)) {
      return false;
    }
  }
  return dots == 1;
}

std::optional<ProductPlan> matchProduct(PartOp part) {
  if (!isProduct(part)) return {};
  ProductPlan plan;
  plan.dot = *part.getBody().front().getOps<DotOp>().begin();
  if (!isa<FloatType>(plan.dot.getType())) return {};
  plan.type = plan.dot.getType();
  plan.depth = plan.dot.getAxis().getExtent().getResult(0);
  Slice lhs(part, plan.dot), rhs(part, plan.dot);
  lhs.add(plan.dot.getLhs());
  rhs.add(plan.dot.getRhs());
  if (!lhs.pure || !rhs.pure) return {};
  plan.rows.factor = plan.dot.getLhs();
  plan.columns.factor = plan.dot.getRhs();
  // Results lie side by side along the last axis more often than not: that one is a column's.
  for (unsigned i = part.getNumAxes(); i-- > 0;) {
    if (lhs.axes[i] == rhs.axes[i]) continue;
    if (lhs.axes[i]) {
      std::swap(lhs, rhs);
      std::swap(plan.rows.factor, plan.columns.factor);
    }
    break;
  }
  for (unsigned i = 0; i < part.getNumAxes(); ++i)
    (lhs.axes[i] == rhs.axes[i] ? plan.batch_axes
     : lhs.axes[i]              ? plan.rows.axes
                                : plan.columns.axes)
        .push_back(i);
  if (plan.rows.axes.empty() || plan.columns.axes.empty()) return {};
  for (auto [side, slice] : {std::pair(&plan.rows, &lhs), std::pair(&plan.columns, &rhs)}) {
    side->ops.assign(slice->ops.begin(), slice->ops.end());
    side->extent = extentOf(part, side->axes);
    side->k_fast = isContiguousAlongK(*side, part, plan.dot);
    if (typical(side->extent) < kLeastExtent) return {};
  }
  if (typical(plan.depth) < kLeastSteps) return {};
  plan.batches = extentOf(part, plan.batch_axes);
  if (typical(plan.batches) == 0) return {};
  chooseTile(plan);
  return plan;
}

} // namespace weft::gpu
