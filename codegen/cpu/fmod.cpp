// The exact remainder of floats: repeated subtraction of the divisor times the quotient's upper
// bits. LLVM's frem is a call of the C library, which kernels do not link with.
#include "codegen/cpu/scalar_ops.h"

#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/Module.h"

#include <cmath>

using namespace llvm;

namespace weft::cpu {
namespace {

// Emits the body of `T fmod(T x, T y)`, T a float or a vector of them.
class FmodEmitter {
public:
  FmodEmitter(IRBuilderBase& builder, Function* function)
      : b(builder), function(function), type(function->getReturnType()),
        is_double(type->getScalarType()->isDoubleTy()), fraction(is_double ? 52 : 23) {
    if (auto* vector = dyn_cast<FixedVectorType>(type))
      bits = FixedVectorType::get(b.getIntNTy(is_double ? 64 : 32), vector->getNumElements());
    else
      bits = b.getIntNTy(is_double ? 64 : 32);
  }

  void emit() {
    LLVMContext& context = b.getContext();
    auto* entry = BasicBlock::Create(context, "entry", function);
    auto* loop = BasicBlock::Create(context, "loop", function);
    auto* after = BasicBlock::Create(context, "after", function);
    b.SetInsertPoint(entry);
    Value *x = function->getArg(0), *y = absolute(function->getArg(1)), *whole = absolute(x);
    Value* infinity = ConstantFP::getInfinity(type);
    // NaN for an infinite x, y = 0 and NaN.
    Value* defined = b.CreateAnd(b.CreateFCmpOLT(whole, infinity), b.CreateFCmpOGT(y, number(0)));
    Value* divisor_exponent = exponentOf(y);
    b.CreateCondBr(any(b.CreateAnd(defined, b.CreateFCmpOGE(whole, y))), loop, after);

    b.SetInsertPoint(loop);
    PHINode* rest = b.CreatePHI(type, 2);
    Value* is_active = b.CreateAnd(defined, b.CreateFCmpOGE(rest, y));
    Value* next = b.CreateSelect(is_active, step(rest, y, divisor_exponent), rest);
    Value* goes_on = any(b.CreateAnd(defined, b.CreateFCmpOGE(next, y)));
    rest->addIncoming(whole, entry);
    rest->addIncoming(next, loop);
    b.CreateCondBr(goes_on, loop, after);

    b.SetInsertPoint(after);
    PHINode* last = b.CreatePHI(type, 2);
    last->addIncoming(whole, entry);
    last->addIncoming(next, loop);
    Value* result = b.CreateBinaryIntrinsic(Intrinsic::copysign, last, x);
    b.CreateRet(b.CreateSelect(defined, result, ConstantFP::getQNaN(type)));
  }

private:
  Value* number(double v) { return ConstantFP::get(type, v); }
  Value* integer(int64_t v) { return ConstantInt::get(bits, v, true); }
  Value* absolute(Value* v) { return b.CreateUnaryIntrinsic(Intrinsic::fabs, v); }
  Value* any(Value* mask) { return mask->getType()->isVectorTy() ? b.CreateOrReduce(mask) : mask; }

  // floor(log2 v) of a positive v, subnormal ones included.
  Value* exponentOf(Value* v) {
    int bias = is_double ? 1023 : 127;
    double up = std::ldexp(1.0, fraction + 1);
    Value* is_small = b.CreateFCmpOLT(v, number(std::ldexp(1.0, 1 - bias)));
    Value* normal = b.CreateSelect(is_small, b.CreateFMul(v, number(up)), v);
    Value* field = b.CreateLShr(b.CreateBitCast(normal, bits), fraction);
    Value* offset = b.CreateSelect(is_small, integer(bias + fraction + 1), integer(bias));
    return b.CreateSub(field, offset);
  }
  // v * 2^k for a normal power.
  Value* scale(Value* v, Value* k) {
    Value* field = b.CreateShl(b.CreateAdd(k, integer(is_double ? 1023 : 127)), fraction);
    return b.CreateFMul(v, b.CreateBitCast(field, type));
  }
  // Takes from r the multiple of y that the upper bits of the quotient give: y 2^k is exact and not
  // above r, the quotient by it has less bits than a fraction, and so the difference is exact too.
  Value* step(Value* r, Value* y, Value* divisor_exponent) {
    Value* distance = b.CreateSub(exponentOf(r), divisor_exponent);
    Value* k = b.CreateBinaryIntrinsic(Intrinsic::smax,
                                       b.CreateSub(distance, integer(fraction - 1)), integer(0));
    Value* half = b.CreateLShr(k, 1);
    Value* d = scale(scale(y, half), b.CreateSub(k, half));
    Value* q = b.CreateUnaryIntrinsic(Intrinsic::floor, b.CreateFDiv(r, d));
    Value* left = b.CreateIntrinsic(Intrinsic::fma, {type}, {b.CreateFNeg(q), d, r});
    return b.CreateSelect(b.CreateFCmpOLT(left, number(0)), b.CreateFAdd(left, d), left);
  }

  IRBuilderBase& b;
  Function* function;
  Type* type;
  bool is_double;
  int fraction;
  Type* bits;
};

} // namespace

Value* emitFmod(IRBuilderBase& builder, Value* x, Value* y) {
  Function* parent = builder.GetInsertBlock()->getParent();
  Module* module = parent->getParent();
  Type* type = x->getType();
  auto* vector = dyn_cast<FixedVectorType>(type);
  std::string name = std::string("weft.fmod.") +
                     (type->getScalarType()->isDoubleTy() ? "f64" : "f32") +
                     (vector ? ".v" + std::to_string(vector->getNumElements()) : "");
  Function* function = module->getFunction(name);
  if (!function) {
    function = Function::Create(FunctionType::get(type, {type, type}, false),
                                GlobalValue::InternalLinkage, name, module);
    function->setAttributes(AttributeList::get(
        builder.getContext(), AttributeList::FunctionIndex,
        AttrBuilder(builder.getContext(), parent->getAttributes().getFnAttrs())));
    function->addFnAttr(Attribute::NoInline);
    function->addFnAttr(Attribute::NoUnwind);
    IRBuilderBase::InsertPointGuard guard(builder);
    FmodEmitter(builder, function).emit();
  }
  return builder.CreateCall(function, {x, y});
}

} // namespace weft::cpu
