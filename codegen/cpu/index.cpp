// Index arithmetic in 64 bits over uniform, linear and varying values, and affine maps in terms of
// it.
#include "codegen/cpu/part_emitter.h"

#include "codegen/cpu/scalar_ops.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace weft::cpu {
using llvm::Value;

namespace {

// Alignments are kept below this so that products of them stay small.
constexpr int64_t kMostAlign = 1 << 20;

int64_t alignOf(int64_t value) {
  return value == 0 ? kMostAlign : std::min(kMostAlign, std::abs(value));
}

int64_t alignOfFirst(const LaneValue& x) { return x.isUniform() ? x.align : x.first_align; }

} // namespace

LaneValue PartEmitter::constantIndex(int64_t value) {
  return LaneValue::uniform(b.getInt64(value), alignOf(value));
}

llvm::Constant* PartEmitter::iota(int64_t stride, unsigned bits) {
  llvm::SmallVector<llvm::Constant*, 64> lanes;
  for (int i = 0; i < lanes_.width; ++i)
    lanes.push_back(llvm::ConstantInt::get(b.getIntNTy(bits), uint64_t(i * stride)));
  return llvm::ConstantVector::get(lanes);
}

// The index along the lanes from `first` on, which is a multiple of `align`.
LaneValue PartEmitter::lanesAlong(Value* first, int64_t align) {
  LaneValue value{LaneValue::Kind::linear, {}, 1, std::gcd(align, int64_t(lanes_.width))};
  for (int block = 0; block < lanes_.blocks; ++block) {
    value.behind.push_back(int64_t(block) * lanes_.width);
    value.parts.push_back(b.CreateAdd(first, b.getInt64(value.behind.back()), "", true, true));
  }
  value.first_align = align;
  if (lanes_.blocks == 1) value.align = align;
  return value;
}

LaneValue PartEmitter::byBlock(llvm::function_ref<Value*(unsigned)> emit) {
  LaneValue value{LaneValue::Kind::varying, {}};
  for (int block = 0; block < lanes_.blocks; ++block)
    value.parts.push_back(emit(block));
  return value;
}

Value* PartEmitter::vectorOf(const LaneValue& value, unsigned block) {
  if (value.kind == LaneValue::Kind::varying) return value.parts[block];
  Value* first = value.parts[value.isUniform() ? 0 : block];
  auto* extension = llvm::dyn_cast<llvm::CastInst>(first);
  Value* splat;
  if (extension && llvm::isa<llvm::SExtInst, llvm::ZExtInst>(extension)) {
    // A narrow integer stays one, so that LLVM sees that it suffices to compute with.
    splat = b.CreateCast(extension->getOpcode(),
                         b.CreateVectorSplat(lanes_.width, extension->getOperand(0)),
                         llvm::VectorType::get(first->getType(), lanes_.width, false));
  } else {
    splat = b.CreateVectorSplat(lanes_.width, first);
  }
  return value.stride == 0 ? splat : b.CreateAdd(splat, iota(value.stride));
}

LaneValue PartEmitter::addIndex(const LaneValue& x, const LaneValue& y) {
  using Kind = LaneValue::Kind;
  if (x.isUniform() && y.isUniform())
    return LaneValue::uniform(b.CreateAdd(x.parts[0], y.parts[0], "", false, true),
                              std::gcd(x.align, y.align));
  if (x.kind == Kind::varying || y.kind == Kind::varying)
    return byBlock([&](unsigned i) { return b.CreateAdd(vectorOf(x, i), vectorOf(y, i)); });
  LaneValue sum{Kind::linear, {}, x.stride + y.stride, std::gcd(x.align, y.align)};
  sum.first_align = std::gcd(alignOfFirst(x), alignOfFirst(y));
  if ((x.isUniform() || !x.behind.empty()) && (y.isUniform() || !y.behind.empty()))
    for (int i = 0; i < lanes_.blocks; ++i)
      sum.behind.push_back((x.isUniform() ? 0 : x.behind[i]) + (y.isUniform() ? 0 : y.behind[i]));
  for (int i = 0; i < lanes_.blocks; ++i)
    sum.parts.push_back(b.CreateAdd(x.parts[x.isUniform() ? 0 : i], y.parts[y.isUniform() ? 0 : i],
                                    "", false, true));
  return sum;
}

LaneValue PartEmitter::scaleIndex(const LaneValue& x, int64_t factor) {
  if (factor == 1) return x;
  if (factor == 0) return constantIndex(0);
  if (x.kind == LaneValue::Kind::varying)
    return byBlock([&](unsigned i) {
      return b.CreateMul(x.parts[i], b.CreateVectorSplat(lanes_.width, b.getInt64(factor)));
    });
  LaneValue product = x;
  product.stride *= factor;
  product.align = std::min(kMostAlign, x.align * alignOf(factor));
  product.first_align = std::min(kMostAlign, x.first_align * alignOf(factor));
  for (int64_t& distance : product.behind)
    distance *= factor;
  for (Value*& part : product.parts)
    part = b.CreateMul(part, b.getInt64(factor), "", false, true);
  return product;
}

