// Plans a kernel: see plan.h.
#include "codegen/gpu/plan.h"

#include "codegen/gpu/scalar_ops.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int kPointThreads = 256; // of a block whose threads have a point each
static_assert(kPointThreads == kProductThreads * kProductThreads);
constexpr int kFewest = 32, kMost = 256;    // threads that share a loop
constexpr int64_t kLoopPointsPerThread = 4; // iterations that make another thread worth its while
constexpr int64_t kFewPoints = 1 << 15, kLongSum = 128;
constexpr int64_t kOwnBytes = 2048;         // of arrays of a thread
constexpr int64_t kSharedBytes = 32 * 1024; // every device has as much

AffineExpr constant(MLIRContext* context, int64_t value) {
  return getAffineConstantExpr(value, context);
}

std::optional<int64_t> constantOf(AffineExpr expr) {
  auto fixed = dyn_cast<AffineConstantExpr>(expr);
  return fixed ? std::optional(fixed.getValue()) : std::nullopt;
}

int64_t aligned(int64_t bytes) { return (bytes + 7) / 8 * 8; }

// Whether a thread a point would leave most of a large device idle, over long sums.
bool hasFewSums(const PartPlan& plan) {
  if (!isProduct(plan.part)) return false;
  PartOp part = plan.part;
  DotOp dot = *part.getBody().front().getOps<DotOp>().begin();
  auto points = constantOf(plan.points), depth = dot.getAxis().getConstantExtent();
  return points && depth && *points <= kFewPoints && *depth >= kLongSum;
}

PartPlan mapAxes(PartOp part) {
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
  plan.points = constant(part.getContext(), 1);
  for (unsigned i : plan.axes)
    plan.points = plan.points * part.getAxis(i).getExtent().getResult(0);
  plan.product = matchProduct(part);
  plan.shares_dot = !plan.product && hasFewSums(plan);
  if (plan.product) plan.point_per_thread = true;
  if (plan.shares_dot) plan.point_per_thread = false;
  return plan;
}

// Threads for the longest loop that a block shares.
int threadsFor(const PartPlan& plan) {
  if (plan.point_per_thread) return kPointThreads;
  int threads = kFewest;
  PartOp part = plan.part;
  part.walk([&](Operation* op) {
    if (!runsAlongThreads(op, plan)) return;
    int64_t extent = axisOf(op)->getConstantExtent().value_or(kMost * kLoopPointsPerThread);
    while (threads < kMost && int64_t(threads) * kLoopPointsPerThread < extent)
      threads *= 2;
  });
  return threads;
}

// Shared memory starts with what the part's reductions need, one at a time.
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

// Returns the bytes of scratch memory of a block.
AffineExpr placeLocals(PartPlan& plan, KernelPlan& kernel) {
  PartOp part = plan.part;
  int64_t own = 0, shared = treeBytes(plan, kernel.threads);
  AffineExpr scratch = constant(part.getContext(), 0);
  for (LocalOp local : part.getBody().front().getOps<LocalOp>()) {
    AffineExpr extent = local.getExtent().getResult(0);
    AffineExpr bytes = extent * elementBytes(elementType(local.getType()));
    auto fixed = constantOf(bytes);
    LocalPlace place{local, LocalPlace::Space::scratch, shared, scratch, extent};
    if (plan.point_per_thread && fixed && own + *fixed <= kOwnBytes) {
      place.space = LocalPlace::Space::own;
      own += *fixed;
    } else if (!plan.point_per_thread && fixed && shared + *fixed <= kSharedBytes) {
      place.space = LocalPlace::Space::shared;
      shared += std::max<int64_t>(8, aligned(*fixed));
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

std::optional<AxisAttr> axisOf(Operation* loop) {
  if (auto op = dyn_cast<LoopOp>(loop)) return op.getAxis();
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
  for (PartOp part : phase)
    plan.parts.push_back(mapAxes(part));
  for (const PartPlan& part : plan.parts)
    plan.threads = std::max(plan.threads, threadsFor(part));
  plan.blocks = plan.scratch_bytes = constant(context, 0);
  for (PartPlan& part : plan.parts) {
    part.blocks = part.product            ? part.product->blocks()
                  : part.point_per_thread ? part.points.ceilDiv(plan.threads)
                                          : part.points;
    if (part.product) plan.shared_bytes = std::max(plan.shared_bytes, part.product->sharedBytes());
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
    bool known = isa<KernelOp, PartOp, BarrierOp, LoopOp, DotOp, YieldOp, LocalOp, LoadOp, StoreOp,
                     RequireOp>(op);
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
