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
    Value* shift = plan.packs_a ? b.CreateMul(panelSums(), ConstantInt::getSigned(types.vec, -128))
                                : b.CreateMul(rowSum(), ConstantInt::getSigned(types.sum, -128));
    b.CreateAlignedStore(shift, to, Align(plan.sumBytes()));
    b.CreateRetVoid();
  }

private:
  // A lane for each row; what a group of the panel has behind its rows adds up in the others.
  Value* panelSums() {
    return sumOver(groups, 1, [&](Value* group) {
      Value* place = b.CreateNSWMul(group, b.getInt64(plan.tile_rows));
      return b.CreateAlignedLoad(types.vec, b.CreateGEP(types.sum, a, place), Align(4));
    });
  }

  Value* rowSum() {
    Value* whole = b.CreateAnd(groups, b.getInt64(-int64_t(plan.lanes)));
    Value* sums = sumOver(whole, plan.lanes, [&](Value* group) {
      return b.CreateAlignedLoad(types.vec, b.CreateGEP(types.sum, a, group), Align(1));
    });
    std::vector<Constant*> ids;
    for (int i = 0; i < plan.lanes; ++i)
      ids.push_back(b.getInt64(i));
    Value* left = b.CreateVectorSplat(plan.lanes, b.CreateNSWSub(groups, whole));
    Value* tail = b.CreateMaskedLoad(types.vec, b.CreateGEP(types.sum, a, whole), Align(1),
                                     b.CreateICmpSLT(ConstantVector::get(ids), left),
                                     Constant::getNullValue(types.vec));
    return b.CreateAddReduce(addQuads(b, sums, ones(), tail));
  }

  Value* sumOver(Value* count, int64_t step, function_ref<Value*(Value*)> load) {
    BasicBlock* before = b.GetInsertBlock();
    BasicBlock* loop = BasicBlock::Create(b.getContext(), "sum", function);
    BasicBlock* done = BasicBlock::Create(b.getContext(), "summed", function);
    Value* none = Constant::getNullValue(types.vec);
    b.CreateCondBr(b.CreateICmpSGT(count, b.getInt64(0)), loop, done);
    b.SetInsertPoint(loop);
    PHINode *number = b.CreatePHI(types.i64, 2), *sum = b.CreatePHI(types.vec, 2);
    Value* next = b.CreateNSWAdd(number, b.getInt64(step));
    Value* more = addQuads(b, sum, ones(), load(number));
    number->addIncoming(b.getInt64(0), before);
    number->addIncoming(next, loop);
    sum->addIncoming(none, before);
    sum->addIncoming(more, loop);
    b.CreateCondBr(b.CreateICmpSLT(next, count), loop, done);
    b.SetInsertPoint(done);
    PHINode* total = b.CreatePHI(types.vec, 2);
    total->addIncoming(none, before);
    total->addIncoming(more, loop);
    return total;
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
  std::string name = "weft.dot.shift";
  if (plan.packs_a) name += "." + std::to_string(plan.tile_rows);
  bool created;
  Function* function = dotFunction(b, name, {types.ptr, types.i64, types.ptr}, created);
  if (created) {
    IRBuilderBase::InsertPointGuard guard(b);
    ShiftEmitter(b, plan, function).emit();
  }
  return function;
}

} // namespace weft::cpu
