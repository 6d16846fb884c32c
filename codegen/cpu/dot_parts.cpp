#include "codegen/cpu/dot_parts.h"

#include "codegen/cpu/scalar_ops.h"

#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"

#include <vector>

using namespace llvm;

namespace weft::cpu {

DotTypes::DotTypes(LLVMContext& context, const DotPlan& plan) {
  i64 = Type::getInt64Ty(context);
  ptr = PointerType::get(context, 0);
  is_f16 = plan.shape.element == DotElement::f16;
  has_f16c = plan.target.f16c;
  switch (plan.shape.element) {
  case DotElement::f32:
    stored = sum = Type::getFloatTy(context);
    break;
  case DotElement::f64:
    stored = sum = Type::getDoubleTy(context);
    break;
  case DotElement::bf16:
  case DotElement::f16:
    stored = Type::getInt16Ty(context);
    sum = Type::getFloatTy(context);
    break;
  case DotElement::i64:
    stored = sum = i64;
    break;
  case DotElement::i8:
    stored = Type::getInt8Ty(context);
    sum = Type::getInt32Ty(context);
    break;
  }
  vec = FixedVectorType::get(sum, plan.lanes);
  row = FixedVectorType::get(stored, plan.lanes);
}

void emitDotLoop(IRBuilderBase& b, Value* from, Value* to, int64_t step,
                 function_ref<void(Value*)> body) {
  auto *first = dyn_cast<ConstantInt>(from), *last = dyn_cast<ConstantInt>(to);
  if (first && last && first->getSExtValue() >= last->getSExtValue()) return;
  Function* function = b.GetInsertBlock()->getParent();
  LLVMContext& context = b.getContext();
  BasicBlock* before = b.GetInsertBlock();
  BasicBlock* loop = BasicBlock::Create(context, "loop", function);
  BasicBlock* after = BasicBlock::Create(context, "after", function);
  b.CreateCondBr(b.CreateICmpSLT(from, to), loop, after);
  b.SetInsertPoint(loop);
  PHINode* i = b.CreatePHI(b.getInt64Ty(), 2, "i");
  i->addIncoming(from, before);
  body(i);
  Value* next = b.CreateNSWAdd(i, b.getInt64(step));
  i->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpSLT(next, to), loop, after);
  after->moveAfter(b.GetInsertBlock());
  b.SetInsertPoint(after);
}

void emitDotIf(IRBuilderBase& b, Value* condition, function_ref<void()> body) {
  if (auto* constant = dyn_cast<ConstantInt>(condition)) {
    if (constant->isOne()) body();
    return;
  }
  Function* function = b.GetInsertBlock()->getParent();
  BasicBlock* then = BasicBlock::Create(b.getContext(), "then", function);
  BasicBlock* after = BasicBlock::Create(b.getContext(), "after", function);
  b.CreateCondBr(condition, then, after);
  b.SetInsertPoint(then);
  body();
  b.CreateBr(after);
  after->moveAfter(b.GetInsertBlock());
  b.SetInsertPoint(after);
}

Value* emitDotOffset(IRBuilderBase& b, Value* a, Value* x, Value* y) {
  auto is = [](Value* v, uint64_t n) {
    auto* constant = dyn_cast<ConstantInt>(v);
    return constant && constant->equalsInt(n);
  };
  if (is(x, 0) || is(y, 0)) return a;
  Value* product = is(x, 1) ? y : is(y, 1) ? x : b.CreateNSWMul(x, y);
  return is(a, 0) ? product : b.CreateNSWAdd(a, product);
}

Value* emitDotLoad(IRBuilderBase& b, const DotTypes& types, Value* address, unsigned count,
                   Value* mask) {
  Type* type = count == 1 ? types.stored : FixedVectorType::get(types.stored, count);
  Align align(types.stored->getScalarSizeInBits() / 8);
  Value* value = mask ? b.CreateMaskedLoad(type, address, align, mask, Constant::getNullValue(type))
                      : static_cast<Value*>(b.CreateAlignedLoad(type, address, align));
  return widenDot(b, types, value);
}

Value* emitDotPanel(IRBuilderBase& b, const DotTypes& types, const DotPlan& plan, Value* panels,
                    Value* lane, Value* step, Value* steps, int64_t width, Value* packed,
                    function_ref<void()> pack) {
  if (!panels) {
    pack();
    return packed;
  }
  Value* is_there = b.CreateIsNotNull(panels);
  emitDotIf(b, b.CreateNot(is_there), pack);
  // panel = lane / width: its first lane is that of panel * width columns of all steps.
  Value* group = b.getInt64(plan.group);
  Value* groups = b.CreateUDiv(b.CreateNSWAdd(steps, b.getInt64(plan.group - 1)), group);
  Value* place = b.CreateNSWAdd(b.CreateNSWMul(lane, groups),
                                b.CreateNSWMul(b.CreateUDiv(step, group), b.getInt64(width)));
  return b.CreateSelect(is_there, b.CreateGEP(types.sum, panels, place), packed);
}

