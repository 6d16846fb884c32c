// Loops over points: serial ones, ones with lanes (an unmasked main loop, then a masked tail), and
// what they accumulate.
#include "codegen/cpu/part_emitter.h"

#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/MDBuilder.h"

#include <numeric>

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

constexpr int64_t kZeroAlign = 1 << 20; // of a loop that starts at 0
constexpr int64_t kMostUnrolled = 128;  // steps of a dot, times blocks of lanes

} // namespace

//===--- Control flow -------------------------------------------------------------------------===//

PartEmitter::Values PartEmitter::ifElse(Value* condition, llvm::function_ref<Values()> then_body,
                                        llvm::function_ref<Values()> else_body, Odds odds) {
  if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(condition))
    return known->isZero() ? else_body() : then_body();
  llvm::Function* function = b.GetInsertBlock()->getParent();
  auto* then_block = llvm::BasicBlock::Create(b.getContext(), "then", function);
  auto* else_block = llvm::BasicBlock::Create(b.getContext(), "else", function);
  auto* join = llvm::BasicBlock::Create(b.getContext(), "join", function);
  b.CreateCondBr(condition, then_block, else_block,
                 odds == Odds::rare ? llvm::MDBuilder(b.getContext()).createUnlikelyBranchWeights()
                                    : nullptr);
  b.SetInsertPoint(then_block);
  Values then_values = then_body();
  then_block = b.GetInsertBlock();
  b.CreateBr(join);
  b.SetInsertPoint(else_block);
  Values else_values = else_body();
  else_block = b.GetInsertBlock();
  b.CreateBr(join);
  b.SetInsertPoint(join);
  Values joined;
  for (auto [x, y] : llvm::zip(then_values, else_values)) {
    llvm::PHINode* phi = b.CreatePHI(x->getType(), 2);
    phi->addIncoming(x, then_block);
    phi->addIncoming(y, else_block);
    joined.push_back(phi);
  }
  return joined;
}

// Calls `body` for 0, step, 2*step, ... below count, with the values it carries from one to the
// next.
PartEmitter::Values
PartEmitter::forLoop(Value* count, int64_t step, ArrayRef<Value*> initial,
                     llvm::function_ref<Values(Value*, ArrayRef<Value*>)> body) {
  auto* known = llvm::dyn_cast<llvm::ConstantInt>(count);
  if (known && known->getSExtValue() <= 0) return Values(initial);
  if (known && known->getSExtValue() <= step) return body(b.getInt64(0), initial);
  llvm::Function* function = b.GetInsertBlock()->getParent();
  auto* before = b.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(b.getContext(), "loop", function);
  auto* after = llvm::BasicBlock::Create(b.getContext(), "after", function);
  if (known)
    b.CreateBr(loop);
  else
    b.CreateCondBr(b.CreateICmpSGT(count, b.getInt64(0)), loop, after);
  b.SetInsertPoint(loop);
  llvm::PHINode* index = b.CreatePHI(b.getInt64Ty(), 2);
  index->addIncoming(b.getInt64(0), before);
  llvm::SmallVector<llvm::PHINode*, 8> carried;
  for (Value* value : initial) {
    carried.push_back(b.CreatePHI(value->getType(), 2));
    carried.back()->addIncoming(value, before);
  }
  Values next_values = body(index, Values(carried.begin(), carried.end()));
  Value* next = b.CreateAdd(index, b.getInt64(step), "", true, true);
  auto* latch = b.GetInsertBlock();
  b.CreateCondBr(b.CreateICmpSLT(next, count), loop, after);
  index->addIncoming(next, latch);
  for (auto [phi, value] : llvm::zip(carried, next_values))
    phi->addIncoming(value, latch);
  b.SetInsertPoint(after);
  Values results;
  for (auto [value, last] : llvm::zip(initial, next_values)) {
    llvm::PHINode* phi = b.CreatePHI(value->getType(), 2);
    if (!known) phi->addIncoming(value, before);
    phi->addIncoming(last, latch);
    results.push_back(phi);
  }
  return results;
}

// An axis of the part, one point after another.
void PartEmitter::serialLoop(mlir::Value index, Value* low, Value* count, int64_t align,
                             Block& block, llvm::function_ref<void()> body) {
  auto none = [] { return Values{}; };
  ifElse(
      b.CreateICmpSGT(count, b.getInt64(0)),
      [&] {
        Scope ahead(*this);
        hoist(block);
        auto* known = llvm::dyn_cast<llvm::ConstantInt>(count);
        bool single = known && known->isOne();
        forLoop(count, 1, {}, [&](Value* i, ArrayRef<Value*>) {
          Scope inside(*this);
          set(index, LaneValue::uniform(b.CreateAdd(low, i, "", true, true), single ? align : 1));
          body();
          return none();
        });
        return none();
      },
      none);
}

//===--- Lanes --------------------------------------------------------------------------------===//

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

//===--- Inner loops --------------------------------------------------------------------------===//

PartEmitter::LaneValues PartEmitter::yieldsOf(Block& block) {
  LaneValues values;
  for (mlir::Value value : block.getTerminator()->getOperands())
    values.push_back(get(value));
  return values;
}

