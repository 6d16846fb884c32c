// The mapping table from arith, math and loom scalar ops to LLVM instructions. No fast-math flag is
// ever set.
#include "codegen/cpu/scalar_ops.h"

#include "codegen/cpu/float_range.h"
#include "ir/expr/primitives.h"
#include "ir/loom/loom.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/PatternMatch.h"

using namespace mlir;

namespace weft::cpu {
using llvm::Value;

namespace {

// The bits of a narrow integer that an i64 keeps `dropped` bits above of, or 0.
unsigned narrowBits(uint64_t dropped) {
  return dropped == 32 || dropped == 48 || dropped == 56 ? unsigned(64 - dropped) : 0;
}

// Wrapping to a narrow integer is said by its type, in which LLVM then computes.
Value* shiftRight(llvm::IRBuilderBase& b, Value* x, Value* by) {
  using namespace llvm::PatternMatch;
  Value* wrapped;
  uint64_t left, right;
  if (match(by, m_ConstantInt(right)) && match(x, m_Shl(m_Value(wrapped), m_ConstantInt(left))) &&
      left == right)
    if (unsigned bits = narrowBits(right))
      return b.CreateSExt(b.CreateTrunc(wrapped, x->getType()->getWithNewBitWidth(bits)),
                          x->getType());
  return b.CreateAShr(x, by);
}

Value* maskBits(llvm::IRBuilderBase& b, Value* x, Value* mask) {
  using namespace llvm::PatternMatch;
  uint64_t bits;
  if (x->getType()->getScalarSizeInBits() == 64 && match(mask, m_ConstantInt(bits)) && bits == 255)
    return b.CreateZExt(b.CreateTrunc(x, x->getType()->getWithNewBitWidth(8)), x->getType());
  return b.CreateAnd(x, mask);
}

llvm::CmpInst::Predicate predicateOf(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse:
    return llvm::CmpInst::FCMP_FALSE;
  case P::OEQ:
    return llvm::CmpInst::FCMP_OEQ;
  case P::OGT:
    return llvm::CmpInst::FCMP_OGT;
  case P::OGE:
    return llvm::CmpInst::FCMP_OGE;
  case P::OLT:
    return llvm::CmpInst::FCMP_OLT;
  case P::OLE:
    return llvm::CmpInst::FCMP_OLE;
  case P::ONE:
    return llvm::CmpInst::FCMP_ONE;
  case P::ORD:
    return llvm::CmpInst::FCMP_ORD;
  case P::UEQ:
    return llvm::CmpInst::FCMP_UEQ;
  case P::UGT:
    return llvm::CmpInst::FCMP_UGT;
  case P::UGE:
    return llvm::CmpInst::FCMP_UGE;
  case P::ULT:
    return llvm::CmpInst::FCMP_ULT;
  case P::ULE:
    return llvm::CmpInst::FCMP_ULE;
  case P::UNE:
    return llvm::CmpInst::FCMP_UNE;
  case P::UNO:
    return llvm::CmpInst::FCMP_UNO;
  case P::AlwaysTrue:
    return llvm::CmpInst::FCMP_TRUE;
  }
  llvm_unreachable("every predicate is listed");
}

llvm::CmpInst::Predicate predicateOf(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return llvm::CmpInst::ICMP_EQ;
  case P::ne:
    return llvm::CmpInst::ICMP_NE;
  case P::slt:
    return llvm::CmpInst::ICMP_SLT;
  case P::sle:
    return llvm::CmpInst::ICMP_SLE;
  case P::sgt:
    return llvm::CmpInst::ICMP_SGT;
  case P::sge:
    return llvm::CmpInst::ICMP_SGE;
  case P::ult:
    return llvm::CmpInst::ICMP_ULT;
  case P::ule:
    return llvm::CmpInst::ICMP_ULE;
  case P::ugt:
    return llvm::CmpInst::ICMP_UGT;
  case P::uge:
    return llvm::CmpInst::ICMP_UGE;
  }
  llvm_unreachable("every predicate is listed");
}

struct Emit {
  llvm::IRBuilderBase& b;
  ArrayRef<Value*> v;
  const CpuTarget& target;

