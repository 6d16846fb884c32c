// Loops whose points are lanes: an unmasked main loop, then a masked tail; and how the lanes' sums
// become one.
#include "codegen/cpu/part_emitter.h"

#include "llvm/IR/Intrinsics.h"

#include <numeric>

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

// The body for `lanes` at low + first, low + first + width*blocks, ...: accumulators are carried
// block by block.
PartEmitter::Values PartEmitter::laneBlocks(mlir::Value index, Value* low, Value* first,
                                            Value* count, int64_t align, const Lanes& lanes,
                                            Block& block, const Reduction* reduction,
                                            ArrayRef<Value*> initial) {
  int64_t step = int64_t(lanes.width) * lanes.blocks;
  bool masked = lanes.mask != nullptr;
  return forLoop(count, step, initial, [&](Value* i, ArrayRef<Value*> carried) {
    Scope inside(*this);
    Lanes outer = lanes_;
    lanes_ = lanes;
    Value* from = b.CreateAdd(first, i, "", true, true);
    if (masked) {
      // Remaining points, at most one vector's worth.
      Value* rest = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, b.CreateSub(count, i),
                                            b.getInt64(lanes.width));
      Value* limit = b.CreateVectorSplat(lanes.width, b.CreateTrunc(rest, b.getInt32Ty()));
      lanes_.mask = b.CreateICmpULT(iota(1, 32), limit);
    }
    set(index, lanesAlong(b.CreateAdd(low, from, "", true, true), std::gcd(align, step)));
    emitBlock(block);
    Values next;
    if (reduction) {
      LaneValues sums;
      for (size_t r = 0; r < reduction->identities.size(); ++r)
        sums.push_back(
            {LaneValue::Kind::varying,
             {carried.begin() + r * lanes.blocks, carried.begin() + (r + 1) * lanes.blocks}});
      LaneValues joined = reduction->step(sums, yieldsOf(block));
      for (auto [r, value] : llvm::enumerate(joined))
        for (int u = 0; u < lanes.blocks; ++u) {
          Value* vector = vectorOf(value, u);
          next.push_back(masked ? b.CreateSelect(lanes_.mask, vector, sums[r].parts[u]) : vector);
        }
    }
    lanes_ = outer;
    return next;
  });
}

// Says at run time whether the nontemporal stores right inside the block are aligned to whole
// vectors and to go past the cache; null: there are none.
Value* PartEmitter::streamsAligned(mlir::Value index, Value* low, Block& block) {
  Value* all = nullptr;
  Scope scope(*this);
  set(index, LaneValue::uniform(low));
  for (StoreOp store : block.getOps<StoreOp>()) {
    if (!store.getNontemporal() || store.getMask() ||
        !isa<BufferType>(store.getMemory().getType()) ||
        !llvm::all_of(store.getIndices(), [&](mlir::Value i) { return has(i); }))
      continue;
    mlir::Type element = elementType(store.getMemory().getType());
    Value* offset = evaluate(store.getMap(), store.getIndices()).parts[0];
    Value* bits = b.CreatePtrToInt(
        address(memory_.find(store.getMemory())->second, offset, element), b.getInt64Ty());
    bits = b.CreateAnd(bits, b.getInt64(plan.lanes * elementBytes(element) - 1));
    all = all ? b.CreateOr(all, bits) : bits;
  }
  if (!all) return nullptr;
  Value* aligned = b.CreateICmpEQ(all, b.getInt64(0));
  PartOp part = plan.part;
  if (!part.getStreams()) return aligned;
  Value* beyond = size(part.getStreams()->getResult(0));
  return b.CreateAnd(aligned, b.CreateICmpSGE(beyond, b.getInt64(0)));
}

// Two lists of accumulators, a vector each, as one. Expects lanes of one block.
PartEmitter::Values PartEmitter::merged(const Reduction& reduction, ArrayRef<Value*> x,
                                        ArrayRef<Value*> y) {
  auto vectors = [](ArrayRef<Value*> values) {
    LaneValues result;
    for (Value* value : values)
      result.push_back({LaneValue::Kind::varying, {value}});
    return result;
  };
  Values joined;
  for (const LaneValue& value : reduction.merge(vectors(x), vectors(y)))
    joined.push_back(vectorOf(value, 0));
  return joined;
}

