// Ops of a body, one after another, and what may be emitted ahead of the loop they stand in.
#include "codegen/cpu/kernel_function.h"
#include "codegen/cpu/part_emitter.h"

#include "codegen/cpu/scalar_ops.h"

#include "llvm/IR/Intrinsics.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

llvm::Type* PartEmitter::typeOf(mlir::Type type) {
  return type.isF32()        ? b.getFloatTy()
         : type.isF64()      ? b.getDoubleTy()
         : isHalf(type)      ? static_cast<llvm::Type*>(b.getInt16Ty())
         : type.isInteger(1) ? b.getInt1Ty()
                             : b.getInt64Ty();
}

llvm::Constant* PartEmitter::constantOf(arith::ConstantOp op) {
  if (auto number = dyn_cast<FloatAttr>(op.getValue())) {
    llvm::APInt bits = number.getValue().bitcastToAPInt();
    if (isHalf(op.getType())) return b.getInt(bits);
    return llvm::ConstantFP::get(b.getContext(), number.getValue());
  }
  llvm::APInt bits = cast<IntegerAttr>(op.getValue()).getValue();
  return llvm::ConstantInt::get(typeOf(op.getType()),
                                bits.sextOrTrunc(typeOf(op.getType())->getIntegerBitWidth()));
}

//===--- Hoisting -----------------------------------------------------------------------------===//

// Points are independent and iterations of a loop do not read what others store (loom.part,
// loom.loop), so a load may move in front of the loop around it, unless the body stores to the same
// memory before the load.
bool PartEmitter::canHoist(Operation& op, const llvm::SmallPtrSetImpl<mlir::Value>& written) {
  if (op.getNumResults() == 0 || isa<LocalOp>(op) || plan.rare.contains(&op)) return false;
  if (auto choice = dyn_cast<RarelyOp>(op)) {
    llvm::SmallPtrSet<Operation*, 32> made;
    return has(choice.getCondition()) && has(choice.getUsual()) && isReady(choice, made);
  }
  bool allowed = true;
  op.walk([&](Operation* inner) {
    for (mlir::Value operand : inner->getOperands()) {
      Operation* owner = operand.getDefiningOp();
      if (!owner) owner = operand.getParentBlock()->getParentOp();
      bool inside = owner == &op ? isa<BlockArgument>(operand) : op.isProperAncestor(owner);
      allowed &= inside || has(operand);
    }
    if (auto load = dyn_cast<LoadOp>(inner))
      allowed &= !written.count(load.getMemory());
    else
      allowed &= !isa<StoreOp, RequireOp>(inner);
  });
  return allowed;
}

// Emits, here, every op of the block that depends only on what is known here.
void PartEmitter::hoist(Block& block) {
  llvm::SmallPtrSet<mlir::Value, 4> written;
  for (Operation& op : block.without_terminator()) {
    if (op.getNumResults() && has(op.getResult(0))) continue;
    if (canHoist(op, written))
      emitOp(op);
    else
      op.walk([&](StoreOp store) { written.insert(store.getMemory()); });
  }
}

//===--- Ops ----------------------------------------------------------------------------------===//

void PartEmitter::emitBlock(Block& block) {
  for (Operation& op : block.without_terminator())
    if ((op.getNumResults() == 0 || !has(op.getResult(0))) && !plan.rare.contains(&op) &&
        !waitsForChoice(op))
      emitOp(op);
}

// A load, or a choice, of which another choice alone makes use: where all lanes choose alike it is
// emitted in that one's branch. So of the many parts of a concatenation only one is read.
bool PartEmitter::waitsForChoice(Operation& op) {
  if (!isa<LoadOp, arith::SelectOp>(op) || !op.getResult(0).hasOneUse()) return false;
  OpOperand& use = *op.getResult(0).use_begin();
  auto choice = dyn_cast<arith::SelectOp>(use.getOwner());
  if (!choice || choice->getBlock() != op.getBlock() || use.getOperandNumber() == 0) return false;
  mlir::Value condition = choice.getCondition();
  if (!has(condition) || !get(condition).isUniform()) return false;
  for (Operation* between = op.getNextNode(); between != choice; between = between->getNextNode())
    if (isa<StoreOp, LoopOp, DotOp>(between)) return false; // may write what is read
  return true;
}

