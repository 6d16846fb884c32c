// Executes loom kernels point by point: phases, parts, loops, memory. See loom_interpreter.h.
#include "ir/interp/loom_interpreter.h"

#include "ir/interp/loom_scalars.h"
#include "ir/loom/affine_value.h"

#include "llvm/ADT/DenseMap.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

using namespace mlir;
using namespace weft::loom;

namespace weft::interp {
namespace {

class Interpreter {
public:
  uint32_t run(KernelOp kernel, std::span<void* const> buffers,
               std::span<const int64_t> arguments) {
    bind(kernel, buffers, arguments);
    // Parts of a phase may run in any order; the last one first, so that a missing barrier shows.
    for (ArrayRef<PartOp> phase : kernel.getPhases())
      for (PartOp part : llvm::reverse(phase))
        runAxes(part, 0);
    return error_;
  }

private:
  void bind(KernelOp kernel, std::span<void* const> buffers, std::span<const int64_t> arguments) {
    size_t buffer = 0, scalar = 0;
    for (BlockArgument argument : kernel.getBody().getArguments()) {
      Type type = argument.getType();
      if (isa<BufferType>(type)) {
        memory_[argument] = static_cast<char*>(buffers[buffer++]);
        continue;
      }
      int64_t bits = arguments[scalar++];
      Scalar value;
      value.d = std::bit_cast<double>(bits);
      value.f = float(value.d);
      value.i = type.isInteger(1) ? bits != 0 : bits;
      values_[argument] = value;
      if (type.isIndex()) sizes_.push_back(bits);
    }
  }

  int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> dims) {
    return affineValue(expr, dims, sizes_);
  }

  SmallVector<int64_t> numbersOf(ValueRange indices) {
    SmallVector<int64_t> numbers;
    for (Value index : indices)
      numbers.push_back(values_[index].i);
    return numbers;
  }
  int64_t offset(AffineMap map, ValueRange indices) {
    return evaluate(map.getResult(0), numbersOf(indices));
  }
  bool isWithin(LoadOp op) {
    SmallVector<int64_t> dims = numbersOf(op.getIndices());
    return llvm::all_of(op.getWithin()->getConstraints(),
                        [&](AffineExpr bound) { return evaluate(bound, dims) >= 0; });
  }

  void setIndex(Value index, int64_t value) { values_[index].i = value; }

  void runAxes(PartOp part, unsigned next) {
    if (next == part.getNumAxes()) return runBlock(part.getBody().front());
    int64_t extent = evaluate(part.getAxis(next).getExtent().getResult(0), {});
    for (int64_t i = 0; i < extent; ++i) {
      setIndex(part.getBody().getArgument(next), i);
      runAxes(part, next + 1);
    }
  }

  void runBlock(Block& block) {
    for (Operation& op : block.without_terminator())
      runOp(op);
  }

  SmallVector<Scalar> yields(Block& block) {
    SmallVector<Scalar> result;
    for (Value value : block.getTerminator()->getOperands())
      result.push_back(values_[value]);
    return result;
  }

  void runLoop(LoopOp op) {
    SmallVector<Scalar> sums;
    for (Value identity : op.getIdentities())
      sums.push_back(values_[identity]);
    int64_t extent = evaluate(op.getAxis().getExtent().getResult(0), {});
    for (int64_t i = 0; i < extent; ++i) {
      setIndex(op.getIndex(), i);
      runBlock(op.getBody().front());
      if (sums.empty()) continue;
      SmallVector<Scalar> next = yields(op.getBody().front());
      Block& combine = op.getCombine().front();
      for (size_t k = 0; k < sums.size(); ++k) {
        values_[combine.getArgument(k)] = sums[k];
        values_[combine.getArgument(sums.size() + k)] = next[k];
      }
      runBlock(combine);
      sums = yields(combine);
    }
    for (auto [result, sum] : llvm::zip(op.getResults(), sums))
      values_[result] = sum;
  }

  void runWalk(WalkOp op) {
    SmallVector<Scalar> carried;
    for (Value first : op.getInitial())
      carried.push_back(values_[first]);
    int64_t extent = evaluate(op.getAxis().getExtent().getResult(0), {});
    for (int64_t i = 0; i < extent && !(op.getGuarded() && !carried[0].i); ++i) {
      setIndex(op.getIndex(), i);
      for (auto [value, last] : llvm::zip(op.getCarried(), carried))
        values_[value] = last;
      runBlock(op.getBody().front());
      carried = yields(op.getBody().front());
    }
    for (auto [result, last] : llvm::zip(op.getResults(), carried))
      values_[result] = last;
  }

