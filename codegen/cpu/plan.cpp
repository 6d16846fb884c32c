// Plans a kernel: see plan.h.
#include "codegen/cpu/plan.h"

#include "codegen/cpu/scalar_ops.h"
#include "ir/weft/index_math.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
namespace {

// Locals up to this size, together, lie in the stack frame.
constexpr int64_t kStackBytes = 48 * 1024;
// What one thread's second-level cache keeps at least, and how far ahead a sum asks for its row.
constexpr int64_t kSecondLevelBytes = 1 << 20, kAheadBytes = 4096;

AffineExpr constant(MLIRContext* context, int64_t value) {
  return getAffineConstantExpr(value, context);
}

// Lanes up to which turning a square of them is short. Masks of elements below 32 bits are branches
// before AVX-512: a tail is worth fewer.
constexpr int kMostNarrow = 32, kMostBranches = 8;

// Ops of integers that LLVM computes in as few bits as their operands and readers have: shifts as
// far as those that wrap to 32 bits or fewer.
bool staysNarrow(Operation* op) {
  APInt by;
  if (isa<arith::ShLIOp, arith::ShRSIOp>(op))
    return matchPattern(op->getOperand(1), m_ConstantInt(&by)) && by.uge(32);
  return isa<arith::ConstantOp, arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp,
             arith::OrIOp, arith::XOrIOp, arith::MaxSIOp, arith::MinSIOp, arith::CmpIOp,
             arith::SelectOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(op);
}

// The most lanes, a power of two, for which the elements that lie side by side along an axis which
// a load runs across are whole tiles.
int shortestTile(PartOp part) {
  int64_t shortest = kMostNarrow;
  auto index = [&](unsigned i) { return part.getBody().getArgument(i); };
  for (LoadOp load : part.getBody().front().getOps<LoadOp>())
    for (unsigned i = 0; i < part.getNumAxes(); ++i) {
      auto step = strideAlong(load.getMap(), load.getIndices(), index(i));
      auto extent = part.getAxis(i).getConstantExtent();
      if (!part.getAxis(i).getLanes() && step && std::abs(*step) == 1 && extent)
        shortest = std::min(shortest, std::max<int64_t>(*extent, 4));
    }
  return int(llvm::bit_floor(uint64_t(shortest)));
}

// Lanes that fill a vector register with the elements of a part that moves them, or computes with
// narrow integers as it finds them; nothing for other parts.
std::optional<int> lanesOfNarrow(PartOp part, const CpuTarget& target) {
  int widest = 0;
  bool moves = true, integers = true;
  auto see = [&](Type memory) {
    Type element = elementType(memory);
    integers &= isa<IntegerType>(element);
    widest = std::max<int>(widest, 8 * elementBytes(element));
  };
  auto result = part.walk([&](Operation* op) {
    if (auto load = dyn_cast<LoadOp>(op)) {
      see(load.getMemory().getType());
      moves &= isMoved(load);
    } else if (auto store = dyn_cast<StoreOp>(op)) {
      see(store.getMemory().getType());
      moves &= store.getValue().getDefiningOp<LoadOp>() != nullptr;
    } else if (!isa<PartOp, YieldOp>(op)) {
      moves = false;
      if (!staysNarrow(op)) return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (result.wasInterrupted() || !widest || !(moves || integers)) return {};
  int lanes = std::min(target.vector_bits / widest, shortestTile(part));
  for (unsigned i = 0; i < part.getNumAxes(); ++i) {
    AxisAttr axis = part.getAxis(i);
    if (axis.getLanes() && axis.getConstantExtent().value_or(1) % lanes && widest < 32 &&
        target.masksAreVectors())
      lanes = std::min(lanes, kMostBranches);
  }
  return lanes;
}

// One vector register of the narrowest floating-point type that memory gives or takes, else of
// integers; of bytes where all is bool.
int chooseLanes(PartOp part, const CpuTarget& target) {
  if (auto lanes = lanesOfNarrow(part, target)) return *lanes;
  int element_bits = 0, highest = 0;
  auto see = [&](Type memory) {
    Type type = elementType(memory);
    bool is_float = isa<FloatType>(type);
    int bits =
        is_float ? int(computeType(memory).getIntOrFloatBitWidth()) : 8 * int(elementBytes(type));
    // LLVM computes with narrow integers in 32 bits where it can.
    if (!is_float && !type.isInteger(1)) bits = std::max(bits, 32);
    // f32 decides over everything, then what has 64 bits, then integers, then bool.
    int rank = is_float && bits == 32 ? 4 : bits == 64 ? 3 : bits == 32 ? 2 : 1;
    if (rank > highest) {
      highest = rank;
      element_bits = bits;
    }
  };
  part.walk([&](Operation* op) {
    if (auto load = dyn_cast<LoadOp>(op))
      see(load.getMemory().getType());
    else if (auto store = dyn_cast<StoreOp>(op))
      see(store.getMemory().getType());
  });
  return target.vector_bits / (element_bits ? element_bits : 32);
}

// An expression with sizes at their most, where that is known.
AffineExpr atMost(PartOp part, AffineExpr e) {
  return ir::canonical(ir::atMost(e, part->getParentOfType<KernelOp>().getMost()));
}

AffineExpr countChunks(PartOp part) {
  AffineExpr chunks = constant(part.getContext(), 1);
  for (unsigned i = 0; i < part.getNumAxes(); ++i) {
    AxisAttr axis = part.getAxis(i);
    AffineExpr extent = axis.getExtent().getResult(0);
    if (axis.getConstantExtent() == 0) return constant(part.getContext(), 0);
    if (axis.getChunk() > 0) chunks = chunks * extent.ceilDiv(axis.getChunk());
  }
  return chunks;
}

AffineExpr countProductChunks(Product& product) {
  PartOp part = product.dot->getParentOfType<PartOp>();
  const DotPlan& plan = product.plan;
  auto extent = [&](ArrayRef<int> axes) {
    AffineExpr count = constant(part.getContext(), 1);
    for (int axis : axes)
      count = count * part.getAxis(axis).getExtent().getResult(0);
    return count;
  };
  if (product.winograd) return extent(product.batch_axes) * product.winograd->chunksOfEntry();
  if (product.lines)
    return extent(product.batch_axes) * (product.lines->rowChunks() * product.lines->lineChunks());
  AffineExpr columns = extent(product.column_axis).ceilDiv(plan.columns_per_chunk);
  if (plan.shape.n_most) columns = constant(part.getContext(), 1);
  return extent(product.batch_axes).ceilDiv(plan.batches_per_chunk) *
         extent(product.row_axes).ceilDiv(plan.rows_per_chunk) * columns;
}

int64_t scratchOf(const Product& product) {
  if (product.winograd) return product.winograd->scratchBytes();
  return product.lines ? product.lines->scratchBytes() : product.plan.scratchBytes();
}

void placeLocals(PartPlan& plan) {
  MLIRContext* context = plan.part.getContext();
  int64_t on_stack = 0;
  AffineExpr scratch = constant(context, 0);
  for (LocalOp local : plan.part.getBody().front().getOps<LocalOp>()) {
    // With lanes along an axis of the part each lane has its own tile.
    int64_t copies = plan.lane_axis >= 0 ? int64_t(plan.lanes) * plan.blocks : 1;
    AffineExpr extent = atMost(plan.part, local.getExtent().getResult(0));
    AffineExpr bytes = extent * (copies * elementBytes(elementType(local.getType())));
    auto fixed = dyn_cast<AffineConstantExpr>(bytes);
    LocalPlace place{local, fixed && on_stack + fixed.getValue() <= kStackBytes, bytes, scratch};
    if (place.on_stack)
      on_stack += fixed.getValue();
    else
      scratch = scratch + (bytes + 64).floorDiv(64) * 64;
    plan.locals.push_back(place);
  }
  plan.scratch_bytes = scratch;
}

// How far ahead a load of the next point reads; null if that is no expression of the sizes alone.
AffineExpr stepAlong(LoadOp load, Value index) {
  AffineExpr at = load.getMap().getResult(0);
  SmallVector<AffineExpr> next;
  for (auto [k, i] : llvm::enumerate(load.getIndices())) {
    AffineExpr dim = getAffineDimExpr(k, load.getContext());
    next.push_back(i == index ? dim + 1 : dim);
  }
  AffineExpr step = ir::canonical(at.replaceDims(next) - at);
  return step.isSymbolicOrConstant() ? step : AffineExpr();
}

// Says whether the rows that a loop of the part reads are more than a second-level cache keeps.
bool isLong(PartOp part, LoopOp loop, int64_t element_bytes) {
  double bytes = double(element_bytes);
  auto times = [&](AxisAttr axis) {
    bytes *= double(axis.getConstantExtent().value_or(kSecondLevelBytes));
  };
  times(loop.getAxis());
  for (unsigned i = 0; i < part.getNumAxes(); ++i)
    times(part.getAxis(i));
  return bytes > double(kSecondLevelBytes);
}

// A loop that reads its row a second time computes from the cache while memory idles: there it asks
// for the row of the next point, which the first loop then finds. A sum that reads rows once, one
// behind the other, asks for what lies some lines ahead: prefetchers of the processor stop where a
// page ends.
void findPrefetches(PartPlan& plan) {
  PartOp part = plan.part;
  if (plan.lane_axis >= 0 || part.getNumAxes() == 0) return;
  Value next = part.getBody().getArgument(part.getNumAxes() - 1);
  llvm::MapVector<std::pair<Value, AffineMap>, SmallVector<LoadOp, 2>> readings;
  for (LoopOp loop : part.getBody().front().getOps<LoopOp>())
    for (LoadOp load : loop.getBody().front().getOps<LoadOp>()) {
      AffineExpr ahead = stepAlong(load, next);
      bool is_row = isa<BufferType>(load.getMemory().getType()) && !load.getMask() &&
                    loop.getAxis().getLanes() && ahead && ahead != constant(part.getContext(), 0) &&
                    strideAlong(load.getMap(), load.getIndices(), loop.getIndex()) == 1;
      if (is_row) readings[{load.getMemory(), load.getMap()}].push_back(load);
    }
  for (auto& [row, loads] : readings) {
    LoadOp load = loads[std::min<size_t>(loads.size() - 1, 1)];
    auto loop = cast<LoopOp>(load->getParentOp());
    AffineExpr ahead = stepAlong(load, next), extent = loop.getAxis().getExtent().getResult(0);
    auto length = dyn_cast<AffineConstantExpr>(extent);
    int64_t bytes = elementBytes(elementType(load.getMemory().getType()));
    if (loads.size() > 1) {
      if (!length || length.getValue() <= kPrefetchedRow) plan.prefetches[load] = {ahead, extent};
    } else if (loop.getNumResults() && ahead == extent && isLong(part, loop, bytes)) {
      AffineExpr always = constant(part.getContext(), 0);
      plan.prefetches[load] = {constant(part.getContext(), kAheadBytes / bytes), always};
    }
  }
}

PartPlan planPart(PartOp part, const CpuTarget& target) {
  PartPlan plan;
  plan.part = part;
  plan.rare = RareSides(part);
  plan.lanes = chooseLanes(part, target);
  for (unsigned i = 0; i < part.getNumAxes(); ++i)
    if (part.getAxis(i).getLanes()) {
      plan.lane_axis = i;
      plan.blocks = part.getAxis(i).getUnroll();
    }
  plan.product = matchProduct(part, target);
  if (plan.product) {
    plan.kept = findKept(*plan.product);
    plan.lanes = plan.product->plan.lanes;
    plan.chunks = countProductChunks(*plan.product);
    plan.scratch_bytes = constant(part.getContext(), scratchOf(*plan.product));
    return plan;
  }
  plan.tiling = findTiling(plan, target);
  if (plan.tiling) plan.blocks = 1;
  findPrefetches(plan);
  findInterleaved(plan);
  plan.chunks = countChunks(part);
  placeLocals(plan);
  return plan;
}

// How many points of an axis count: all or none, or as many as differ.
using CountPoints = function_ref<AffineExpr(Value axis, AffineExpr extent)>;

// The product of what counts of the loops around an op inside its part, and of the part's axes.
AffineExpr repeats(Operation* op, CountPoints count) {
  AffineExpr product = constant(op->getContext(), 1);
  auto add = [&](Value index, AxisAttr axis) {
    product = product * count(index, axis.getExtent().getResult(0));
  };
  for (Operation* parent = op->getParentOp(); parent; parent = parent->getParentOp()) {
    if (auto loop = dyn_cast<LoopOp>(parent))
      add(loop.getIndex(), loop.getAxis());
    else if (auto dot = dyn_cast<DotOp>(parent))
      add(dot.getIndex(), dot.getAxis());
    else if (auto part = dyn_cast<PartOp>(parent))
      for (unsigned i = 0; i < part.getNumAxes(); ++i)
        add(part.getBody().getArgument(i), part.getAxis(i));
  }
  return product;
}

AffineExpr everyPoint(Value, AffineExpr extent) { return extent; }

// The number of offsets that an access takes along an axis of `extent` points. Those along which it
// divides are fewer: a scale serves a block.
AffineExpr countOffsets(AffineMap map, ValueRange indices, Value axis, AffineExpr extent) {
  constexpr int64_t kMostCounted = 4096;
  MLIRContext* context = map.getContext();
  auto place = llvm::find(indices, axis);
  if (place == indices.end()) return constant(context, 1);
  auto points = dyn_cast<AffineConstantExpr>(extent);
  AffineExpr here = getAffineDimExpr(place - indices.begin(), context), offset = map.getResult(0);
  bool divides = false;
  offset.walk([&](AffineExpr e) {
    bool isDivision = e.getKind() == AffineExprKind::FloorDiv || e.getKind() == AffineExprKind::Mod;
    divides |= isDivision && cast<AffineBinaryOpExpr>(e).getLHS() == here;
  });
  if (!divides || !points || map.getNumSymbols() || points.getValue() > kMostCounted) return extent;
  SmallVector<AffineExpr> at(map.getNumDims(), constant(context, 0));
  llvm::DenseSet<AffineExpr> offsets;
  for (int64_t i = 0; i < points.getValue(); ++i) {
    at[place - indices.begin()] = constant(context, i);
    offsets.insert(offset.replaceDims(at));
  }
  return constant(context, int64_t(offsets.size()));
}

struct Estimate {
  AffineExpr bytes, flops;
};

// Memory counts once where a part reads it several times: only the first reading comes from far
// away. What only rare sides read counts as nothing.
Estimate estimate(ArrayRef<PartPlan> phase, MLIRContext* context) {
  Estimate sum{constant(context, 0), constant(context, 0)};
  llvm::DenseSet<std::tuple<Operation*, Value, Attribute, int>> seen;
  auto traffic = [&](Operation* op, Value memory, AffineMap map, ValueRange indices) {
    Operation* part = op->getParentOfType<PartOp>();
    if (!isa<BufferType>(memory.getType()) ||
        !seen.insert({part, memory, AffineMapAttr::get(map), int(isa<StoreOp>(op))}).second)
      return;
    auto count = [&](Value axis, AffineExpr extent) {
      return countOffsets(map, indices, axis, extent);
    };
    sum.bytes = sum.bytes + repeats(op, count) * elementBytes(elementType(memory.getType()));
  };
  const RareSides* rare = nullptr;
  auto visit = [&](Operation* op) {
    if (auto load = dyn_cast<LoadOp>(op))
      traffic(op, load.getMemory(), load.getMap(), load.getIndices());
    else if (auto store = dyn_cast<StoreOp>(op))
      traffic(op, store.getMemory(), store.getMap(), store.getIndices());
    else if (auto dot = dyn_cast<DotOp>(op))
      sum.flops = sum.flops + repeats(&dot.getBody().front().back(), everyPoint) * 2;
    else if (op->getNumResults() == 1 && isa<FloatType>(op->getResult(0).getType()) &&
             !isa<arith::ConstantOp, LoopOp>(op) && !rare->contains(op))
      sum.flops = sum.flops + repeats(op, everyPoint);
  };
  for (const PartPlan& plan : phase) {
    rare = &plan.rare;
    PartOp(plan.part).walk(visit);
  }
  return sum;
}

} // namespace

KernelPlan planKernel(KernelOp kernel, const CpuTarget& target) {
  MLIRContext* context = kernel.getContext();
  KernelPlan plan;
  SmallVector<AffineExpr> chunks, bytes, flops;
  AffineExpr scratch = constant(context, 0);
  int kept = 0;
  for (ArrayRef<PartOp> phase : kernel.getPhases()) {
    AffineExpr count = constant(context, 0);
    for (PartOp part : phase) {
      plan.parts.push_back(planPart(part, target));
      PartPlan& last = plan.parts.back();
      if (last.kept) last.kept->number = kept++;
      count = count + last.chunks;
      // Parts use the scratch memory in turn; where sizes are unknown the sum is an upper bound of
      // the largest.
      auto most = dyn_cast<AffineConstantExpr>(scratch),
           more = dyn_cast<AffineConstantExpr>(last.scratch_bytes);
      scratch = most && more ? constant(context, std::max(most.getValue(), more.getValue()))
                             : scratch + last.scratch_bytes;
    }
    Estimate sum = estimate(ArrayRef(plan.parts).take_back(phase.size()), context);
    chunks.push_back(count);
    bytes.push_back(ir::atMost(sum.bytes, kernel.getMost()));
    flops.push_back(ir::atMost(sum.flops, kernel.getMost()));
  }
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(0, kernel.getSizes().size(), exprs, context);
  };
  plan.chunks = map(chunks);
  plan.scratch_bytes = map(scratch);
  plan.bytes = map(bytes);
  plan.flops = map(flops);
  return plan;
}

llvm::Error checkKernel(KernelOp kernel, const CpuTarget& target) {
  auto fail = [&](const llvm::Twine& message) {
    return llvm::createStringError("loom.kernel @" + kernel.getSymName() + ": " + message);
  };
  if (target.isX86() && !target.has("fma"))
    return fail("the processor must have fused multiply-add, got " + target.cpu);
  if (target.isX86() && !target.has("sse4.1"))
    return fail("the processor must have SSE4.1, got " + target.cpu);
  Operation* refused = nullptr;
  kernel.walk([&](Operation* op) {
    if (isa<KernelOp, PartOp, BarrierOp, LoopOp, DotOp, YieldOp, LocalOp, LoadOp, StoreOp,
            RequireOp>(op) ||
        isScalarOp(op))
      return WalkResult::advance();
    if (auto value = dyn_cast<arith::ConstantOp>(op))
      if (isa<IntegerAttr, FloatAttr>(value.getValue())) return WalkResult::advance();
    refused = op;
    return WalkResult::interrupt();
  });
  if (refused)
    return fail("ops must have a row in the CPU emitter's table, got " +
                refused->getName().getStringRef());
  return llvm::Error::success();
}

} // namespace weft::cpu
