// Branches, serial loops over points, and inner loops with what they accumulate; lane_loops.cpp has
// the loops whose points are lanes.
#include "codegen/cpu/part_emitter.h"

#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/MDBuilder.h"

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
