// sum a (b + 128) = sum a b + 128 sum a: what the sums of rows start from where B is packed as u8.
#include "codegen/cpu/dot_parts.h"

#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

class ShiftEmitter {
public:
  ShiftEmitter(IRBuilderBase& builder, const DotPlan& plan, Function* function)
      : b(builder), plan(plan), types(builder.getContext(), plan), function(function),
        a(function->getArg(0)), groups(function->getArg(1)), to(function->getArg(2)) {}

  void emit() {
    b.SetInsertPoint(BasicBlock::Create(b.getContext(), "entry", function));
    if (plan.packs_a)
      storeShift(panelSums(), to);
    else
      for (auto [row, sum] : enumerate(rowSums()))
        storeShift(sum, b.CreateConstGEP1_64(types.sum, to, int64_t(row)));
    b.CreateRetVoid();
  }

private:
  void storeShift(Value* sum, Value* address) {
    Value* shift = b.CreateMul(sum, ConstantInt::getSigned(sum->getType(), -128));
    b.CreateAlignedStore(shift, address, Align(plan.sumBytes()));
  }

  // A lane for each row; what a group of the panel has behind its rows adds up in the others.
  Value* panelSums() {
    return sumsOver(groups, 1, 1, [&](Value* group, int) {
      Value* place = b.CreateNSWMul(group, b.getInt64(plan.tile_rows));
      return b.CreateAlignedLoad(types.vec, b.CreateGEP(types.sum, a, place), Align(4));
    })[0];
  }

  // The rows of a tile side by side, so that they do not wait for each other's additions.
  std::vector<Value*> rowSums() {
    Value* whole = b.CreateAnd(groups, b.getInt64(-int64_t(plan.lanes)));
    std::vector<Value*> sums =
        sumsOver(whole, plan.lanes, plan.tile_rows, [&](Value* group, int row) {
          return b.CreateAlignedLoad(types.vec, at(row, group), Align(1));
        });
    Value* mask = firstLanesDot(b, plan.lanes, b.CreateNSWSub(groups, whole));
    for (auto [row, sum] : enumerate(sums)) {
      Value* tail = b.CreateMaskedLoad(types.vec, at(int(row), whole), Align(1), mask,
                                       Constant::getNullValue(types.vec));
      sum = b.CreateAddReduce(addQuads(b, sum, ones(), tail));
    }
    return sums;
  }

  // A group of a row that is read in place.
  Value* at(int row, Value* group) {
    Value* line = b.CreateConstGEP1_64(types.stored, a, row * plan.shape.a.row_stride);
    return b.CreateGEP(types.sum, line, group);
  }

  // Adds up `count` vectors at once, over every step-th group.
  std::vector<Value*> sumsOver(Value* end, int64_t step, int count,
                               function_ref<Value*(Value* group, int i)> load) {
    BasicBlock* before = b.GetInsertBlock();
    BasicBlock* loop = BasicBlock::Create(b.getContext(), "sum", function);
    BasicBlock* done = BasicBlock::Create(b.getContext(), "summed", function);
    Value* none = Constant::getNullValue(types.vec);
    b.CreateCondBr(b.CreateICmpSGT(end, b.getInt64(0)), loop, done);
    b.SetInsertPoint(loop);
    PHINode* number = b.CreatePHI(types.i64, 2);
    std::vector<PHINode*> sums;
    for (int i = 0; i < count; ++i)
      sums.push_back(b.CreatePHI(types.vec, 2));
    Value* next = b.CreateNSWAdd(number, b.getInt64(step));
    number->addIncoming(b.getInt64(0), before);
    number->addIncoming(next, loop);
    for (auto [i, sum] : enumerate(sums)) {
      sum->addIncoming(none, before);
      sum->addIncoming(addQuads(b, sum, ones(), load(number, int(i))), loop);
    }
    b.CreateCondBr(b.CreateICmpSLT(next, end), loop, done);
    b.SetInsertPoint(done);
    std::vector<Value*> totals;
    for (PHINode* sum : sums) {
      PHINode* total = b.CreatePHI(types.vec, 2);
      total->addIncoming(none, before);
      total->addIncoming(sum->getIncomingValue(1), loop);
      totals.push_back(total);
    }
    return totals;
  }

  Value* ones() { return ConstantInt::get(types.vec, 0x01010101); }

  IRBuilderBase& b;
  const DotPlan& plan;
  DotTypes types;
  Function* function;
  Value *a, *groups, *to;
};

} // namespace

Function* dotShiftFunction(IRBuilderBase& b, const DotPlan& plan) {
  DotTypes types(b.getContext(), plan);
  std::string name = "weft.dot.shift." + std::to_string(plan.tile_rows);
  if (!plan.packs_a) name += ".a" + std::to_string(plan.shape.a.row_stride);
  return dotFunction(b, name, {types.ptr, types.i64, types.ptr},
                     [&](Function* function) { ShiftEmitter(b, plan, function).emit(); });
}

} // namespace weft::cpu
