// Codes of four bits as numbers: a lookup in a vector of 16 lanes, or a conversion.
#include "codegen/cpu/part_emitter.h"

#include "llvm/Analysis/VectorUtils.h"
#include "llvm/IR/IntrinsicsX86.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

constexpr int kCodes = 16;

bool isConstant(mlir::Value v, int64_t wanted) {
  auto constant = v.getDefiningOp<arith::ConstantOp>();
  auto number = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  return number && number.getInt() == wanted;
}

// The half of a byte that a choice picks: the low one where `isLow` holds.
struct Half {
  mlir::Value byte, isLow;
};

std::optional<Half> readHalf(mlir::Value v) {
  auto choice = v.getDefiningOp<arith::SelectOp>();
  auto low = choice ? choice.getTrueValue().getDefiningOp<arith::AndIOp>() : arith::AndIOp();
  auto high = choice ? choice.getFalseValue().getDefiningOp<arith::ShRUIOp>() : arith::ShRUIOp();
  if (!low || !high || low.getLhs() != high.getLhs()) return {};
  auto byte = low.getLhs().getDefiningOp<LoadOp>();
  if (!byte || !elementType(byte.getMemory().getType()).isUnsignedInteger(8)) return {};
  if (!isConstant(low.getRhs(), kCodes - 1) || !isConstant(high.getRhs(), 4)) return {};
  return Half{byte, choice.getCondition()};
}

} // namespace

// (code - c) * s, where all lanes share s: code number `code` of the 16 products that there are.
bool PartEmitter::emitLookup(Operation& op) {
  auto product = dyn_cast<arith::MulFOp>(op);
  if (!product || !lanes_.active || lanes_.width != kCodes || !product.getType().isF32() ||
      !target.has("avx512f"))
    return false;
  auto number = product.getLhs().getDefiningOp<arith::SubFOp>();
  auto code = number ? number.getLhs().getDefiningOp<arith::SIToFPOp>() : arith::SIToFPOp();
  auto least = number ? number.getRhs().getDefiningOp<arith::ConstantOp>() : arith::ConstantOp();
  auto half = code && least ? readHalf(code.getIn()) : std::nullopt;
  if (!half) return false;
  Values shared;
  for (int i = 0; i < lanes_.blocks; ++i)
    shared.push_back(llvm::getSplatValue(vectorOf(get(product.getRhs()), i)));
  if (llvm::is_contained(shared, nullptr)) return false;
  llvm::SmallVector<llvm::Constant*, kCodes> numbers;
  double first = cast<FloatAttr>(least.getValue()).getValueAsDouble();
  for (int i = 0; i < kCodes; ++i)
    numbers.push_back(llvm::ConstantFP::get(b.getFloatTy(), i - first));
  auto* indices = llvm::FixedVectorType::get(b.getInt32Ty(), kCodes);
  // The lookup sees the low bits alone, so a rotation does for a shift; as such it stays behind the
  // conversion from bytes, which both halves then share.
  auto amount = [&](int bits) { return llvm::ConstantInt::get(indices, bits); };
  set(op.getResult(0), byBlock([&](unsigned i) -> Value* {
        Value* products = b.CreateFMul(llvm::ConstantVector::get(numbers),
                                       b.CreateVectorSplat(kCodes, shared[i]));
        Value* byte = b.CreateTrunc(vectorOf(get(half->byte), i), indices);
        Value* bits = b.CreateSelect(vectorOf(get(half->isLow), i), amount(0), amount(4));
        Value* index = b.CreateIntrinsic(llvm::Intrinsic::fshr, {indices}, {byte, byte, bits});
        return b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {}, {products, index});
      }));
  return true;
}

// Where there is no lookup: in 32 bits, as both halves of a byte then come from one vector.
bool PartEmitter::emitCode(Operation& op) {
  auto number = dyn_cast<arith::SIToFPOp>(op);
  if (!number || !lanes_.active || !number.getType().isF32()) return false;
  auto half = readHalf(number.getIn());
  if (!half) return false;
  auto* integers = llvm::FixedVectorType::get(b.getInt32Ty(), lanes_.width);
  auto* floats = llvm::FixedVectorType::get(b.getFloatTy(), lanes_.width);
  auto constant = [&](int value) { return llvm::ConstantInt::get(integers, value); };
  set(number, byBlock([&](unsigned i) {
        Value* byte = b.CreateTrunc(vectorOf(get(half->byte), i), integers);
        Value* bits = b.CreateSelect(vectorOf(get(half->isLow), i), constant(0), constant(4));
        Value* code = b.CreateAnd(b.CreateLShr(byte, bits), constant(kCodes - 1));
        return b.CreateSIToFP(code, floats);
      }));
  return true;
}

} // namespace weft::cpu
