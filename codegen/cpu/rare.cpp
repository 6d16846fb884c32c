// Choices whose condition seldom holds: what only their rare sides need is emitted inside of a
// branch, which lanes take together if one of them has the condition.
#include "codegen/cpu/part_emitter.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

// Says whether a rare side can be emitted here; `made`: what it takes, and what it is made of.
bool PartEmitter::isReady(RarelyOp op, llvm::SmallPtrSetImpl<Operation*>& made) {
  auto isKnown = [&](mlir::Value v) { return has(v) || made.contains(v.getDefiningOp()); };
  for (Operation* o : sideOf(op)) {
    for (OpOperand& operand : o->getOpOperands())
      if (!isRareSide(operand) && !isKnown(operand.get())) return false;
    if (auto choice = dyn_cast<RarelyOp>(o); choice && !isReady(choice, made)) return false;
    made.insert(o);
  }
  return isKnown(op.getRare());
}

// A choice and later ones by the same condition whose rare sides can be emitted with its own: sine
// and cosine of a number share most of theirs.
SmallVector<RarelyOp> PartEmitter::choicesWith(RarelyOp op) {
  SmallVector<RarelyOp> choices{op};
  if (plan.rare.contains(op)) return choices;
  for (Operation* next = op->getNextNode(); next; next = next->getNextNode()) {
    auto other = dyn_cast<RarelyOp>(next);
    llvm::SmallPtrSet<Operation*, 32> made;
    if (other && other.getCondition() == op.getCondition() && !plan.rare.contains(other) &&
        !has(other) && !has(other.getRare()) && isReady(other, made))
      choices.push_back(other);
  }
  return choices;
}

void PartEmitter::emitRareSides(ArrayRef<RarelyOp> choices, Value* any) {
  LaneValues sides;
  auto rare = [&] {
    Scope inside(*this);
    Values all;
    for (RarelyOp choice : choices) {
      for (Operation* op : sideOf(choice))
        emitOp(*op);
      LaneValue side = get(choice.getRare());
      if (!side.isUniform()) side = byBlock([&](unsigned i) { return vectorOf(side, i); });
      llvm::append_range(all, side.parts);
      sides.push_back(side);
    }
    return all;
  };
  auto usual = [&] {
    Values all;
    for (const LaneValue& side : sides)
      for (Value* part : side.parts)
        all.push_back(llvm::PoisonValue::get(part->getType()));
    return all;
  };
  Values values = ifElse(any, rare, usual, Odds::rare);
  ArrayRef<Value*> joined = values;
  for (auto [k, side] : llvm::enumerate(sides)) {
    RarelyOp choice = choices[k];
    size_t count = side.parts.size();
    side.parts.assign(joined.begin(), joined.begin() + count);
    joined = joined.drop_front(count);
    rare_sides_[choice.getResult()] = side;
    order_.push_back(choice);
  }
}

void PartEmitter::emitRarely(RarelyOp op) {
  LaneValue condition = get(op.getCondition()), usual = get(op.getUsual());
  if (!has(op.getRare()) && !rare_sides_.contains(op)) {
    Value* any = anyLane(condition);
    if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(any); known && known->isZero())
      return set(op, usual);
    emitRareSides(choicesWith(op), any);
  }
  auto found = rare_sides_.find(op);
  LaneValue rare = found != rare_sides_.end() ? found->second : get(op.getRare());
  if (condition.isUniform() && rare.isUniform() && usual.isUniform())
    return set(
        op, LaneValue::uniform(b.CreateSelect(condition.parts[0], rare.parts[0], usual.parts[0])));
  set(op, byBlock([&](unsigned i) {
        return b.CreateSelect(vectorOf(condition, i), vectorOf(rare, i), vectorOf(usual, i));
      }));
}

} // namespace weft::cpu