PartEmitter::Reduction PartEmitter::reductionOf(LoopOp op) {
  Reduction reduction;
  for (mlir::Value identity : op.getIdentities())
    reduction.identities.push_back(get(identity));
  reduction.step =
      reduction.merge = [this, op](const LaneValues& sums, const LaneValues& values) mutable {
        if (sums.empty()) return LaneValues();
        Scope inside(*this);
        Block& combine = op.getCombine().front();
        for (auto [i, value] : llvm::enumerate(sums))
          set(combine.getArgument(i), value);
        for (auto [i, value] : llvm::enumerate(values))
          set(combine.getArgument(sums.size() + i), value);
        emitBlock(combine);
        return yieldsOf(combine);
      };
  return reduction;
}

PartEmitter::Reduction PartEmitter::reductionOf(DotOp op) {
  Reduction reduction;
  reduction.identities.push_back(
      LaneValue::uniform(llvm::Constant::getNullValue(typeOf(op.getType()))));
  auto each = [this](llvm::function_ref<Value*(llvm::function_ref<Value*(const LaneValue&)>)> emit)
      -> LaneValues {
    if (!lanes_.active)
      return {LaneValue::uniform(emit([](const LaneValue& v) { return v.parts[0]; }))};
    return {byBlock(
        [&](unsigned u) { return emit([&](const LaneValue& v) { return vectorOf(v, u); }); })};
  };
  reduction.step = [this, each](const LaneValues& sum, const LaneValues& factors) {
    return each([&](auto pick) -> Value* {
      Value *x = pick(factors[0]), *y = pick(factors[1]), *z = pick(sum[0]);
      if (x->getType()->isIntOrIntVectorTy()) return b.CreateAdd(b.CreateMul(x, y), z);
      return b.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, z});
    });
  };
  reduction.merge = [this, each](const LaneValues& x, const LaneValues& y) {
    return each([&](auto pick) -> Value* {
      Value *s = pick(x[0]), *t = pick(y[0]);
      return s->getType()->isIntOrIntVectorTy() ? b.CreateAdd(s, t) : b.CreateFAdd(s, t);
    });
  };
  return reduction;
}

void PartEmitter::emitLoop(Operation* op, AxisAttr axis, Block& body, const Reduction& reduction) {
  Value* count = size(axis.getExtent().getResult(0));
  if (lanes_.active || !axis.getLanes()) return emitSerialReduction(op, count, body, reduction);
  widenRuns(axis, body);
  LaneValues results = laneLoop(body.getArgument(0), b.getInt64(0), count, kZeroAlign,
                                axis.getUnroll(), body, &reduction);
  runs_.clear();
  for (auto [result, value] : llvm::zip(op->getResults(), results))
    set(result, value);
}

// Says whether a load of the body divides the loop's index: unrolled, that is no work.
static bool hasDivisions(Block& body) {
  auto divides = [&](LoadOp load) {
    bool any = false;
    load.getMap().getResult(0).walk([&](AffineExpr e) {
      bool is_division =
          e.getKind() == AffineExprKind::FloorDiv || e.getKind() == AffineExprKind::Mod;
      for (auto [d, index] : llvm::enumerate(load.getIndices()))
        any |= is_division && index == body.getArgument(0) && e.isFunctionOfDim(d);
    });
    return any;
  };
  return llvm::any_of(body.getOps<LoadOp>(), divides);
}

// One iteration after another; around lanes, accumulators are vectors.
void PartEmitter::emitSerialReduction(Operation* op, Value* count, Block& body,
                                      const Reduction& reduction) {
  auto flatten = [&](const LaneValues& values) {
    Values flat;
    for (const LaneValue& value : values)
      for (int u = 0; u < lanes_.blocks; ++u)
        flat.push_back(lanes_.active ? vectorOf(value, u) : value.parts[0]);
    return flat;
  };
  auto unflatten = [&](ArrayRef<Value*> flat) {
    LaneValues values;
    for (size_t r = 0; r < flat.size(); r += lanes_.blocks)
      values.push_back({lanes_.active ? LaneValue::Kind::varying : LaneValue::Kind::uniform,
                        {flat.begin() + r, flat.begin() + r + lanes_.blocks}});
    return values;
  };
  Values initial = flatten(reduction.identities);
  auto step = [&](Value* i, ArrayRef<Value*> carried) {
    Scope inside(*this);
    set(body.getArgument(0), LaneValue::uniform(i));
    emitBlock(body);
    return flatten(reduction.step(unflatten(carried), yieldsOf(body)));
  };
  auto unrolled = [&](int64_t steps) {
    Scope ahead(*this);
    hoist(body);
    Values sums = initial;
    for (int64_t i = 0; i < steps; ++i)
      sums = step(b.getInt64(i), sums);
    return sums;
  };
  auto looped = [&] {
    Scope ahead(*this);
    hoist(body);
    return forLoop(count, 1, initial, step);
  };
  auto* fixed = llvm::dyn_cast<llvm::ConstantInt>(count);
  bool unrolls = fixed && isa<DotOp>(op) && hasDivisions(body) &&
                 fixed->getSExtValue() * lanes_.blocks <= kMostUnrolled;
  Values results =
      unrolls ? unrolled(fixed->getSExtValue())
              : ifElse(b.CreateICmpSGT(count, b.getInt64(0)), looped, [&] { return initial; });
  for (auto [result, value] : llvm::zip(op->getResults(), unflatten(results)))
    set(result, value);
}

} // namespace weft::cpu