  void runDot(DotOp op) {
    Scalar sum;
    int64_t extent = evaluate(op.getAxis().getExtent().getResult(0), {});
    for (int64_t i = 0; i < extent; ++i) {
      setIndex(op.getIndex(), i);
      runBlock(op.getBody().front());
      SmallVector<Scalar> factors = yields(op.getBody().front());
      sum.f = std::fma(factors[0].f, factors[1].f, sum.f);
      sum.d = std::fma(factors[0].d, factors[1].d, sum.d);
      sum.i = int64_t(uint64_t(sum.i) + uint64_t(factors[0].i) * uint64_t(factors[1].i));
    }
    values_[op.getResult()] = sum;
  }

  template <class T> static T read(const char* place) {
    T value;
    std::memcpy(&value, place, sizeof value);
    return value;
  }

  void runLoad(LoadOp op) {
    if (op.getMask() && !values_[op.getMask()].i) {
      Scalar other = values_[op.getOther()];
      values_[op] = other;
      return;
    }
    if (op.getWithin() && !isWithin(op)) {
      values_[op] = Scalar();
      return;
    }
    Type element = elementType(op.getMemory().getType());
    const char* place =
        memory_[op.getMemory()] + offset(op.getMap(), op.getIndices()) * elementBytes(element);
    Scalar value;
    if (element.isF32())
      value.f = read<float>(place);
    else if (element.isF64())
      value.d = read<double>(place);
    else if (element.isBF16())
      value.f = extendBf16(read<uint16_t>(place));
    else if (element.isF16())
      value.f = extendF16(read<uint16_t>(place));
    else
      value.i = element.isInteger(1) ? *place != 0 : readInteger(place, element);
    values_[op] = value;
  }

  void runStore(StoreOp op) {
    if (op.getMask() && !values_[op.getMask()].i) return;
    Type element = elementType(op.getMemory().getType());
    char* place =
        memory_[op.getMemory()] + offset(op.getMap(), op.getIndices()) * elementBytes(element);
    Scalar value = values_[op.getValue()];
    uint16_t rounded = element.isF16() ? roundToF16(value.f) : roundToBf16(value.f);
    if (element.isF32())
      std::memcpy(place, &value.f, 4);
    else if (element.isF64())
      std::memcpy(place, &value.d, 8);
    else if (element.isBF16() || element.isF16())
      std::memcpy(place, &rounded, 2);
    else if (element.isInteger(1))
      *place = char(value.i);
    else
      writeInteger(place, element, value.i);
  }

  void runConstant(arith::ConstantOp op) {
    Scalar value;
    if (auto number = dyn_cast<FloatAttr>(op.getValue())) {
      if (op.getType().isF64())
        value.d = number.getValue().convertToDouble();
      else if (op.getType().isBF16())
        value.f = extendBf16(uint16_t(number.getValue().bitcastToAPInt().getZExtValue()));
      else if (op.getType().isF16())
        value.f = extendF16(uint16_t(number.getValue().bitcastToAPInt().getZExtValue()));
      else
        value.f = number.getValue().convertToFloat();
    } else {
      value.i = cast<IntegerAttr>(op.getValue()).getValue().getSExtValue();
      if (op.getType().isInteger(1)) value.i &= 1;
    }
    values_[op] = value;
  }

  void runOp(Operation& op) {
    if (auto loop = dyn_cast<LoopOp>(op)) return runLoop(loop);
    if (auto walk = dyn_cast<WalkOp>(op)) return runWalk(walk);
    if (auto dot = dyn_cast<DotOp>(op)) return runDot(dot);
    if (auto load = dyn_cast<LoadOp>(op)) return runLoad(load);
    if (auto store = dyn_cast<StoreOp>(op)) return runStore(store);
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) return runConstant(constant);
    if (auto require = dyn_cast<RequireOp>(op)) {
      if (!values_[require.getCondition()].i)
        error_ = std::max(error_, uint32_t(require.getCode()));
      return;
    }
    if (auto local = dyn_cast<LocalOp>(op)) {
      int64_t bytes =
          evaluate(local.getExtent().getResult(0), {}) * elementBytes(elementType(local.getType()));
      std::vector<char>& tile = tiles_[local];
      tile.assign(size_t(bytes), 0);
      memory_[local] = tile.data();
      return;
    }
    SmallVector<Scalar> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values_[operand]);
    values_[op.getResult(0)] = evaluateScalarOp(&op, operands);
  }

  llvm::DenseMap<Value, Scalar> values_;
  llvm::DenseMap<Value, char*> memory_;
  std::map<Operation*, std::vector<char>> tiles_;
  SmallVector<int64_t> sizes_;
  uint32_t error_ = 0;
};

} // namespace

uint32_t runKernel(KernelOp kernel, std::span<void* const> buffers,
                   std::span<const int64_t> arguments) {
  return Interpreter().run(kernel, buffers, arguments);
}

} // namespace weft::interp