LaneValue PartEmitter::emitChoice(arith::SelectOp op) {
  auto branch = [&](mlir::Value value) {
    return [this, value]() -> Values {
      Scope scope(*this);
      if (!has(value)) emitOp(*value.getDefiningOp());
      LaneValue chosen = get(value);
      if (!lanes_.active) return {chosen.parts[0]};
      LaneValue all = byBlock([&](unsigned i) { return vectorOf(chosen, i); });
      return Values(all.parts.begin(), all.parts.end());
    };
  };
  Values chosen = ifElse(get(op.getCondition()).parts[0], branch(op.getTrueValue()),
                         branch(op.getFalseValue()));
  if (!lanes_.active) return LaneValue::uniform(chosen[0]);
  return byBlock([&](unsigned i) { return chosen[i]; });
}

// Index arithmetic keeps linear values linear, so that addresses computed by hand are still
// contiguous.
bool PartEmitter::emitIndexOp(Operation& op) {
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    set(op.getResult(0), get(op.getOperand(0)));
    return true;
  }
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::FloorDivSIOp>(op) ||
      op.getResult(0).getType().isInteger(1))
    return false;
  LaneValue x = get(op.getOperand(0)), y = get(op.getOperand(1));
  if (x.kind != LaneValue::Kind::linear && y.kind != LaneValue::Kind::linear) return false;
  if (isa<arith::FloorDivSIOp>(op)) {
    set(op.getResult(0), divideIndex(AffineExprKind::FloorDiv, x, y));
    return true;
  }
  set(op.getResult(0), isa<arith::MulIOp>(op)
                           ? multiplyIndex(x, y)
                           : addIndex(x, isa<arith::SubIOp>(op) ? scaleIndex(y, -1) : y));
  return true;
}

// Whether the condition, or its opposite, holds in some lane that is on.
Value* PartEmitter::anyLane(const LaneValue& condition, bool negated) {
  auto wanted = [&](Value* holds) { return negated ? b.CreateNot(holds) : holds; };
  if (!lanes_.active || condition.isUniform()) return wanted(condition.parts[0]);
  Value* any = nullptr;
  for (int i = 0; i < lanes_.blocks; ++i) {
    Value* lanes = activeLanes(wanted(vectorOf(condition, i)));
    any = any ? b.CreateOr(any, lanes) : lanes;
  }
  return b.CreateOrReduce(any);
}

void PartEmitter::emitRequire(RequireOp op) {
  ifElse(
      anyLane(get(op.getCondition()), true),
      [&]() -> Values {
        Value* flag = loadPointer(b, context_, kErrorOfContext);
        b.CreateAtomicRMW(llvm::AtomicRMWInst::UMax, flag, b.getInt32(op.getCode()),
                          llvm::MaybeAlign(4), llvm::AtomicOrdering::Monotonic);
        return {};
      },
      [] { return Values{}; });
}

static std::optional<Extremum> matchExtremum(Operation& op) {
  auto select = dyn_cast<arith::SelectOp>(op);
  auto either = select ? select.getCondition().getDefiningOp<arith::OrIOp>() : arith::OrIOp();
  if (!either || !isa<FloatType>(select.getType())) return std::nullopt;
  mlir::Value t = select.getTrueValue(), f = select.getFalseValue();
  using P = arith::CmpFPredicate;
  auto order = either.getLhs().getDefiningOp<arith::CmpFOp>();
  auto nan = either.getRhs().getDefiningOp<arith::CmpFOp>();
  if (!order || !nan) return std::nullopt;
  if (order.getLhs() == order.getRhs()) std::swap(order, nan);
  bool keeps = nan.getLhs() == t && nan.getRhs() == t &&
               (nan.getPredicate() == P::UNE || nan.getPredicate() == P::UNO);
  bool forward = order.getLhs() == t && order.getRhs() == f;
  bool backward = order.getLhs() == f && order.getRhs() == t;
  bool greater = order.getPredicate() == P::OGT, less = order.getPredicate() == P::OLT;
  if (!keeps || !(forward || backward) || !(greater || less)) return std::nullopt;
  return Extremum{t, f, greater == forward};
}

