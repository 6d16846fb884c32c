// The scalar ops that are more than one LLVM instruction: powers of two, bf16, integer division,
// random words.
#include "codegen/cpu/scalar_ops.h"

#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace weft::cpu {
using llvm::Value;

namespace {

/// The integer type of the same shape with elements of `bits` bits.
llvm::Type* integersLike(Value* value, unsigned bits) {
  return value->getType()->getWithNewBitWidth(bits);
}

llvm::Type* bitsLike(Value* value) {
  llvm::Type* type = value->getType();
  llvm::Type* element = llvm::IntegerType::get(type->getContext(), type->getScalarSizeInBits());
  if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type))
    return llvm::FixedVectorType::get(element, vector->getNumElements());
  return element;
}

struct FloatLayout {
  unsigned fraction_bits;
  int64_t bias, exponent_mask;
};
FloatLayout layoutOf(Value* x) {
  return x->getType()->getScalarType()->isDoubleTy() ? FloatLayout{52, 1023, 0x7ff}
                                                     : FloatLayout{23, 127, 0xff};
}

// Splits vectors that are wider than `lanes`, pads narrower ones, and puts the pieces' results
// together.
template <class F>
Value* byPieces(llvm::IRBuilderBase& builder, Value* x, Value* n, unsigned lanes, F emit) {
  auto* type = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  auto* piece = llvm::FixedVectorType::get(x->getType()->getScalarType(), lanes);
  if (!type) {
    auto widen = [&](Value* v) {
      return builder.CreateInsertElement(llvm::PoisonValue::get(piece), v, uint64_t(0));
    };
    return builder.CreateExtractElement(emit(widen(x), widen(n)), uint64_t(0));
  }
  unsigned count = type->getNumElements();
  auto take = [&](Value* v, unsigned from) -> Value* {
    if (count == lanes) return v;
    llvm::SmallVector<int, 64> mask;
    for (unsigned i = 0; i < lanes; ++i)
      mask.push_back(from + i < count ? int(from + i) : -1);
    return builder.CreateShuffleVector(v, mask);
  };
  Value* result = nullptr;
  for (unsigned from = 0; from < count; from += lanes) {
    Value* part = emit(take(x, from), take(n, from));
    if (!result) {
      result = part;
      continue;
    }
    llvm::SmallVector<int, 64> wide;
    for (unsigned i = 0; i < from + lanes; ++i)
      wide.push_back(i < lanes ? int(i) : -1);
    Value* spread = builder.CreateShuffleVector(part, wide);
    llvm::SmallVector<int, 64> keep, merge;
    for (unsigned i = 0; i < from + lanes; ++i) {
      keep.push_back(i < from ? int(i) : -1);
      merge.push_back(i < from ? int(i) : int(from + lanes + i - from));
    }
    result = builder.CreateShuffleVector(builder.CreateShuffleVector(result, keep), spread, merge);
  }
  if (count >= lanes) return result;
  llvm::SmallVector<int, 64> low;
  for (unsigned i = 0; i < count; ++i)
    low.push_back(int(i));
  return builder.CreateShuffleVector(result, low);
}

// vscalefps and vscalefpd compute x * 2^floor(n) with one rounding, subnormal numbers and overflow
// included.
Value* scaleByInstruction(llvm::IRBuilderBase& builder, Value* x, Value* n) {
  bool is64 = x->getType()->getScalarType()->isDoubleTy();
  auto* type = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  unsigned bits = type ? type->getNumElements() * (is64 ? 64 : 32) : 128;
  bits = bits >= 512 ? 512 : bits >= 256 ? 256 : 128;
  auto emit = [&](Value* a, Value* b) -> Value* {
    using namespace llvm;
    if (bits == 512) {
      Intrinsic::ID id = is64 ? Intrinsic::x86_avx512_mask_scalef_pd_512
                              : Intrinsic::x86_avx512_mask_scalef_ps_512;
      Value* all = is64 ? builder.getInt8(-1) : static_cast<Value*>(builder.getInt16(-1));
      return builder.CreateIntrinsic(id, {}, {a, b, a, all, builder.getInt32(4)});
    }
    Intrinsic::ID id = bits == 256 ? (is64 ? Intrinsic::x86_avx512_mask_scalef_pd_256
                                           : Intrinsic::x86_avx512_mask_scalef_ps_256)
                                   : (is64 ? Intrinsic::x86_avx512_mask_scalef_pd_128
                                           : Intrinsic::x86_avx512_mask_scalef_ps_128);
    return builder.CreateIntrinsic(id, {}, {a, b, a, builder.getInt8(-1)});
  };
  return byPieces(builder, x, n, bits / (is64 ? 64 : 32), emit);
}

} // namespace