Value* emitDotSize(IRBuilderBase& b, const DotSize& size) {
  return size.value ? size.value : b.getInt64(size.constant);
}

Value* emitDotEntry(IRBuilderBase& b, const DotTypes& types, const DotOperand& operand,
                    Value* batch) {
  if (!operand.batch_offset) return operand.base;
  return b.CreateGEP(types.stored, operand.base, operand.batch_offset(b, batch));
}

Value* widenDot(IRBuilderBase& b, const DotTypes& types, Value* value) {
  if (types.stored == types.sum) return value;
  return types.is_f16 ? extendF16(b, value, types.has_f16c) : extendBf16(b, value);
}

Value* interleaveDot(IRBuilderBase& b, const DotTypes& types, ArrayRef<Value*> rows) {
  // Rows 0 1 2 3 become 0 2 and 1 3, then 0 1 2 3, as the digits of a bit-reversed number.
  std::vector<Value*> left(rows.begin(), rows.end());
  for (; left.size() > 1; left.resize(left.size() / 2)) {
    size_t half = left.size() / 2;
    int lanes = int(cast<FixedVectorType>(left[0]->getType())->getNumElements());
    std::vector<int> order;
    for (int i = 0; i < lanes; ++i) {
      order.push_back(i);
      order.push_back(lanes + i);
    }
    for (size_t r = 0; r < half; ++r)
      left[r] = b.CreateShuffleVector(left[r], left[r + half], order);
  }
  return b.CreateBitCast(left[0], types.vec);
}

void transposeDot(IRBuilderBase& b, MutableArrayRef<Value*> rows) {
  int lanes = int(rows.size());
  auto exchange = [&](Value*& low, Value*& high, int distance) {
    std::vector<int> first, second;
    for (int i = 0; i < lanes; ++i) {
      first.push_back(i & distance ? lanes + i - distance : i);
      second.push_back(i & distance ? lanes + i : i + distance);
    }
    Value* a = b.CreateShuffleVector(low, high, first);
    high = b.CreateShuffleVector(low, high, second);
    low = a;
  };
  // Invariant: after the stage of distance d, bit d of the lane and of the row are exchanged.
  for (int distance = lanes / 2; distance >= 1; distance /= 2)
    for (int i = 0; i < lanes; ++i)
      if (!(i & distance)) exchange(rows[i], rows[i + distance], distance);
}

Value* firstLanesDot(IRBuilderBase& b, int lanes, Value* count) {
  std::vector<Constant*> ids;
  for (int i = 0; i < lanes; ++i)
    ids.push_back(b.getInt64(i));
  return b.CreateICmpSLT(ConstantVector::get(ids), b.CreateVectorSplat(lanes, count));
}

Value* multiplyAddDot(IRBuilderBase& b, const DotPlan& plan, Value* x, Value* y, Value* sum) {
  if (sum->getType()->isIntOrIntVectorTy()) return b.CreateAdd(sum, b.CreateMul(x, y));
  if (!plan.target.fma) return b.CreateFAdd(sum, b.CreateFMul(x, y));
  return b.CreateIntrinsic(Intrinsic::fma, {sum->getType()}, {x, y, sum});
}

Value* addQuads(IRBuilderBase& b, Value* sum, Value* x, Value* y) {
  auto* quads = FixedVectorType::get(b.getInt8Ty(), 64);
  return b.CreateIntrinsic(Intrinsic::x86_avx512_vpdpbusd_512, {},
                           {sum, b.CreateBitCast(x, quads), b.CreateBitCast(y, quads)});
}

Function* dotFunction(IRBuilderBase& b, const std::string& name, ArrayRef<Type*> parameters,
                      function_ref<void(Function*)> emit) {
  Function* parent = b.GetInsertBlock()->getParent();
  Module* module = parent->getParent();
  if (Function* function = module->getFunction(name)) return function;
  auto* type = FunctionType::get(b.getVoidTy(), parameters, false);
  auto* function = Function::Create(type, GlobalValue::InternalLinkage, name, module);
  function->setAttributes(
      AttributeList::get(b.getContext(), AttributeList::FunctionIndex,
                         AttrBuilder(b.getContext(), parent->getAttributes().getFnAttrs())));
  function->addFnAttr(Attribute::NoInline);
  function->addFnAttr(Attribute::NoUnwind);
  for (Argument& argument : function->args())
    if (argument.getType()->isPointerTy()) argument.addAttr(Attribute::NoAlias);
  IRBuilderBase::InsertPointGuard guard(b);
  emit(function);
  return function;
}

const char* nameOfElement(DotElement element) {
  static const char* const names[] = {"f32", "f64", "bf16", "f16", "i64", "i8"};
  return names[int(element)];
}

} // namespace weft::cpu
