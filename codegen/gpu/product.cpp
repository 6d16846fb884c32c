// Finds rows, columns and batch of a product, and chooses its tile: see product.h.
#include "codegen/gpu/product.h"

#include "ir/weft/index_math.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int64_t kSharedBytes = 32 * 1024; // every device has as much
constexpr int kMatrixBytes = 48 * 1024;     // and this, one with tensor cores
constexpr int kMostStages = 4;
constexpr int64_t kLeastExtent = 16; // of rows and columns, for which a tile pays
constexpr int64_t kLeastSteps = 8;
constexpr int64_t kTypicalExtent = 64;    // assumed for sizes that are arguments
constexpr int64_t kMultiprocessors = 128; // of a large device
// Multiply-adds of a step that take as long as the next stretch of factors is on its way.
constexpr double kLeastWork = 6400;

// What a thread computes, threads along rows and columns, and the share of the multiply-adds in its
// time by an estimate: the wider its tile, the fewer loads from shared memory for each of them.
struct Shape {
  int rows, columns, row_threads, column_threads;
  double share;
};
// Tensor cores read columns of the right factor 16 at a time: half as many are a thread's.
constexpr int kLeastMatrixColumns = 4;
constexpr Shape kShapes[] = {
    {8, 8, 16, 16, 1},   {8, 12, 16, 8, 0.95}, {12, 8, 8, 16, 0.95}, {8, 8, 16, 8, 0.9},
    {8, 8, 8, 16, 0.9},  {8, 4, 16, 16, 0.8},  {4, 8, 16, 16, 0.8},  {4, 4, 16, 16, 0.7},
    {4, 2, 16, 16, 0.5}, {2, 4, 16, 16, 0.5},  {2, 2, 16, 16, 0.35},
};
// Of sizes that are arguments; the second one where other parts are in the block.
constexpr Shape kAnySize = {8, 4, 8, 16, 1}, kAnySizeShared = {4, 4, 16, 16, 1};

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

void setShape(ProductPlan& plan, const Shape& shape) {
  plan.rows.per_thread = shape.rows;
  plan.rows.threads = shape.row_threads;
  plan.columns.per_thread = shape.columns;
  plan.columns.threads = shape.column_threads;
}

// The tile with which the blocks, that many at a time, are done first.
void chooseTile(ProductPlan& plan, bool alone) {
  auto isKnown = [](AffineExpr extent) { return isa<AffineConstantExpr>(extent); };
  setShape(plan, alone ? kAnySize : kAnySizeShared);
  double least = std::numeric_limits<double>::infinity();
  if (isKnown(plan.rows.extent) && isKnown(plan.columns.extent) && isKnown(plan.batches))
    for (const Shape& shape : kShapes) {
      int threads = shape.row_threads * shape.column_threads;
      int rows = shape.rows * shape.row_threads, columns = shape.columns * shape.column_threads;
      if (!alone && threads != kSharedBlockThreads) continue;
      // Chunks of a line change places among a power of two.
      bool hasLines = llvm::isPowerOf2_64(uint64_t(rows)) && llvm::isPowerOf2_64(uint64_t(columns));
      if (plan.matrix_type && (shape.columns < kLeastMatrixColumns || !hasLines)) continue;
      double tiles = double(typical(plan.batches)) *
                     double(ceilDiv(typical(plan.rows.extent), rows)) *
                     double(ceilDiv(typical(plan.columns.extent), columns));
      double work = double(rows) * columns / shape.share;
      double time = std::max(kLeastWork, std::ceil(tiles / double(kMultiprocessors)) * work);
      if (time >= least) continue;
      least = time;
      setShape(plan, shape);
    }
  while (plan.sharedBytes() > kSharedBytes)
    plan.steps /= 2;
}

// The type of a factor that is nothing but a load of 16 bits whose elements lie side by side by
// chunks.
Type narrowType(const ProductSide& side, PartOp part) {
  if (side.ops.size() != 1 || side.wide_loads.size() != 1) return {};
  auto extent = part.getAxis(side.axes.back()).getConstantExtent();
  if (!side.k_fast && side.axes.size() > 1 && *extent % kChunk != 0) return {};
  LoadOp load = side.wide_loads.front();
  Type type = elementType(load.getMemory().getType());
  return side.factor == load.getResult() && (type.isBF16() || type.isF16()) ? type : Type();
}

// From a step of k to the next in memory, where it is always the same.
AffineExpr stepOf(LoadOp load, Value k) {
  AffineMap map = load.getMap();
  AffineExpr next = map.getResult(0);
  for (auto [dim, index] : llvm::enumerate(load.getIndices())) {
    AffineExpr here = getAffineDimExpr(unsigned(dim), map.getContext());
    if (index == k) next = next.replace(here, here + 1);
  }
  AffineExpr step = ir::canonical(next - map.getResult(0));
  return step.isSymbolicOrConstant() ? step : AffineExpr();
}

// Loads of a factor whose elements lie side by side along what threads fetch along. A run of rows
// must not go from one row of its last axis to the next.
void findWideLoads(ProductSide& side, PartOp part, DotOp dot) {
  Value along = side.k_fast ? dot.getIndex() : part.getBody().getArgument(side.axes.back());
  auto extent = part.getAxis(side.axes.back()).getConstantExtent();
  if (!side.k_fast && side.axes.size() > 1 && (!extent || *extent % kRun != 0)) return;
  for (Operation* op : side.ops) {
    auto load = dyn_cast<LoadOp>(op);
    bool isPlain = load && !load.getMask() && !load.getWithin() &&
                   llvm::all_of(load.getIndices(), [](Value i) { return isa<BlockArgument>(i); });
    if (isPlain && strideAlong(load.getMap(), load.getIndices(), along) == 1)
      side.wide_loads.push_back(load);
  }
}

} // namespace

int64_t ProductPlan::sharedBytes() const {
  return 2 * int64_t(steps) * (pitch(rows) + pitch(columns)) * elementBytes(type);
}

int64_t ProductPlan::matrixBytes() const {
  return int64_t(stages()) * (rows.tile() + columns.tile()) * kMatrixSteps * 2;
}

int ProductPlan::stages() const {
  return std::min<int>(kMostStages,
                       kMatrixBytes / ((rows.tile() + columns.tile()) * kMatrixSteps * 2));
}

AffineExpr ProductPlan::blocks() const {
  return batches * rows.extent.ceilDiv(rows.tile()) * columns.extent.ceilDiv(columns.tile());
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

std::optional<ProductPlan> matchProduct(PartOp part, bool alone) {
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
    findWideLoads(*side, part, plan.dot);
    if (typical(side->extent) < kLeastExtent) return {};
  }
  if (typical(plan.depth) < kLeastSteps) return {};
  plan.batches = extentOf(part, plan.batch_axes);
  if (typical(plan.batches) == 0) return {};
  if (Type type = narrowType(plan.rows, part);
      type == narrowType(plan.columns, part) && plan.type.isF32())
    plan.matrix_type = type;
  if (plan.matrix_type)
    for (ProductSide* side : {&plan.rows, &plan.columns})
      side->step = stepOf(side->wide_loads.front(), plan.dot.getIndex());
  chooseTile(plan, alone);
  return plan;
}

} // namespace weft::gpu