bool PartEmitter::emitExtremum(Operation& op) {
  std::optional<Extremum> extremum = matchExtremum(op);
  if (!extremum) return false;
  auto loop = dyn_cast<LoopOp>(op.getParentOp());
  const bool combines = loop && op.getParentRegion() == &loop.getCombine();
  return combines ? emitCombine(op, *extremum) : emitBound(op, *extremum);
}

// Which zero wins depends on the order of the reduction anyway, so one instruction less is taken
// for it.
bool PartEmitter::emitCombine(Operation& op, const Extremum& e) {
  auto id = e.is_maximum ? llvm::Intrinsic::maximum : llvm::Intrinsic::minimum;
  llvm::FastMathFlags flags;
  flags.setNoSignedZeros();
  llvm::IRBuilder<>::FastMathFlagGuard guard(b);
  b.setFastMathFlags(flags);
  LaneValue x = get(e.bound), y = get(e.x);
  set(op.getResult(0), x.isUniform() && y.isUniform()
                           ? LaneValue::uniform(b.CreateBinaryIntrinsic(id, x.parts[0], y.parts[0]))
                           : byBlock([&](unsigned i) {
                               return b.CreateBinaryIntrinsic(id, vectorOf(x, i), vectorOf(y, i));
                             }));
  return true;
}

// A bound that all lanes share is asked for NaN lane by lane where masks are vectors: LLVM gives a
// bool that is the same in all lanes another width.
bool PartEmitter::emitBound(Operation& op, const Extremum& e) {
  const LaneValue bound = get(e.bound), x = get(e.x);
  if (!target.masksAreVectors() || !bound.isUniform() || x.isUniform()) return false;
  set(op.getResult(0), byBlock([&](unsigned i) {
        Value *lanes = vectorOf(x, i), *all = vectorOf(bound, i);
        Value* beyond = e.is_maximum ? b.CreateFCmpULT(lanes, all) : b.CreateFCmpUGT(lanes, all);
        Value* chosen = b.CreateAnd(beyond, b.CreateFCmpORD(lanes, lanes));
        return b.CreateSelect(chosen, all, lanes);
      }));
  return true;
}

void PartEmitter::emitOp(Operation& op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto* value = llvm::dyn_cast<llvm::ConstantInt>(constantOf(constant));
    set(constant, value && constant.getType().isIndex() ? constantIndex(value->getSExtValue())
                                                        : LaneValue::uniform(constantOf(constant)));
  } else if (auto load = dyn_cast<LoadOp>(op)) {
    set(load, emitLoad(load));
  } else if (auto store = dyn_cast<StoreOp>(op)) {
    emitStore(store);
  } else if (auto choice = dyn_cast<arith::SelectOp>(op);
             choice && !(has(choice.getTrueValue()) && has(choice.getFalseValue()))) {
    set(choice, emitChoice(choice));
  } else if (auto choice = dyn_cast<RarelyOp>(op)) {
    emitRarely(choice);
  } else if (auto loop = dyn_cast<LoopOp>(op)) {
    emitLoop(&op, loop.getAxis(), loop.getBody().front(), reductionOf(loop));
  } else if (auto dot = dyn_cast<DotOp>(op)) {
    emitLoop(&op, dot.getAxis(), dot.getBody().front(), reductionOf(dot));
  } else if (auto require = dyn_cast<RequireOp>(op)) {
    emitRequire(require);
  } else if (!isa<LocalOp, YieldOp>(op) && !emitIndexOp(op) && !emitExtremum(op) &&
             !emitLookup(op) && !emitCode(op)) {
    LaneValues operands;
    bool uniform = true;
    for (mlir::Value operand : op.getOperands()) {
      operands.push_back(get(operand));
      uniform &= operands.back().isUniform();
    }
    auto emit = [&](function_ref<Value*(const LaneValue&)> pick) {
      Values values;
      for (const LaneValue& operand : operands)
        values.push_back(pick(operand));
      return emitScalarOp(b, &op, values, target);
    };
    if (uniform)
      set(op.getResult(0), LaneValue::uniform(emit([](const LaneValue& v) { return v.parts[0]; })));
    else
      set(op.getResult(0), byBlock([&](unsigned i) {
            return emit([&](const LaneValue& v) { return vectorOf(v, i); });
          }));
  }
}

} // namespace weft::cpu
