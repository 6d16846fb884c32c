// Chooses how each loom.part runs on a CPU. Expects kernels without a schedule, leaves attributes
// on axes and stores; any outcome computes the same points. For each part:
//   1. Lanes go along the axis of the part, or else along the outermost or the innermost loops' own
//   axes, that makes accesses contiguous.
//   2. Blocks of lanes: several where a loop accumulates or a point is a long chain (latency of the
//   arithmetic), else one.
//   3. Chunks: axes are cut from the outermost on until a chunk is worth a thread's while.
//   4. Stores go past the cache where the part's outputs are larger than what the cache could keep.
#include "passes/schedule.h"

#include "ir/loom/loom.h"
#include "ir/loom/near.h"
#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft::loom {
namespace {

// Assumed for sizes that are arguments.
constexpr int64_t kTypicalExtent = 512;
// Work of a chunk, in weighted accesses: some ten microseconds of a core.
constexpr int64_t kChunkWork = 1 << 15;
// Points of a chunk where a point is a loop of unknown length: it may be all of the work.
constexpr int64_t kUnknownPoints = 2;
// Points of a tile that is gathered: along the lanes, and along the axis where memory is
// contiguous.
constexpr int64_t kTileLanes = 32, kTilePoints = 64;
// Accesses by gather cost this many contiguous ones, for each lane.
constexpr double kGatherCost = 1.5;
// What the lanes of a loop's accumulators join to one costs, in contiguous ones.
constexpr double kJoinCost = 16;

int64_t extentOf(AxisAttr axis) { return axis.getConstantExtent().value_or(kTypicalExtent); }

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

  // The step from lane to lane along `index`, the same in every vector where lanes begin at
  // multiples of their number, so that divisions by multiples of it are the same in all lanes.
  std::optional<int64_t> laneStride(const Access& access, Value index) {
    if (auto stride = strideAlong(access.map, access.indices, index)) return stride;
    auto place = llvm::find(access.indices, index);
    bool isAffine = llvm::count(access.indices, index) == 1 &&
                    llvm::all_of(access.indices, [](Value i) { return isa<BlockArgument>(i); });
    if (!isAffine) return {};
    MLIRContext* context = part.getContext();
    unsigned dims = access.map.getNumDims();
    AffineExpr vector = getAffineDimExpr(dims, context), lane = getAffineDimExpr(dims + 1, context);
    SmallVector<AffineExpr> ranges(dims + 1, getAffineConstantExpr(1 << 20, context));
    ranges.push_back(getAffineConstantExpr(lanes(), context));
    AffineExpr here = getAffineDimExpr(place - access.indices.begin(), context);
    AffineExpr offset = access.map.getResult(0), first = vector * lanes();
    AffineExpr step = ir::canonical(offset.replace(here, first + lane), ranges) -
                      ir::canonical(offset.replace(here, first), ranges);
    for (int64_t stride : {0, 1})
      if (ir::canonical(step - lane * stride, ranges) == getAffineConstantExpr(0, context))
        return stride;
    return {};
  }

