// Stores that take turns along the lanes, such as those of `stack(..., -1)`: the elements of all of
// them are whole vectors side by side.
#include "codegen/cpu/part_emitter.h"

#include "ir/loom/near.h"
#include "ir/weft/index_math.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/VectorUtils.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

// The stores of a buffer in order of their offsets, if these are 0, 1, ... from the first one on.
bool sortByOffset(MutableArrayRef<StoreOp> stores) {
  auto offsetOf = [&](StoreOp store) -> std::optional<int64_t> {
    StoreOp first = stores.front();
    if (store.getIndices() != first.getIndices()) return {};
    AffineExpr apart = ir::canonical(store.getMap().getResult(0) - first.getMap().getResult(0));
    auto constant = dyn_cast<AffineConstantExpr>(apart);
    return constant ? std::optional(constant.getValue()) : std::nullopt;
  };
  SmallVector<std::pair<int64_t, StoreOp>> places;
  for (StoreOp store : stores) {
    auto offset = offsetOf(store);
    if (!offset) return false;
    places.push_back({*offset, store});
  }
  llvm::sort(places, [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto [k, place] : llvm::enumerate(places)) {
    if (place.first != places[0].first + int64_t(k)) return false;
    stores[k] = place.second;
  }
  return true;
}

} // namespace

void findInterleaved(PartPlan& plan) {
  PartOp part = plan.part;
  if (plan.lane_axis < 0) return;
  Block& block = part.getBody().front();
  mlir::Value lanes = block.getArgument(plan.lane_axis);
  llvm::MapVector<mlir::Value, SmallVector<StoreOp, 4>> stores; // by buffer
  for (StoreOp store : block.getOps<StoreOp>())
    stores[store.getMemory()].push_back(store);
  for (auto& [memory, list] : stores) {
    const int64_t users = llvm::count_if(
        memory.getUsers(), [&](Operation* user) { return part->isProperAncestor(user); });
    const auto count = int64_t(list.size());
    if (count < 2 || !isNear(count) || users != count || !isa<BufferType>(memory.getType()) ||
        llvm::any_of(list, [](StoreOp store) { return bool(store.getMask()); }))
      continue;
    StoreOp last = list.back();
    if (strideAlong(last.getMap(), last.getIndices(), lanes) != count || !sortByOffset(list))
      continue;
    for (StoreOp store : list)
      plan.interleaved[store] = {};
    plan.interleaved[last].assign(list.begin(), list.end());
  }
}

void PartEmitter::emitInterleaved(ArrayRef<StoreOp> stores) {
  const auto count = int(stores.size()), width = lanes_.width;
  StoreOp first = stores.front();
  mlir::Type element = elementType(first.getMemory().getType());
  Value* base = memory_.find(first.getMemory())->second;
  const LaneValue offset = evaluate(first.getMap(), first.getIndices());
  llvm::SmallVector<int, 64> turns, repeats;
  for (int lane = 0; lane < width; ++lane)
    for (int k = 0; k < count; ++k) {
      turns.push_back(k * width + lane);
      repeats.push_back(lane);
    }
  for (int i = 0; i < lanes_.blocks; ++i) {
    Values parts;
    for (StoreOp store : stores)
      parts.push_back(inMemory(vectorOf(get(store.getValue()), i), element));
    Value* all = llvm::concatenateVectors(b, parts);
    all = b.CreateShuffleVector(all, turns);
    Value* pointer = address(base, offset.parts[i], element);
    const llvm::Align align(elementBytes(element));
    if (Value* mask = activeLanes(nullptr))
      b.CreateMaskedStore(all, pointer, align, b.CreateShuffleVector(mask, repeats));
    else
      b.CreateAlignedStore(all, pointer, align);
  }
}

} // namespace weft::cpu
