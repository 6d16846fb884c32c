// Codes of four bits as numbers: a lookup in a vector of 16 lanes.
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

// Says whether an integer is one of 0 .. 15 by the ops that make it.
bool isCode(mlir::Value v) {
  if (auto choice = v.getDefiningOp<arith::SelectOp>())
    return isCode(choice.getTrueValue()) && isCode(choice.getFalseValue());
  if (auto low = v.getDefiningOp<arith::AndIOp>()) return isConstant(low.getRhs(), kCodes - 1);
  auto high = v.getDefiningOp<arith::ShRUIOp>();
  auto byte = high ? high.getLhs().getDefiningOp<LoadOp>() : LoadOp();
  return byte && isConstant(high.getRhs(), 4) &&
         elementType(byte.getMemory().getType()).isUnsignedInteger(8);
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
  if (!code || !least || !isCode(code.getIn())) return false;
  Values shared;
  for (int i = 0; i < lanes_.blocks; ++i)
    shared.push_back(llvm::getSplatValue(vectorOf(get(product.getRhs()), i)));
  if (llvm::is_contained(shared, nullptr)) return false;
  llvm::SmallVector<llvm::Constant*, kCodes> numbers;
  double first = cast<FloatAttr>(least.getValue()).getValueAsDouble();
  for (int i = 0; i < kCodes; ++i)
    numbers.push_back(llvm::ConstantFP::get(b.getFloatTy(), i - first));
  auto* indices = llvm::FixedVectorType::get(b.getInt32Ty(), kCodes);
  set(op.getResult(0), byBlock([&](unsigned i) -> Value* {
        Value* products = b.CreateFMul(llvm::ConstantVector::get(numbers),
                                       b.CreateVectorSplat(kCodes, shared[i]));
        Value* index = b.CreateTrunc(vectorOf(get(code.getIn()), i), indices);
        return b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {}, {products, index});
      }));
  return true;
}

} // namespace weft::cpu