LaneValue PartEmitter::multiplyIndex(const LaneValue& x, const LaneValue& y) {
  for (const auto& [one, other] : {std::pair(&x, &y), std::pair(&y, &x)})
    if (auto* constant =
            one->isUniform() ? llvm::dyn_cast<llvm::ConstantInt>(one->parts[0]) : nullptr)
      return scaleIndex(*other, constant->getSExtValue());
  if (x.isUniform() && y.isUniform())
    return LaneValue::uniform(b.CreateMul(x.parts[0], y.parts[0], "", false, true),
                              std::min(kMostAlign, x.align * y.align));
  // The lanes' share of the product is the same in every block.
  for (const auto& [scale, line] : {std::pair(&x, &y), std::pair(&y, &x)})
    if (scale->isUniform() && line->kind == LaneValue::Kind::linear) {
      Value* factor = b.CreateVectorSplat(lanes_.width, scale->parts[0]);
      Value* lanes = b.CreateMul(factor, iota(line->stride));
      return byBlock([&](unsigned i) {
        Value* first = b.CreateMul(line->parts[i], scale->parts[0]);
        return b.CreateAdd(b.CreateVectorSplat(lanes_.width, first), lanes);
      });
    }
  return byBlock([&](unsigned i) { return b.CreateMul(vectorOf(x, i), vectorOf(y, i)); });
}

// x floordiv divisor, or x mod divisor, where the first lane is a multiple of it and all lanes of a
// block share the quotient: the first block's quotient tells all.
LaneValue PartEmitter::divideBlocks(const LaneValue& x, int64_t divisor, bool is_mod) {
  LaneValue result{LaneValue::Kind::linear,
                   {},
                   is_mod ? x.stride : 0,
                   is_mod ? std::gcd(x.align, alignOf(divisor)) : 1};
  Value* first = is_mod ? nullptr : b.CreateExactSDiv(x.parts[0], b.getInt64(divisor));
  result.first_align = is_mod ? kMostAlign : x.first_align / divisor;
  for (int64_t distance : x.behind) {
    int64_t quotient = llvm::divideFloorSigned(distance, divisor);
    result.behind.push_back(is_mod ? distance - quotient * divisor : quotient);
    Value* behind = b.getInt64(result.behind.back());
    result.parts.push_back(is_mod ? behind : quotient ? b.CreateAdd(first, behind) : first);
  }
  return result;
}

// x floordiv y, x ceildiv y or x mod y. Lanes of one block that provably share a quotient stay
// linear; those that see at most one multiple of y need a comparison, not a division.
LaneValue PartEmitter::divideIndex(AffineExprKind kind, const LaneValue& x, const LaneValue& y) {
  auto divide = [&](Value* a, Value* by) -> Value* {
    if (kind == AffineExprKind::CeilDiv) return emitDivision(b, Division::ceil, a, by);
    Value* quotient = emitDivision(b, Division::floor, a, by);
    return kind == AffineExprKind::FloorDiv ? quotient : b.CreateSub(a, b.CreateMul(quotient, by));
  };
  auto* constant = y.isUniform() ? llvm::dyn_cast<llvm::ConstantInt>(y.parts[0]) : nullptr;
  int64_t divisor = constant ? constant->getSExtValue() : 0;
  bool is_mod = kind == AffineExprKind::Mod;
  if (x.isUniform() && y.isUniform())
    return LaneValue::uniform(divide(x.parts[0], y.parts[0]),
                              is_mod && constant ? std::gcd(x.align, alignOf(divisor)) : 1);
  if (x.kind == LaneValue::Kind::linear && divisor > 0 && x.stride >= 0 &&
      kind != AffineExprKind::CeilDiv) {
    int64_t span = x.stride * lanes_.width;
    bool together = x.stride == 0 || (x.align % span == 0 && divisor % span == 0);
    if (together && !x.behind.empty() && x.first_align % divisor == 0)
      return divideBlocks(x, divisor, is_mod);
    if (together) {
      LaneValue result{LaneValue::Kind::linear,
                       {},
                       is_mod ? x.stride : 0,
                       is_mod ? std::gcd(x.align, alignOf(divisor)) : 1};
      for (Value* part : x.parts)
        result.parts.push_back(divide(part, y.parts[0]));
      return result;
    }
    if (divisor > x.stride * (lanes_.width - 1)) {
      return byBlock([&](unsigned i) -> Value* {
        Value* quotient = emitDivision(b, Division::floor, x.parts[i], y.parts[0]);
        Value* rest = b.CreateSub(x.parts[i], b.CreateMul(quotient, y.parts[0]));
        Value* lanes = b.CreateAdd(b.CreateVectorSplat(lanes_.width, rest), iota(x.stride));
        Value* limit = b.CreateVectorSplat(lanes_.width, y.parts[0]);
        Value* over = b.CreateICmpSGE(lanes, limit);
        if (is_mod) return b.CreateSelect(over, b.CreateSub(lanes, limit), lanes);
        return b.CreateAdd(b.CreateVectorSplat(lanes_.width, quotient),
                           b.CreateZExt(over, limit->getType()));
      });
    }
  }
  return byBlock([&](unsigned i) { return divide(vectorOf(x, i), vectorOf(y, i)); });
}

LaneValue PartEmitter::evaluate(AffineExpr expr, ArrayRef<LaneValue> dims) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) return constantIndex(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return LaneValue::uniform(sizes_[symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  LaneValue x = evaluate(binary.getLHS(), dims), y = evaluate(binary.getRHS(), dims);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return addIndex(x, y);
  case AffineExprKind::Mul:
    return multiplyIndex(x, y);
  default:
    return divideIndex(binary.getKind(), x, y);
  }
}

LaneValue PartEmitter::evaluate(AffineMap map, ValueRange indices) {
  LaneValues dims;
  for (mlir::Value index : indices)
    dims.push_back(get(index));
  return evaluate(map.getResult(0), dims);
}

Value* PartEmitter::size(AffineExpr expr) { return evaluate(expr, {}).parts[0]; }

} // namespace weft::cpu
