// Chooses how each loom.part runs on a CPU. Expects kernels without a schedule, leaves attributes
// on axes and stores; any outcome computes the same points. For each part:
//   1. Lanes go along the axis of the part, or else along the loops' own axes, that makes accesses
//   contiguous.
//   2. Blocks of lanes: four where a loop accumulates (latency of the addition), else one.
//   3. Chunks: axes are cut from the outermost on until a chunk is worth a thread's while.
//   4. Stores go past the cache where the part's outputs are larger than what the cache could keep.
#include "passes/schedule.h"

#include "ir/loom/loom.h"

using namespace mlir;

namespace weft::loom {
namespace {

// Assumed for sizes that are arguments.
constexpr int64_t kTypicalExtent = 512;
// Work of a chunk, in weighted accesses: some ten microseconds of a core.
constexpr int64_t kChunkWork = 1 << 15;
// Accesses by gather cost this many contiguous ones, for each lane.
constexpr double kGatherCost = 1.5;

int64_t extentOf(AxisAttr axis) { return axis.getConstantExtent().value_or(kTypicalExtent); }

// The change of an access's offset for one step of `axis`; nothing where it is not a constant.
std::optional<int64_t> strideAlong(AffineMap map, ValueRange indices, Value axis) {
  int64_t stride = 0;
  for (auto [dim, index] : llvm::enumerate(indices)) {
    if (index != axis) {
      // Computed indices may depend on anything.
      if (index.getDefiningOp() && map.isFunctionOfDim(dim)) return std::nullopt;
      continue;
    }
    AffineExpr expr = map.getResult(0);
    AffineExpr here = getAffineDimExpr(dim, map.getContext());
    AffineExpr step = simplifyAffineExpr(expr.replace(here, here + 1) - expr, map.getNumDims(),
                                         map.getNumSymbols());
    auto constant = dyn_cast<AffineConstantExpr>(step);
    if (!constant) return std::nullopt;
    stride += constant.getValue();
  }
  return stride;
}

struct Access {
  Operation* op;
  AffineMap map;
  SmallVector<Value> indices;
  bool local;
};

class PartSchedule {
public:
  PartSchedule(PartOp part, const ScheduleTarget& target) : part(part), target(target) {
    part.walk([&](Operation* op) {
      if (auto load = dyn_cast<LoadOp>(op))
        accesses.push_back(
            {op, load.getMap(), load.getIndices(), isa<LocalType>(load.getMemory().getType())});
      else if (auto store = dyn_cast<StoreOp>(op))
        accesses.push_back(
            {op, store.getMap(), store.getIndices(), isa<LocalType>(store.getMemory().getType())});
      else if (isa<LoopOp, DotOp>(op))
        loops.push_back(op);
    });
  }

  void run() {
    chooseLanes();
    chooseChunks();
    chooseStores();
  }

private:
  AxisAttr axisOf(Operation* loop) {
    return isa<LoopOp>(loop) ? cast<LoopOp>(loop).getAxis() : cast<DotOp>(loop).getAxis();
  }
  Value indexOf(Operation* loop) { return loop->getRegion(0).getArgument(0); }
  void setAxis(Operation* loop, AxisAttr axis) {
    if (auto op = dyn_cast<LoopOp>(loop))
      op.setAxisAttr(axis);
    else
      cast<DotOp>(loop).setAxisAttr(axis);
  }
  int lanes() const { return target.vector_bits / 32; }

  // The loops around an access, innermost first.
  SmallVector<Operation*> loopsAround(Operation* op) {
    SmallVector<Operation*> result;
    for (Operation* parent = op->getParentOp(); parent != part; parent = parent->getParentOp())
      if (isa<LoopOp, DotOp>(parent)) result.push_back(parent);
    return result;
  }

  // Cost of one access for a vector's worth of points, with lanes along `index`.
  double vectorCost(const Access& access, Value index, int64_t extent) {
    double fill =
        double(lanes()) / double(std::min<int64_t>(lanes(), std::max<int64_t>(extent, 1)));
    auto stride = strideAlong(access.map, access.indices, index);
    if (!stride) return kGatherCost * lanes();
    if (*stride == 0) return 0.25 * fill;
    return (*stride == 1 || access.local ? 1 : kGatherCost * lanes()) * fill;
  }

  double repeats(const Access& access) {
    double count = 1;
    for (Operation* loop : loopsAround(access.op))
      count *= double(extentOf(axisOf(loop)));
    return count;
  }

  // Cost of a vector's worth of the part's points with lanes along its axis `i`.
  double costAlongAxis(unsigned i) {
    double cost = 0;
    for (const Access& access : accesses)
      cost += repeats(access) *
              vectorCost(access, part.getBody().getArgument(i), extentOf(part.getAxis(i)));
    return cost;
  }

  // The same with lanes along the loops: what stands outside of them is scalar.
  double costAlongLoops() {
    double cost = 0;
    for (const Access& access : accesses) {
      SmallVector<Operation*> around = loopsAround(access.op);
      if (around.empty()) {
        cost += lanes();
        continue;
      }
      // The outermost loop has the lanes; repetitions count whole vectors.
      Operation* outer = around.back();
      cost += repeats(access) * vectorCost(access, indexOf(outer), extentOf(axisOf(outer)));
    }
    return cost;
  }

