// Plans a kernel: see plan.h.
#include "codegen/gpu/plan.h"

#include "codegen/gpu/row.h"
#include "codegen/gpu/scalar_ops.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int kPointThreads = kSharedBlockThreads; // of a block whose threads have a point each
constexpr int kFewest = kWarp, kMost = 256;        // threads that share a loop
constexpr int64_t kLoopPointsPerThread = 4; // iterations that make another thread worth its while
constexpr int64_t kFewPoints = 1 << 15, kLongSum = 128;
constexpr int64_t kManyPoints = 1 << 15;    // of which runs leave enough threads
constexpr int64_t kOwnBytes = 2048;         // of arrays of a thread
constexpr int64_t kSharedBytes = 32 * 1024; // every device has as much

AffineExpr constant(MLIRContext* context, int64_t value) {
  return getAffineConstantExpr(value, context);
}

std::optional<int64_t> constantOf(AffineExpr expr) {
  auto fixed = dyn_cast<AffineConstantExpr>(expr);
  return fixed ? std::optional(fixed.getValue()) : std::nullopt;
}

int64_t aligned(int64_t bytes) { return (bytes + 15) / 16 * 16; }

// Whether a thread a point would leave most of a large device idle, over long sums.
bool hasFewSums(const PartPlan& plan) {
  if (!isProduct(plan.part)) return false;
  PartOp part = plan.part;
  DotOp dot = *part.getBody().front().getOps<DotOp>().begin();
  auto points = constantOf(plan.points), depth = dot.getAxis().getConstantExtent();
  return points && depth && *points <= kFewPoints && *depth >= kLongSum;
}

void countPoints(PartPlan& plan) {
  plan.points = constant(plan.part->getContext(), 1);
  for (unsigned i : plan.axes)
    plan.points = plan.points * plan.extentOf(i);
}

// A thread takes a run of points where they are many, or unknown, and nothing but scalar ops.
void findWidePoints(PartPlan& plan) {
  PartOp part = plan.part;
  Block& body = part.getBody().front();
  if (!plan.point_per_thread || plan.product || plan.axes.empty()) return;
  if (!body.getOps<LocalOp>().empty()) return;
  if (auto points = constantOf(plan.points); points && *points < kManyPoints) return;
  unsigned last = plan.axes.back();
  plan.wide_points = findWide(body, body.getArgument(last), plan.extentOf(last));
  countPoints(plan);
}

PartPlan mapAxes(PartOp part, bool alone) {
  PartPlan plan;
  plan.part = part;
  int lane_axis = -1;
  bool loop_lanes = false;
  for (unsigned i = 0; i < part.getNumAxes(); ++i)
    if (part.getAxis(i).getLanes()) lane_axis = int(i);
  part.walk([&](Operation* op) {
    if (auto axis = axisOf(op)) loop_lanes |= axis->getLanes();
  });
  plan.point_per_thread = lane_axis >= 0 || !loop_lanes;
  for (unsigned i = 0; i < part.getNumAxes(); ++i)
    if (int(i) != lane_axis) plan.axes.push_back(i);
  if (lane_axis >= 0) plan.axes.push_back(unsigned(lane_axis));
  countPoints(plan);
  plan.product = matchProduct(part, alone);
  plan.shares_dot = !plan.product && hasFewSums(plan);
  if (plan.product) plan.point_per_thread = true;
  if (plan.shares_dot) plan.point_per_thread = false;
  findWideLoops(plan);
  findWidePoints(plan);
  return plan;
}

// Threads for the longest loop that a block shares.
int threadsFor(const PartPlan& plan, bool alone) {
  if (plan.product) return plan.product->threads();
  if (plan.point_per_thread) return kPointThreads;
  int threads = kFewest;
  PartOp part = plan.part;
  part.walk([&](Operation* op) {
    if (!runsAlongThreads(op, plan)) return;
    int64_t each = plan.wide_loops.contains(op) ? kRowPerThread : kLoopPointsPerThread;
    int64_t extent = axisOf(op)->getConstantExtent().value_or(kMost * each);
    while (threads < kMost && threads * each < extent)
      threads *= 2;
  });
  return alone ? std::max(threads, threadsToKeepRow(plan)) : threads;
}

// Shared memory starts with what the part's reductions need, two at a time.
int64_t treeBytes(const PartPlan& plan, int threads) {
  int64_t most = 0;
  PartOp part = plan.part;
  part.walk([&](Operation* op) {
    if (!runsAlongThreads(op, plan)) return;
    int64_t bytes = 0;
    for (Type type : op->getResultTypes())
      bytes += gpu::treeBytes(type, threads);
    most = std::max(most, bytes);
  });
  return most;
}

// Fewer threads where the sums of many reductions would not fit.
void fitTrees(KernelPlan& kernel) {
  for (const PartPlan& part : kernel.parts)
    if (part.product) return; // whose number of threads is its own
  for (const PartPlan& part : kernel.parts)
    while (kernel.threads > kFewest && 2 * treeBytes(part, kernel.threads) > kSharedBytes)
      kernel.threads /= 2;
}