// The second factor is normal, and if the first product is inexact, the second one is zero in any
// case: so there is one rounding.
Value* emitScale2(llvm::IRBuilderBase& builder, Value* x, Value* n, bool is_limited,
                  const CpuTarget& target) {
  auto [fraction, bias, mask] = layoutOf(x);
  // NaN counts as the lower limit.
  auto limited = [&](Value* v, int64_t low, int64_t high) {
    Value* least = llvm::ConstantFP::get(v->getType(), double(low));
    Value* most = llvm::ConstantFP::get(v->getType(), double(high));
    v = builder.CreateSelect(builder.CreateFCmpOGT(v, least), v, least);
    return builder.CreateSelect(builder.CreateFCmpOLT(v, most), v, most);
  };
  if (target.vector_bits == 512)
    return scaleByInstruction(builder, x, is_limited ? n : limited(n, 2 - 2 * bias, 2 * bias));
  Value* last = limited(n, 1 - bias, bias);
  Value* first = builder.CreateFSub(n, last);
  if (!is_limited) first = limited(first, 1 - bias, bias);
  return builder.CreateFMul(builder.CreateFMul(x, emitPowerOfTwo(builder, first)),
                            emitPowerOfTwo(builder, last));
}

// Adding 1.5 * 2^fraction leaves an integer in the low bits.
Value* emitPowerOfTwo(llvm::IRBuilderBase& builder, Value* n) {
  auto [fraction, bias, mask] = layoutOf(n);
  double offset = std::ldexp(1.5, int(fraction)) + double(bias);
  Value* sum = builder.CreateFAdd(n, llvm::ConstantFP::get(n->getType(), offset));
  Value* bits = builder.CreateShl(builder.CreateBitCast(sum, bitsLike(n)), fraction);
  return builder.CreateBitCast(bits, n->getType());
}

Value* emitExponent(llvm::IRBuilderBase& builder, Value* x) {
  auto [fraction, bias, mask] = layoutOf(x);
  Value* bits = builder.CreateBitCast(x, bitsLike(x));
  Value* field = builder.CreateAnd(builder.CreateLShr(bits, fraction), mask);
  return builder.CreateSIToFP(
      builder.CreateSub(field, llvm::ConstantInt::get(field->getType(), bias)), x->getType());
}

Value* emitMantissa(llvm::IRBuilderBase& builder, Value* x) {
  auto [fraction, bias, mask] = layoutOf(x);
  Value* bits = builder.CreateBitCast(x, bitsLike(x));
  bits = builder.CreateAnd(bits, (uint64_t(1) << fraction) - 1);
  return builder.CreateBitCast(builder.CreateOr(bits, uint64_t(bias) << fraction), x->getType());
}

Value* roundToBf16(llvm::IRBuilderBase& builder, Value* value) {
  Value* bits = builder.CreateBitCast(value, bitsLike(value));
  Value* high = builder.CreateLShr(bits, 16);
  Value* odd = builder.CreateAnd(high, 1);
  Value* bumped = builder.CreateAdd(
      bits, builder.CreateAdd(odd, llvm::ConstantInt::get(bits->getType(), 0x7fff)));
  Value* rounded = builder.CreateLShr(bumped, 16);
  Value* quiet = builder.CreateOr(high, 0x40);
  Value* chosen = builder.CreateSelect(builder.CreateFCmpUNO(value, value), quiet, rounded);
  return builder.CreateTrunc(chosen, integersLike(bits, 16));
}

Value* extendBf16(llvm::IRBuilderBase& builder, Value* bits) {
  Value* wide = builder.CreateShl(builder.CreateZExt(bits, integersLike(bits, 32)), 16);
  llvm::Type* type = builder.getFloatTy();
  if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(bits->getType()))
    type = llvm::FixedVectorType::get(type, vector->getNumElements());
  return builder.CreateBitCast(wide, type);
}

Value* roundToF16(llvm::IRBuilderBase& builder, Value* value, bool has_f16c) {
  if (has_f16c) {
    Value* half =
        builder.CreateFPTrunc(value, value->getType()->getWithNewType(builder.getHalfTy()));
    return builder.CreateBitCast(half, bitsLike(half));
  }
  Value* bits = builder.CreateBitCast(value, bitsLike(value));
  auto number = [&](uint64_t v) { return llvm::ConstantInt::get(bits->getType(), v); };
  Value* magnitude = builder.CreateAnd(bits, 0x7fffffff);
  // Normal results: the exponent's bias goes from 127 to 15, then 13 bits are rounded away.
  Value* odd = builder.CreateAnd(builder.CreateLShr(magnitude, 13), 1);
  Value* rebiased = builder.CreateSub(magnitude, number(0x38000000 - 0xfff));
  Value* normal = builder.CreateLShr(builder.CreateAdd(rebiased, odd), 13);
  // Subnormal ones: adding 1/2 leaves multiples of 2^-24 in the low bits, rounded.
  Value* sum = builder.CreateFAdd(builder.CreateBitCast(magnitude, value->getType()),
                                  llvm::ConstantFP::get(value->getType(), 0.5));
  Value* small = builder.CreateSub(builder.CreateBitCast(sum, bits->getType()), number(0x3f000000));
  auto select = [&](llvm::CmpInst::Predicate p, uint64_t limit, Value* then, Value* otherwise) {
    return builder.CreateSelect(builder.CreateICmp(p, magnitude, number(limit)), then, otherwise);
  };
  Value* result = select(llvm::CmpInst::ICMP_ULT, 0x38800000, small, normal);
  result = select(llvm::CmpInst::ICMP_UGE, 0x477ff000, number(0x7c00), result);
  Value* payload = builder.CreateAnd(builder.CreateLShr(magnitude, 13), 0x3ff);
  result = select(llvm::CmpInst::ICMP_UGT, 0x7f800000, builder.CreateOr(payload, 0x7e00), result);
  Value* sign = builder.CreateAnd(builder.CreateLShr(bits, 16), 0x8000);
  return builder.CreateTrunc(builder.CreateOr(result, sign), integersLike(bits, 16));
}