  void chooseLanes() {
    int best = -1;
    double least = loops.empty() ? std::numeric_limits<double>::infinity() : costAlongLoops();
    // The last of equals: its points lie side by side more often than not.
    for (unsigned i = 0; i < part.getNumAxes(); ++i) {
      double cost = costAlongAxis(i);
      if (cost < least || (cost == least && best >= 0)) {
        least = cost;
        best = i;
      }
    }
    if (best >= 0) {
      int blocks = loops.empty() ? 1 : blocksFor(extentOf(part.getAxis(best)));
      part.setAxis(best, part.getAxis(best).withLanes(true).withUnroll(blocks));
      lane_axis = best;
      return;
    }
    for (Operation* loop : loops) {
      AxisAttr axis = axisOf(loop);
      bool outermost = loop->getParentOp() == part;
      bool accumulates = loop->getNumResults() > 0;
      setAxis(loop, axis.withLanes(outermost).withUnroll(
                        outermost && accumulates ? blocksFor(extentOf(axis)) : 1));
    }
  }

  int blocksFor(int64_t extent) {
    return extent >= 4 * lanes() ? 4 : extent >= 2 * lanes() ? 2 : 1;
  }

  // Weighted accesses and arithmetic of one point.
  double workOfPoint() {
    double work = 0;
    for (const Access& access : accesses)
      work += repeats(access);
    part.walk([&](Operation* op) {
      if (!isa<LoadOp, StoreOp, LoopOp, DotOp, YieldOp, PartOp, arith::ConstantOp>(op))
        work += repeats({op, {}, {}, false}) / 8;
    });
    return std::max(work, 1.0);
  }

  void chooseChunks() {
    // Points that stay together in a chunk, counted from the axis that runs fastest.
    double points = std::max(1.0, double(kChunkWork) / workOfPoint());
    SmallVector<int> order; // outermost first
    for (int i = 0; i < int(part.getNumAxes()); ++i)
      if (i != lane_axis) order.push_back(i);
    if (lane_axis >= 0) order.push_back(lane_axis);
    double inside = 1;
    for (int i : llvm::reverse(order)) {
      AxisAttr axis = part.getAxis(i);
      int64_t extent = extentOf(axis);
      bool known = axis.getConstantExtent().has_value();
      // Rows of which a part fills a chunk are cut; a lane axis only in multiples of the widest
      // vector.
      int64_t unit = i == lane_axis ? target.vector_bits : 1;
      if (known && inside * double(extent) <= points) {
        inside *= double(extent);
        continue;
      }
      int64_t length = std::max<int64_t>(1, int64_t(points / inside));
      length = (length + unit - 1) / unit * unit;
      if (known) {
        // Equal pieces rather than a small last one.
        int64_t pieces = (extent + length - 1) / length;
        length = std::min(length, ((extent + pieces - 1) / pieces + unit - 1) / unit * unit);
        if (length >= extent) {
          inside *= double(extent);
          continue;
        }
      }
      part.setAxis(i, axis.withChunk(length));
      inside *= double(std::min(length, extent));
    }
  }

  // Extents of all axes an access depends on, times the element's size.
  double footprint(const Access& access, Type memory) {
    double elements = 1;
    for (unsigned i = 0; i < part.getNumAxes(); ++i)
      if (llvm::is_contained(access.indices, part.getBody().getArgument(i)))
        elements *= double(extentOf(part.getAxis(i)));
    for (Operation* loop : loopsAround(access.op))
      if (llvm::is_contained(access.indices, indexOf(loop)))
        elements *= double(extentOf(axisOf(loop)));
    return elements * double(elementBytes(elementType(memory)));
  }

  // A store goes past the cache if the part's outputs fill half of it and nothing here reads them
  // back.
  void chooseStores() {
    double written = 0;
    llvm::SmallPtrSet<Value, 4> read;
    for (const Access& access : accesses) {
      if (auto store = dyn_cast<StoreOp>(access.op); store && !access.local)
        written += footprint(access, store.getMemory().getType());
      else if (auto load = dyn_cast<LoadOp>(access.op))
        read.insert(load.getMemory());
    }
    bool large = written >= double(target.cache_bytes) / 2;
    for (const Access& access : accesses) {
      auto store = dyn_cast<StoreOp>(access.op);
      if (!store || access.local) continue;
      Value index;
      if (lane_axis >= 0)
        index = part.getBody().getArgument(lane_axis);
      else if (SmallVector<Operation*> around = loopsAround(access.op); around.size() == 1)
        index = indexOf(around[0]);
      bool contiguous = index && strideAlong(access.map, access.indices, index) == 1;
      store.setNontemporal(large && contiguous && !store.getMask() &&
                           !read.count(store.getMemory()));
    }
  }

  PartOp part;
  const ScheduleTarget& target;
  SmallVector<Access> accesses;
  SmallVector<Operation*> loops;
  int lane_axis = -1;
};

class SchedulePass : public PassWrapper<SchedulePass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedulePass)
  SchedulePass() = default;
  explicit SchedulePass(const ScheduleTarget& target) {
    vector_bits = target.vector_bits;
    cache_bytes = target.cache_bytes;
  }
  SchedulePass(const SchedulePass& other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "loom-schedule"; }
  StringRef getDescription() const final {
    return "Chooses lanes, unrolling, chunks and nontemporal stores of loom kernels";
  }
  void runOnOperation() override {
    ScheduleTarget target{vector_bits, cache_bytes};
    for (KernelOp kernel : getOperation().getOps<KernelOp>())
      scheduleKernel(kernel, target);
  }

private:
  Option<int> vector_bits{*this, "vector-bits", llvm::cl::desc("Width of a vector register"),
                          llvm::cl::init(512)};
  Option<int64_t> cache_bytes{*this, "cache-bytes", llvm::cl::desc("Size of the last cache"),
                              llvm::cl::init(32 << 20)};
};

} // namespace

void scheduleKernel(KernelOp kernel, const ScheduleTarget& target) {
  for (PartOp part : kernel.getParts())
    PartSchedule(part, target).run();
}

std::unique_ptr<Pass> createSchedulePass(const ScheduleTarget& target) {
  return std::make_unique<SchedulePass>(target);
}

} // namespace weft::loom