  llvm::Type* shaped(mlir::Type type) const {
    llvm::Type* element = type.isF32()        ? b.getFloatTy()
                          : type.isF64()      ? b.getDoubleTy()
                          : isHalf(type)      ? static_cast<llvm::Type*>(b.getInt16Ty())
                          : type.isInteger(1) ? b.getInt1Ty()
                                              : b.getInt64Ty();
    if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(v[0]->getType()))
      return llvm::FixedVectorType::get(element, vector->getNumElements());
    return element;
  }
  Value* unary(llvm::Intrinsic::ID id) const { return b.CreateUnaryIntrinsic(id, v[0]); }
  Value* binary(llvm::Intrinsic::ID id) const { return b.CreateBinaryIntrinsic(id, v[0], v[1]); }
  Value* toInteger(llvm::Intrinsic::ID id, mlir::Type type) const {
    return b.CreateIntrinsic(id, {shaped(type), v[0]->getType()}, {v[0]});
  }
  Value* toFloat(mlir::Type to, bool isSigned) const {
    return isSigned ? b.CreateSIToFP(v[0], shaped(to)) : b.CreateUIToFP(v[0], shaped(to));
  }
  // Vectors of i64 are converted by many instructions before AVX-512, of i32 by one.
  Value* narrowToFloat(mlir::Type to) const {
    llvm::Type* narrow = v[0]->getType()->getWithNewBitWidth(32);
    return b.CreateSIToFP(b.CreateTrunc(v[0], narrow), shaped(to));
  }
  Value* extend(mlir::Type from, mlir::Type to) const {
    Value* x = from.isBF16()  ? extendBf16(b, v[0])
               : from.isF16() ? extendF16(b, v[0], target.has("f16c"))
                              : v[0];
    return isHalf(from) && to.isF32() ? x : b.CreateFPExt(x, shaped(to));
  }
  Value* round(mlir::Type from, mlir::Type to) const {
    if (!isHalf(to)) return b.CreateFPTrunc(v[0], shaped(to));
    mlir::Type single = mlir::Float32Type::get(to.getContext());
    Value* x = from.isF64() ? b.CreateFPTrunc(v[0], shaped(single)) : v[0];
    return to.isBF16() ? roundToBf16(b, x) : roundToF16(b, x, target.has("f16c"));
  }
};

// Says whether the exponent of a scale2 lies within its limits, or is NaN where the factor is.
bool isLimited(loom::Scale2Op op) {
  std::optional<FloatRange> range = rangeOf(op->getOperand(1));
  if (!range || !carriesNan(op->getOperand(0), op->getOperand(1))) return false;
  const bool is64 = op.getType().isF64();
  const double low = is64 ? expr::Scale2Range<double>::low : expr::Scale2Range<float>::low,
               high = is64 ? expr::Scale2Range<double>::high : expr::Scale2Range<float>::high;
  return range->low >= low && range->high <= high;
}

using Table = Value* (*)(const Emit&, Operation*);

