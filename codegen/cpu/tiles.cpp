// Square tiles for loads that run across the lanes: a transposed operand is read along its own rows
// and turned in registers, instead of gathered element by element.
#include "codegen/cpu/part_emitter.h"

#include "ir/loom/near.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

std::optional<Tiling> findTiling(const PartPlan& plan, const CpuTarget& target) {
  PartOp part = plan.part;
  Block& block = part.getBody().front();
  // Tiles go by the block of lanes; sums in loops had better have those of the schedule.
  const bool hasLoops = llvm::any_of(block, [](Operation& op) { return isa<LoopOp, DotOp>(op); });
  if (plan.lane_axis < 0 || (plan.blocks != 1 && hasLoops)) return {};
  Tiling tiling;
  for (LoadOp load : block.getOps<LoadOp>()) {
    Type memory = load.getMemory().getType();
    // A row of the tile is one vector register, or a part of one.
    if (!isa<BufferType>(memory) || load.getMask() ||
        plan.lanes * elementBytes(elementType(memory)) * 8 > target.vector_bits)
      continue;
    auto along = [&](unsigned axis) {
      return strideAlong(load.getMap(), load.getIndices(), block.getArgument(axis));
    };
    auto across = along(plan.lane_axis);
    if (!across || isNear(*across)) continue;
    for (int axis = 0; axis < int(part.getNumAxes()); ++axis) {
      const auto step = along(axis);
      if (axis == plan.lane_axis || !step || std::abs(*step) != 1 ||
          (tiling.axis >= 0 && axis != tiling.axis))
        continue;
      tiling.axis = axis;
      tiling.loads.push_back({load, *across, *step < 0});
      break;
    }
  }
  return tiling.axis < 0 ? std::nullopt : std::optional(tiling);
}

namespace {

// Transposes a square of vectors by exchanging blocks of half, a quarter, ... of its side (Eklundh,
// 1972).
void transpose(llvm::IRBuilderBase& b, llvm::MutableArrayRef<Value*> rows) {
  int side = int(rows.size());
  for (int half = side / 2; half >= 1; half /= 2) {
    llvm::SmallVector<int, 64> low, high;
    for (int lane = 0; lane < side; ++lane) {
      bool upper = lane & half;
      low.push_back(upper ? side + lane - half : lane);
      high.push_back(upper ? side + lane : lane + half);
    }
    for (int row = 0; row < side; ++row) {
      if (row & half) continue;
      Value *x = rows[row], *y = rows[row + half];
      rows[row] = b.CreateShuffleVector(x, y, low);
      rows[row + half] = b.CreateShuffleVector(x, y, high);
    }
  }
}

} // namespace

// Reads the tile at (low, lane_low) of one load into its memory, so that row k holds the lanes'
// values at low + k.
void PartEmitter::stageTile(const Tiling::Load& staged, Value* low, Value* lane_low) {
  Scope scope(*this);
  Block& block = plan.part->getRegion(0).front();
  set(block.getArgument(plan.lane_axis), LaneValue::uniform(lane_low));
  set(block.getArgument(plan.tiling->axis), LaneValue::uniform(low));
  LoadOp load = staged.load;
  mlir::Value memory = load.getMemory();
  Type element = elementType(memory.getType());
  auto* vector = llvm::FixedVectorType::get(memoryType(element), plan.lanes);
  llvm::Align align(elementBytes(element));
  Value* first = address(memory_.find(memory)->second,
                         evaluate(load.getMap(), load.getIndices()).parts[0], element);
  Values rows;
  const int64_t start = staged.is_reversed ? 1 - plan.lanes : 0;
  for (int lane = 0; lane < plan.lanes; ++lane) {
    Value* from = address(first, b.getInt64(lane * staged.lane_stride + start), element);
    Value* row = b.CreateAlignedLoad(vector, from, align);
    rows.push_back(staged.is_reversed ? b.CreateVectorReverse(row) : row);
  }
  transpose(b, rows);
  Value* tile = tiles_[load];
  for (int row = 0; row < plan.lanes; ++row)
    b.CreateAlignedStore(rows[row], address(tile, b.getInt64(row * plan.lanes), element),
                         llvm::Align(plan.lanes * elementBytes(element)));
}