// Returns the bytes of scratch memory of a block.
AffineExpr placeLocals(PartPlan& plan, KernelPlan& kernel) {
  PartOp part = plan.part;
  plan.tree_bytes = treeBytes(plan, kernel.threads);
  int64_t own = 0, shared = 2 * plan.tree_bytes;
  AffineExpr scratch = constant(part.getContext(), 0);
  for (LocalOp local : part.getBody().front().getOps<LocalOp>()) {
    AffineExpr extent = local.getExtent().getResult(0);
    AffineExpr bytes = extent * elementBytes(elementType(local.getType()));
    auto fixed = constantOf(bytes);
    LocalPlace place{local, LocalPlace::Space::scratch, shared, scratch, extent};
    if (isKept(local, plan)) {
      place.space = LocalPlace::Space::kept;
    } else if (plan.point_per_thread && fixed && own + *fixed <= kOwnBytes) {
      place.space = LocalPlace::Space::own;
      own += *fixed;
    } else if (!plan.point_per_thread && fixed && shared + *fixed <= kSharedBytes) {
      place.space = LocalPlace::Space::shared;
      shared += std::max<int64_t>(16, aligned(*fixed));
    } else {
      int64_t copies = plan.point_per_thread ? kernel.threads : 1;
      scratch = scratch + (bytes * copies).ceilDiv(64) * 64;
    }
    plan.locals.push_back(place);
  }
  kernel.shared_bytes = std::max(kernel.shared_bytes, shared);
  return scratch;
}

} // namespace

AffineExpr PartPlan::extentOf(unsigned axis) const {
  PartOp whole = part;
  AffineExpr extent = whole.getAxis(axis).getExtent().getResult(0);
  return wide_points && axis == axes.back() ? extent.ceilDiv(kRun) : extent;
}

std::optional<AxisAttr> axisOf(Operation* loop) {
  if (auto op = dyn_cast<LoopOp>(loop)) return op.getAxis();
  if (auto op = dyn_cast<WalkOp>(loop)) return op.getAxis();
  if (auto op = dyn_cast<DotOp>(loop)) return op.getAxis();
  return std::nullopt;
}

bool runsAlongThreads(Operation* loop, const PartPlan& plan) {
  auto axis = axisOf(loop);
  if (plan.point_per_thread || !axis) return false;
  if (isa<DotOp>(loop) && plan.shares_dot) return true;
  if (!axis->getLanes()) return false;
  // Inside a loop that threads share, everything is a thread's own.
  for (Operation* parent = loop->getParentOp(); axisOf(parent); parent = parent->getParentOp())
    if (axisOf(parent)->getLanes()) return false;
  return true;
}

int64_t treeBytes(Type type, int threads) { return aligned(elementBytes(type) * threads); }

KernelPlan planPhase(ArrayRef<PartOp> phase) {
  MLIRContext* context = phase.front()->getContext();
  KernelPlan plan;
  bool alone = phase.size() == 1;
  for (PartOp part : phase)
    plan.parts.push_back(mapAxes(part, alone));
  for (const PartPlan& part : plan.parts)
    plan.threads = std::max(plan.threads, threadsFor(part, alone));
  fitTrees(plan);
  plan.blocks = plan.scratch_bytes = constant(context, 0);
  for (PartPlan& part : plan.parts) {
    chooseRuns(part, plan.threads);
    part.blocks = part.product            ? part.product->blocks()
                  : part.point_per_thread ? part.points.ceilDiv(plan.threads)
                                          : part.points;
    if (part.product) plan.shared_bytes = std::max(plan.shared_bytes, part.product->sharedBytes());
    if (part.product && part.product->matrix_type)
      plan.matrix_bytes = std::max(plan.matrix_bytes, part.product->matrixBytes());
    plan.blocks = plan.blocks + part.blocks;
    // Blocks do their parts one after another; the sum is an upper bound where sizes are unknown.
    AffineExpr scratch = placeLocals(part, plan);
    auto most = constantOf(plan.scratch_bytes), more = constantOf(scratch);
    plan.scratch_bytes =
        most && more ? constant(context, std::max(*most, *more)) : plan.scratch_bytes + scratch;
  }
  plan.strided = constantOf(plan.scratch_bytes) != 0;
  return plan;
}

llvm::Error checkKernel(KernelOp kernel) {
  Operation* refused = nullptr;
  kernel.walk([&](Operation* op) {
    bool known = isa<KernelOp, PartOp, BarrierOp, LoopOp, WalkOp, DotOp, YieldOp, LocalOp, LoadOp,
                     StoreOp, RequireOp>(op);
    if (auto value = dyn_cast<arith::ConstantOp>(op))
      known = isa<IntegerAttr, FloatAttr>(value.getValue());
    if (known || isScalarOp(op)) return WalkResult::advance();
    refused = op;
    return WalkResult::interrupt();
  });
  if (!refused) return llvm::Error::success();
  return llvm::createStringError("loom.kernel @" + kernel.getSymName() +
                                 ": ops must have a row in the device emitter's table, got " +
                                 refused->getName().getStringRef());
}

} // namespace weft::gpu