// The accumulators of all blocks as those of one: pairs, then pairs of pairs.
PartEmitter::Values PartEmitter::joinBlocks(const Reduction& reduction, ArrayRef<Value*> carried,
                                            int64_t blocks) {
  std::vector<Values> by_block(blocks);
  for (int64_t u = 0; u < blocks; ++u)
    for (size_t r = 0; r < reduction.identities.size(); ++r)
      by_block[u].push_back(carried[r * blocks + u]);
  while (by_block.size() > 1) {
    std::vector<Values> pairs;
    for (size_t u = 0; u + 1 < by_block.size(); u += 2)
      pairs.push_back(merged(reduction, by_block[u], by_block[u + 1]));
    if (by_block.size() % 2) pairs.push_back(by_block.back());
    by_block = std::move(pairs);
  }
  return by_block[0];
}

// The accumulators' lanes as scalars: the upper half of a vector with the lower one, and so on.
PartEmitter::Values PartEmitter::joinLanes(const Reduction& reduction, Values total) {
  for (int half = plan.lanes / 2; half >= 1; half /= 2) {
    llvm::SmallVector<int, 64> upper;
    for (int i = 0; i < plan.lanes; ++i)
      upper.push_back(i < half ? i + half : -1);
    Values shifted;
    for (Value* value : total)
      shifted.push_back(b.CreateShuffleVector(value, upper));
    total = merged(reduction, total, shifted);
  }
  for (Value*& value : total)
    value = b.CreateExtractElement(value, uint64_t(0));
  return total;
}

// Points low .. low + count, lanes side by side. With a reduction, lanes and blocks are joined by a
// fixed tree: the order of additions depends on `count` alone.
PartEmitter::LaneValues PartEmitter::laneLoop(mlir::Value index, Value* low, Value* count,
                                              int64_t align, int64_t blocks, Block& block,
                                              const Reduction* reduction) {
  int width = plan.lanes;
  auto* known = llvm::dyn_cast<llvm::ConstantInt>(count);
  while (known && blocks > 1 && known->getSExtValue() < width * blocks)
    blocks /= 2;
  Values identities;
  if (reduction)
    for (const LaneValue& identity : reduction->identities)
      identities.push_back(identity.parts[0]);

  auto nonempty = [&]() -> Values {
    Scope ahead(*this);
    hoist(block);
    Value* rest = b.CreateURem(count, b.getInt64(width * blocks));
    Value* main = b.CreateSub(count, rest);
    Values carried;
    for (Value* identity : identities)
      carried.append(blocks, b.CreateVectorSplat(width, identity));
    auto mainLoop = [&](bool streaming) {
      Lanes lanes{true, width, int(blocks), nullptr, streaming};
      return laneBlocks(index, low, b.getInt64(0), main, align, lanes, block, reduction, carried);
    };
    Value* aligned = streamsAligned(index, low, block);
    carried = aligned
                  ? ifElse(
                        aligned, [&] { return mainLoop(true); }, [&] { return mainLoop(false); })
                  : mainLoop(false);

    const Lanes outer = lanes_, one{true, width, 1, nullptr, false};
    lanes_ = one;
    Values total = identities.empty() ? Values() : joinBlocks(*reduction, carried, blocks);
    lanes_ = outer;
    // The tail: fewer than width*blocks points, a masked vector at a time. Where their number is
    // known, whole vectors come first, so that masks are constants.
    if (known && known->getSExtValue() % (width * blocks) >= width) {
      Value* whole = b.CreateAnd(rest, b.getInt64(-width));
      total = laneBlocks(index, low, main, whole, align, one, block, reduction, total);
      main = b.CreateAdd(main, whole);
      rest = b.CreateSub(rest, whole);
    }
    Lanes tail{true, width, 1, llvm::ConstantInt::getTrue(b.getContext()), false};
    total = laneBlocks(index, low, main, rest, align, tail, block, reduction, total);
    lanes_ = one;
    if (!total.empty()) total = joinLanes(*reduction, total);
    lanes_ = outer;
    return total;
  };
  Values results =
      ifElse(b.CreateICmpSGT(count, b.getInt64(0)), nonempty, [&] { return identities; });
  LaneValues values;
  for (Value* result : results)
    values.push_back(LaneValue::uniform(result));
  return values;
}

} // namespace weft::cpu