LaneValue PartEmitter::loadStaged(LoadOp op) {
  Type element = elementType(op.getMemory().getType());
  auto* vector = llvm::FixedVectorType::get(memoryType(element), plan.lanes);
  Value* row = address(tiles_[op], b.CreateMul(tile_row_, b.getInt64(plan.lanes)), element);
  return byBlock([&](unsigned) -> Value* {
    Value* lanes =
        b.CreateAlignedLoad(vector, row, llvm::Align(plan.lanes * elementBytes(element)));
    return isMoved(op) ? lanes : fromMemory(lanes, element);
  });
}

// What whole tiles leave over: lanes in their usual loop, for each step of the tiled axis.
void PartEmitter::emitStrips(Value* low, Value* count, Value* lane_low, Value* lane_count) {
  PartOp part = plan.part;
  Block& block = part.getBody().front();
  serialLoop(block.getArgument(plan.tiling->axis), low, count, 1, block, [&] {
    laneLoop(block.getArgument(plan.lane_axis), lane_low, lane_count, 1, 1, block, nullptr);
  });
}

void PartEmitter::emitTiles() {
  PartOp part = plan.part;
  Block& block = part.getBody().front();
  Range rows = ranges_[plan.tiling->axis], lanes = ranges_[plan.lane_axis];
  Value* side = b.getInt64(plan.lanes);
  Value* row_rest = b.CreateURem(rows.count, side);
  Value* lane_rest = b.CreateURem(lanes.count, side);
  Value* row_main = b.CreateSub(rows.count, row_rest);
  Value* lane_main = b.CreateSub(lanes.count, lane_rest);
  if (tiles_.empty()) {
    llvm::IRBuilder<>::InsertPointGuard guard(b);
    llvm::BasicBlock& entry = b.GetInsertBlock()->getParent()->getEntryBlock();
    b.SetInsertPoint(&entry, entry.begin());
    for (const Tiling::Load& staged : plan.tiling->loads) {
      auto* tile = b.CreateAlloca(llvm::ArrayType::get(
          b.getInt8Ty(), uint64_t(plan.lanes) * uint64_t(target.vector_bits / 8)));
      tile->setAlignment(llvm::Align(64));
      LoadOp load = staged.load;
      tiles_[load] = tile;
    }
  }
  forLoop(row_main, plan.lanes, {}, [&](Value* i, ArrayRef<Value*>) {
    Value* low = b.CreateAdd(rows.low, i);
    forLoop(lane_main, plan.lanes, {}, [&](Value* j, ArrayRef<Value*>) {
      Value* lane_low = b.CreateAdd(lanes.low, j);
      Scope tile(*this);
      hoist(block);
      for (const Tiling::Load& staged : plan.tiling->loads)
        stageTile(staged, low, lane_low);
      lanes_ = Lanes{true, plan.lanes, 1, nullptr, false};
      set(block.getArgument(plan.lane_axis), lanesAlong(lane_low, 1));
      hoist(block);
      forLoop(side, 1, {}, [&](Value* k, ArrayRef<Value*>) {
        Scope point(*this);
        tile_row_ = k;
        set(block.getArgument(plan.tiling->axis), LaneValue::uniform(b.CreateAdd(low, k)));
        emitBlock(block);
        tile_row_ = nullptr;
        return Values{};
      });
      lanes_ = Lanes{};
      return Values{};
    });
    return Values{};
  });
  emitStrips(rows.low, row_main, b.CreateAdd(lanes.low, lane_main), lane_rest);
  emitStrips(b.CreateAdd(rows.low, row_main), row_rest, lanes.low, lanes.count);
}

} // namespace weft::cpu