  // Cost of one access for a vector's worth of points, with lanes along `index`.
  double vectorCost(const Access& access, Value index, int64_t extent) {
    double fill =
        double(lanes()) / double(std::min<int64_t>(lanes(), std::max<int64_t>(extent, 1)));
    auto stride = laneStride(access, index);
    if (!stride) return kGatherCost * lanes();
    if (*stride == 0) return 0.25 * fill;
    if (*stride == 1 || access.local) return fill;
    return (isNear(*stride) ? double(std::abs(*stride)) : kGatherCost * lanes()) * fill;
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

  bool isOutermost(Operation* loop) { return loop->getParentOp() == part; }
  bool isInnermost(Operation* loop) {
    return llvm::none_of(loops, [&](Operation* other) { return loop->isProperAncestor(other); });
  }

  // The same with lanes along the loops, the outermost or the innermost ones: what stands outside
  // of them is scalar.
  double costAlongLoops(bool innermost) {
    double cost = 0;
    for (const Access& access : accesses) {
      SmallVector<Operation*> around = loopsAround(access.op);
      Operation* loop = around.empty() ? nullptr : innermost ? around.front() : around.back();
      if (!loop || (innermost && !isInnermost(loop)))
        cost += repeats(access) * lanes();
      else // repetitions count whole vectors
        cost += repeats(access) * vectorCost(access, indexOf(loop), extentOf(axisOf(loop)));
    }
    for (Operation* loop : loops)
      if (loop->getNumResults() && (innermost ? isInnermost(loop) : isOutermost(loop)))
        cost += kJoinCost * repeats({loop, {}, {}, false});
    return cost;
  }

  void chooseLanes() {
    int best = -1;
    const double outer = costAlongLoops(false), inner = costAlongLoops(true);
    const bool isInner = target.inner_lanes && inner < outer;
    double least = loops.empty() ? std::numeric_limits<double>::infinity()
                   : isInner     ? inner
                                 : outer;
    // The last of equals: its points lie side by side more often than not.
    for (unsigned i = 0; i < part.getNumAxes(); ++i) {
      double cost = costAlongAxis(i);
      if (cost < least || (cost == least && best >= 0)) {
        least = cost;
        best = i;
      }
    }
    if (best >= 0) {
      int blocks = blocksFor(extentOf(part.getAxis(best)),
                             loops.empty() ? blocksSideBySide() : blocksInRegisters());
      part.setAxis(best, part.getAxis(best).withLanes(true).withUnroll(blocks));
      lane_axis = best;
      return;
    }
    for (Operation* loop : loops) {
      AxisAttr axis = axisOf(loop);
      bool has = isInner ? isInnermost(loop) : isOutermost(loop);
      bool accumulates = loop->getNumResults() > 0;
      setAxis(loop, axis.withLanes(has).withUnroll(
                        has && accumulates ? blocksFor(extentOf(axis), kBlocksInFlight) : 1));
    }
  }

  // Sums along the lanes: as many hide the latency of an addition, or of a long chain in front of
  // it.
  static constexpr int kBlocksInFlight = 4;

  // Points without loops: several blocks where the body is a long chain, so that some compute while
  // others wait, and constants are fetched once for all.
  int blocksSideBySide() {
    return part.getBody().front().getOperations().size() > 32 ? kBlocksInFlight : 1;
  }

  // Lanes across a loop's points: the more blocks, the longer the run of memory that each of its
  // steps reads, as far as accumulators fit in registers and the code stays small.
  int blocksInRegisters() {
    size_t sums = 1, ops = 1;
    for (Operation* loop : loops) {
      sums = std::max<size_t>(sums, loop->getNumResults());
      size_t inside = 0;
      loop->walk([&](Operation*) { ++inside; });
      ops = std::max(ops, inside);
    }
    return int(std::clamp<size_t>(std::min(16 / sums, 192 / ops), 1, 16));
  }

  // The largest power of two up to `most` for which the blocks fill the extent.
  int blocksFor(int64_t extent, int most) {
    int blocks = 1;
    while (blocks * 2 <= most && extent >= 2 * blocks * lanes())
      blocks *= 2;
    return blocks;
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

  // The axis of the part along which some load that lanes must gather lies side by side, or -1.
  int transposedAxis() {
    if (lane_axis < 0) return -1;
    for (const Access& access : accesses) {
      if (access.local || !isa<LoadOp>(access.op)) continue;
      auto index = [&](unsigned i) { return part.getBody().getArgument(i); };
      auto stride = strideAlong(access.map, access.indices, index(lane_axis));
      if (stride && isNear(*stride)) continue;
      for (unsigned i = 0; i < part.getNumAxes(); ++i)
        if (auto step = strideAlong(access.map, access.indices, index(i));
            step && std::abs(*step) == 1)
          return i;
    }
    return -1;
  }

  // Says whether nobody knows what a point takes.
  bool hasUnknownLoop() {
    return llvm::any_of(loops, [&](Operation* loop) {
      AxisAttr axis = axisOf(loop);
      return !axis.getConstantExtent() && !hasMost(axis);
    });
  }

  void chooseChunks() {
    // Points that stay together in a chunk, counted from the axis that runs fastest.
    double points = std::max(1.0, double(kChunkWork) / workOfPoint());
    SmallVector<int> order; // outermost first
    int transposed = transposedAxis();
    for (int i = 0; i < int(part.getNumAxes()); ++i)
      if (i != lane_axis && i != transposed) order.push_back(i);
    if (transposed >= 0) order.push_back(transposed);
    if (lane_axis >= 0) order.push_back(lane_axis);
    double inside = 1;
    for (int i : llvm::reverse(order)) {
      AxisAttr axis = part.getAxis(i);
      int64_t extent = extentOf(axis);
      bool known = axis.getConstantExtent().has_value();
      // No number of chunks depends on the width of a window.
      if (!known && hasMost(axis)) continue;
      // A gathered tile is small in both directions: its lines of memory stay in the cache until
      // all of their elements were used.
      bool tiled = transposed >= 0 && (i == lane_axis || i == transposed);
      double most = !tiled ? points : i == lane_axis ? kTileLanes : kTileLanes * kTilePoints;
      // A lane axis is cut in whole vectors, and in lines of memory.
      int64_t unit =
          i == lane_axis && !tiled ? std::max<int64_t>(64, int64_t(lanes()) * axis.getUnroll()) : 1;
      if (known && inside * double(extent) <= most) {
        inside *= double(extent);
        continue;
      }
      int64_t length = std::max<int64_t>(1, int64_t(most / inside));
      if (hasUnknownLoop() && i != lane_axis) length = std::min(length, kUnknownPoints);
      length = (length + unit - 1) / unit * unit;
      if (known && !tiled) {
        // Equal pieces rather than a small last one.
        int64_t pieces = (extent + length - 1) / length;
        length = std::min(length, ((extent + pieces - 1) / pieces + unit - 1) / unit * unit);
      }
      if (known && length >= extent) {
        inside *= double(extent);
        continue;
      }
      part.setAxis(i, axis.withChunk(length));
      inside *= double(std::min(length, extent));
    }
  }

  AffineExpr atMost(AffineExpr e) {
    return ir::atMost(e, part->getParentOfType<KernelOp>().getMost());
  }
  bool hasMost(AxisAttr axis) {
    AffineExpr extent = axis.getExtent().getResult(0);
    return atMost(extent) != extent;
  }

  // Extents of all axes an access depends on, times the element's size.
  AffineExpr footprint(const Access& access, Type memory) {
    AffineExpr bytes = getAffineConstantExpr(elementBytes(elementType(memory)), part.getContext());
    for (unsigned i = 0; i < part.getNumAxes(); ++i)
      if (llvm::is_contained(access.indices, part.getBody().getArgument(i)))
        bytes = bytes * part.getAxis(i).getExtent().getResult(0);
    for (Operation* loop : loopsAround(access.op))
      if (llvm::is_contained(access.indices, indexOf(loop)))
        bytes = bytes * axisOf(loop).getExtent().getResult(0);
    return bytes;
  }

  // A store goes past the cache if the part's outputs fill half of it and nothing here reads them
  // back. Where sizes are arguments the kernel asks when it runs.
  void chooseStores() {
    AffineExpr written = getAffineConstantExpr(0, part.getContext());
    llvm::SmallPtrSet<Value, 4> read;
    for (const Access& access : accesses) {
      if (auto store = dyn_cast<StoreOp>(access.op); store && !access.local)
        written = written + footprint(access, store.getMemory().getType());
      else if (auto load = dyn_cast<LoadOp>(access.op))
        read.insert(load.getMemory());
    }
    AffineExpr beyond = atMost(written - target.cache_bytes / 2);
    auto known = dyn_cast<AffineConstantExpr>(beyond);
    bool large = !known || known.getValue() >= 0;
    bool streams = false;
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
      streams |= store.getNontemporal();
    }
    if (streams && !known) part.setStreams(AffineMap::get(0, sizesOf(part), beyond));
  }

  static unsigned sizesOf(PartOp part) {
    return unsigned(part->getParentOfType<KernelOp>().getSizes().size());
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
    ScheduleTarget target{.vector_bits = vector_bits, .cache_bytes = cache_bytes};
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