Value* extendF16(llvm::IRBuilderBase& builder, Value* bits, bool has_f16c) {
  llvm::Type* single = bits->getType()->getWithNewType(builder.getFloatTy());
  if (has_f16c) {
    Value* half = builder.CreateBitCast(bits, bits->getType()->getWithNewType(builder.getHalfTy()));
    return builder.CreateFPExt(half, single);
  }
  Value* wide = builder.CreateZExt(bits, integersLike(bits, 32));
  Value* magnitude = builder.CreateShl(builder.CreateAnd(wide, 0x7fff), 13);
  Value* scaled = builder.CreateFMul(builder.CreateBitCast(magnitude, single),
                                     llvm::ConstantFP::get(single, 0x1p112));
  Value* limit = llvm::ConstantInt::get(wide->getType(), 0x0f800000);
  Value* result = builder.CreateSelect(builder.CreateICmpUGE(magnitude, limit),
                                       builder.CreateOr(magnitude, 0x7f800000),
                                       builder.CreateBitCast(scaled, wide->getType()));
  Value* sign = builder.CreateShl(builder.CreateAnd(wide, 0x8000), 16);
  return builder.CreateBitCast(builder.CreateOr(result, sign), single);
}

Value* emitDivision(llvm::IRBuilderBase& builder, Division kind, Value* a, Value* b) {
  llvm::Type* type = a->getType();
  auto number = [&](int64_t v) { return llvm::ConstantInt::get(type, v, true); };
  auto* constant = llvm::dyn_cast<llvm::ConstantInt>(b);
  bool safe = constant && !constant->isZero() && !constant->isMinusOne();
  Value* zero = builder.CreateICmpEQ(b, number(0));
  Value* minus = builder.CreateICmpEQ(b, number(-1));
  Value* divisor = safe ? b : builder.CreateSelect(builder.CreateOr(zero, minus), number(1), b);
  Value* quotient = builder.CreateSDiv(a, divisor);
  Value* rest = builder.CreateSub(a, builder.CreateMul(quotient, divisor));
  Value *result = nullptr, *by_minus = builder.CreateNeg(a);
  if (kind == Division::remainder) {
    result = rest;
    by_minus = number(0);
  } else if (kind == Division::truncate) {
    result = quotient;
  } else {
    Value* inexact = builder.CreateICmpNE(rest, number(0));
    Value* opposite = builder.CreateICmpSLT(builder.CreateXor(a, divisor), number(0));
    Value* adjust = builder.CreateAnd(
        inexact, kind == Division::floor ? opposite : builder.CreateNot(opposite));
    Value* step = builder.CreateZExt(adjust, type);
    result = kind == Division::floor ? builder.CreateSub(quotient, step)
                                     : builder.CreateAdd(quotient, step);
  }
  if (safe) return result;
  return builder.CreateSelect(zero, number(0), builder.CreateSelect(minus, by_minus, result));
}

Value* emitPhilox(llvm::IRBuilderBase& builder, Value* seed, Value* stream, Value* counter,
                  unsigned word) {
  auto low = [&](Value* v) { return builder.CreateAnd(v, 0xffffffffu); };
  auto high = [&](Value* v) { return builder.CreateLShr(v, 32); };
  Value* x[4] = {low(counter), high(counter), low(stream), high(stream)};
  Value* key[2] = {low(seed), high(seed)};
  for (int round = 0; round < 10; ++round) {
    Value* p0 = builder.CreateMul(x[0], llvm::ConstantInt::get(x[0]->getType(), 0xD2511F53u));
    Value* p1 = builder.CreateMul(x[2], llvm::ConstantInt::get(x[2]->getType(), 0xCD9E8D57u));
    Value* next[4] = {builder.CreateXor(builder.CreateXor(high(p1), x[1]), key[0]), low(p1),
                      builder.CreateXor(builder.CreateXor(high(p0), x[3]), key[1]), low(p0)};
    std::copy(next, next + 4, x);
    key[0] = low(builder.CreateAdd(key[0], llvm::ConstantInt::get(key[0]->getType(), 0x9E3779B9u)));
    key[1] = low(builder.CreateAdd(key[1], llvm::ConstantInt::get(key[1]->getType(), 0xBB67AE85u)));
  }
  return x[word];
}

} // namespace weft::cpu