// One row for each op.
Table find(Operation* op) {
  return llvm::TypeSwitch<Operation*, Table>(op)
#define ROW(op_name, expression)                                                                   \
  .Case<op_name>([](op_name) -> Table {                                                            \
    return [](const Emit& e, [[maybe_unused]] Operation* o) -> Value* { return expression; };      \
  })
      // clang-format off
      ROW(arith::AddFOp, e.b.CreateFAdd(e.v[0], e.v[1]))
      ROW(arith::SubFOp, e.b.CreateFSub(e.v[0], e.v[1]))
      ROW(arith::MulFOp, e.b.CreateFMul(e.v[0], e.v[1]))
      ROW(arith::DivFOp, e.b.CreateFDiv(e.v[0], e.v[1]))
      ROW(arith::RemFOp, emitFmod(e.b, e.v[0], e.v[1]))
      ROW(arith::NegFOp, e.b.CreateFNeg(e.v[0]))
      ROW(arith::CmpFOp, e.b.CreateFCmp(predicateOf(cast<arith::CmpFOp>(o).getPredicate()), e.v[0], e.v[1]))
      ROW(arith::MaximumFOp, e.binary(llvm::Intrinsic::maximum))
      ROW(arith::MinimumFOp, e.binary(llvm::Intrinsic::minimum))
      ROW(arith::MaxNumFOp, e.binary(llvm::Intrinsic::maxnum))
      ROW(arith::MinNumFOp, e.binary(llvm::Intrinsic::minnum))
      ROW(arith::AddIOp, e.b.CreateAdd(e.v[0], e.v[1]))
      ROW(arith::SubIOp, e.b.CreateSub(e.v[0], e.v[1]))
      ROW(arith::MulIOp, e.b.CreateMul(e.v[0], e.v[1]))
      ROW(arith::AndIOp, maskBits(e.b, e.v[0], e.v[1]))
      ROW(arith::OrIOp, e.b.CreateOr(e.v[0], e.v[1]))
      ROW(arith::XOrIOp, e.b.CreateXor(e.v[0], e.v[1]))
      ROW(arith::ShLIOp, e.b.CreateShl(e.v[0], e.v[1]))
      ROW(arith::ShRSIOp, shiftRight(e.b, e.v[0], e.v[1]))
      ROW(arith::ShRUIOp, e.b.CreateLShr(e.v[0], e.v[1]))
      ROW(arith::MaxSIOp, e.binary(llvm::Intrinsic::smax))
      ROW(arith::MinSIOp, e.binary(llvm::Intrinsic::smin))
      ROW(arith::MaxUIOp, e.binary(llvm::Intrinsic::umax))
      ROW(arith::MinUIOp, e.binary(llvm::Intrinsic::umin))
      ROW(arith::DivSIOp, emitDivision(e.b, Division::truncate, e.v[0], e.v[1]))
      ROW(arith::FloorDivSIOp, emitDivision(e.b, Division::floor, e.v[0], e.v[1]))
      ROW(arith::CeilDivSIOp, emitDivision(e.b, Division::ceil, e.v[0], e.v[1]))
      ROW(arith::RemSIOp, emitDivision(e.b, Division::remainder, e.v[0], e.v[1]))
      ROW(arith::CmpIOp, e.b.CreateICmp(predicateOf(cast<arith::CmpIOp>(o).getPredicate()), e.v[0], e.v[1]))
      ROW(arith::SelectOp, e.b.CreateSelect(e.v[0], e.v[1], e.v[2]))
      ROW(loom::RarelyOp, e.b.CreateSelect(e.v[0], e.v[1], e.v[2]))
      ROW(arith::IndexCastOp, e.v[0])
      ROW(arith::IndexCastUIOp, e.v[0])
      ROW(arith::ExtUIOp, e.b.CreateZExt(e.v[0], e.shaped(o->getResult(0).getType())))
      ROW(arith::ExtSIOp, e.b.CreateSExt(e.v[0], e.shaped(o->getResult(0).getType())))
      ROW(arith::TruncIOp, e.b.CreateTrunc(e.v[0], e.shaped(o->getResult(0).getType())))
      ROW(arith::SIToFPOp, o->hasAttr(loom::LoomDialect::kNarrowName) ? e.narrowToFloat(o->getResult(0).getType())
                                                                      : e.toFloat(o->getResult(0).getType(), true))
      ROW(arith::UIToFPOp, e.toFloat(o->getResult(0).getType(), false))
      ROW(arith::FPToSIOp, e.toInteger(llvm::Intrinsic::fptosi_sat, o->getResult(0).getType()))
      ROW(arith::FPToUIOp, e.toInteger(llvm::Intrinsic::fptoui_sat, o->getResult(0).getType()))
      ROW(arith::ExtFOp, e.extend(o->getOperand(0).getType(), o->getResult(0).getType()))
      ROW(arith::TruncFOp, e.round(o->getOperand(0).getType(), o->getResult(0).getType()))
      ROW(math::FmaOp, e.b.CreateIntrinsic(llvm::Intrinsic::fma, {e.v[0]->getType()}, e.v))
      ROW(math::FloorOp, e.unary(llvm::Intrinsic::floor))
      ROW(math::CeilOp, e.unary(llvm::Intrinsic::ceil))
      ROW(math::TruncOp, e.unary(llvm::Intrinsic::trunc))
      ROW(math::RoundEvenOp, e.unary(llvm::Intrinsic::roundeven))
      ROW(math::SqrtOp, e.unary(llvm::Intrinsic::sqrt))
      ROW(math::AbsFOp, e.unary(llvm::Intrinsic::fabs))
      ROW(math::CopySignOp, e.binary(llvm::Intrinsic::copysign))
      ROW(math::AbsIOp, e.b.CreateIntrinsic(llvm::Intrinsic::abs, {e.v[0]->getType()}, {e.v[0], e.b.getFalse()}))
      ROW(loom::PowerOfTwoOp, emitPowerOfTwo(e.b, e.v[0]))
      ROW(loom::Scale2Op, emitScale2(e.b, e.v[0], e.v[1], isLimited(cast<loom::Scale2Op>(o)), e.target))
      ROW(loom::ExponentOp, emitExponent(e.b, e.v[0]))
      ROW(loom::MantissaOp, emitMantissa(e.b, e.v[0]))
      ROW(loom::RandomOp, emitPhilox(e.b, e.v[0], e.v[1], e.v[2], cast<loom::RandomOp>(o).getWord()))
      .Default([](Operation*) -> Table { return nullptr; });
  // clang-format on
#undef ROW
}

bool isKnownType(mlir::Type type) {
  return type.isF32() || type.isF64() || isHalf(type) || type.isInteger(64) || type.isInteger(1) ||
         type.isIndex();
}

} // namespace

bool isScalarOp(Operation* op) {
  return find(op) && llvm::all_of(op->getOperandTypes(), isKnownType) &&
         llvm::all_of(op->getResultTypes(), isKnownType) &&
         // bf16 and f16 are only ever rounded to, widened and chosen.
         (isa<arith::ExtFOp, arith::TruncFOp, arith::SelectOp>(op) ||
          llvm::none_of(op->getOperandTypes(), isHalf));
}

Value* emitScalarOp(llvm::IRBuilderBase& builder, Operation* op, ArrayRef<Value*> operands,
                    const CpuTarget& target) {
  return find(op)({builder, operands, target}, op);
}

} // namespace weft::cpu
