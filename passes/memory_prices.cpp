#include "passes/memory_prices.h"

#include "passes/part.h"
#include "passes/passes.h"
#include "passes/typical_size.h"

using namespace mlir;

namespace weft {
namespace {

// Bytes below which a change is not worth it where no budget asks for it.
constexpr double kLeastGain = 1 << 20;
// A product with a longer sum is not cheap whatever a byte is worth.
constexpr int64_t kMostInner = 256;
// What a core does in a nanosecond, roughly: primitives of elementwise ops, of products, bytes
// written for those who read from memory.
constexpr double kPrimitives = 80, kProductPrimitives = 60, kBytesWritten = 10;

bool isReadFromMemory(Value v) {
  return llvm::any_of(v.getUsers(), [](Operation* user) {
    return isProduct(user) || isRoutine(user) ||
           (isa<ir::ViewOp>(user) && isReadFromMemory(user->getResult(0)));
  });
}

bool isReduced(Value v) {
  return llvm::any_of(v.getUsers(), [](Operation* user) {
    return asReduce(user) || (isa<ir::ViewOp>(user) && isReduced(user->getResult(0)));
  });
}

} // namespace

Value baseOf(Value v) {
  while (auto view = dyn_cast_or_null<ir::ViewOp>(v.getDefiningOp()))
    v = view->getOperand(0);
  return v;
}

bool isCheapToMake(Operation* op) {
  if (isa<ir::ViewOp>(op)) return true;
  if (mayRefuse(op) || isRoutine(op)) return false;
  if (isMatrixProduct(op)) return typicalValue(innerSizeOf(op)) <= double(kMostInner);
  return isElementwise(op);
}

double MemoryPrices::ofMaking(Operation* op) const {
  if (isa<ir::ViewOp>(op)) return 0;
  Value y = op->getResult(0);
  double compute = isMatrixProduct(op)
                       ? 2 * typicalCount(y) * typicalValue(innerSizeOf(op)) / kProductPrimitives
                       : typicalCount(y) * std::max(1u, weightOf(op)) / kPrimitives;
  return compute / byteWorth + (isReadFromMemory(y) ? ofWriting(y) : 0);
}

double MemoryPrices::ofWriting(Value v) const {
  return typicalBytes(v) / kBytesWritten / byteWorth;
}

double MemoryPrices::ofKeeping(Operation* op) {
  Value v = op->getResult(0);
  bool isWritten = !isElementwise(op) || isReadFromMemory(v) || isEndOfProduct(op);
  double bytes = typicalBytes(v);
  return bytes + (isWritten ? 0 : bytes / kBytesWritten / std::min(byteWorth, 1.0));
}

double MemoryPrices::leastGain() const { return byteWorth > kUsualByteWorth ? 1 : kLeastGain; }

// Says whether an op ends what follows a product in its kernel: a reduction, which is another
// kernel, reads it.
bool MemoryPrices::isEndOfProduct(Operation* op) {
  return isReduced(op->getResult(0)) && isOfProducts(op->getResult(0));
}

// Products, and what elementwise ops make of them and of arguments.
bool MemoryPrices::isOfProducts(Value v) {
  Operation* op = baseOf(v).getDefiningOp();
  if (!op || ir::isNumber(baseOf(v)) || isProduct(op)) return true;
  auto [known, isNew] = ofProducts.try_emplace(op, false);
  if (!isNew) return known->second;
  bool isMade = isElementwise(op) && llvm::all_of(op->getOperands(), [&](Value operand) {
                  return isOfProducts(operand);
                });
  return ofProducts[op] = isMade;
}

} // namespace weft
