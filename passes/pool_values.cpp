// The values of maxima over windows, where nobody asks where they are, are folded over the taps:
//   gather(x, max_pool_positions(x))[i] = fold over taps t of x[i * stride + t * dilation - begin],
//   fold(y, x) = x where x > y or x is NaN, else y
// so of equal numbers the first one stays and of NaNs the last, as in the positions' definition.
// What the windows see outside of x is the least number. Pointwise ops over slices join others.
#include "passes/passes.h"

#include "ir/weft/weft.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

// With more taps a kernel of slices is slower than the search for positions.
constexpr int64_t kMostTaps = 32;

Value behindViews(Value v) {
  while (auto view = dyn_cast_or_null<ir::ViewAs>(v.getDefiningOp()))
    v = view->getOperand(0);
  return v;
}

// Adds the gathers that read `x` at the positions `v`; returns false where something else reads
// them.
bool findGathers(Value v, Value x, SmallVectorImpl<Operation*>& gathers) {
  return llvm::all_of(v.getUsers(), [&](Operation* user) {
    if (isa<ir::ViewAs>(user)) return findGathers(user->getResult(0), x, gathers);
    if (!isa<ir::Gather>(user) || user->getOperand(1) != v) return false;
    if (behindViews(user->getOperand(0)) != behindViews(x)) return false;
    gathers.push_back(user);
    return true;
  });
}

class PoolValues {
public:
  explicit PoolValues(Operation* positions)
      : op(positions), builder(positions), type(typeOf(positions->getResult(0))),
        element(ir::elementOf(positions->getOperand(0))) {}

  void run() {
    Value x = op->getOperand(0);
    ArrayRef<int64_t> structure = ir::structureOf(op);
    if (structure.empty() || !typeOf(x).hasStaticShape() || !type.hasStaticShape()) return;
    if (typeOf(x).getNumElements() == 0 || type.getNumElements() == 0) return;
    const int64_t spatial = int64_t(structure.size()) / 5;
    first = type.getRank() - spatial;
    int64_t taps = 1;
    for (int64_t k = 0; k < spatial; k++) {
      ArrayRef<int64_t> w = structure.slice(spatial + 4 * k, 4);
      windows.push_back({structure[k], w[0], w[1], w[3]});
      taps *= structure[k];
    }
    SmallVector<Operation*> gathers;
    if (taps > kMostTaps || !findGathers(op->getResult(0), x, gathers) || gathers.empty()) return;
    Value values = fold(padded(x));
    for (Operation* gather : gathers) {
      gather->getResult(0).replaceAllUsesWith(view(values, typeOf(gather->getResult(0))));
      gather->erase();
    }
  }

private:
  struct Window {
    int64_t taps, stride, begin, dilation;
  };

  static RankedTensorType typeOf(Value v) { return cast<RankedTensorType>(v.getType()); }
  AffineExpr constant(int64_t v) { return builder.getAffineConstantExpr(v); }

  template <class Op>
  Value create(ValueRange operands, RankedTensorType result, ArrayRef<int64_t> structure = {},
               ArrayRef<AffineExpr> sizes = {}) {
    return ir::createRecord<Op>(builder, op->getLoc(), operands, result, structure, sizes);
  }
  Value view(Value v, RankedTensorType result) {
    if (v.getType() == result) return v;
    return create<ir::ViewAs>(v, result, {}, ir::shapeOf(result));
  }

  // The least number, which is the greatest element of no window.
  Value least(RankedTensorType shape) {
    const unsigned bits = element.getIntOrFloatBitWidth();
    TypedAttr number = builder.getF64FloatAttr(-std::numeric_limits<double>::infinity());
    if (isa<IntegerType>(element))
      number = builder.getI64IntegerAttr(element.isUnsignedInteger() ? 0 : llvm::minIntN(bits));
    Value v = ir::NumberOp::create(builder, op->getLoc(), ir::tensorType({}, element), number);
    return create<ir::Expand>(v, shape, {}, ir::shapeOf(shape));
  }

  // x with what the windows see outside of it.
  Value padded(Value x) {
    for (auto [k, w] : llvm::enumerate(windows)) {
      const int64_t dim = first + int64_t(k), size = typeOf(x).getDimSize(dim);
      int64_t end = (type.getDimSize(dim) - 1) * w.stride + (w.taps - 1) * w.dilation - w.begin;
      SmallVector<int64_t> shape(typeOf(x).getShape());
      auto outside = [&](int64_t count) {
        shape[dim] = count;
        return least(RankedTensorType::get(shape, element));
      };
      SmallVector<Value> parts;
      if (w.begin > 0) parts.push_back(outside(w.begin));
      parts.push_back(x);
      if (end >= size) parts.push_back(outside(end - size + 1));
      if (parts.size() == 1) continue;
      shape[dim] = w.begin + std::max(size, end + 1);
      x = create<ir::Concatenate>(parts, RankedTensorType::get(shape, element), dim);
    }
    return x;
  }

  // What tap `number` of all sees, at each place.
  Value seen(Value x, int64_t number) {
    for (size_t k = windows.size(); k-- > 0;) {
      const Window& w = windows[k];
      const int64_t dim = first + int64_t(k), count = type.getDimSize(dim);
      SmallVector<int64_t> shape(typeOf(x).getShape());
      shape[dim] = count;
      Exprs sizes{constant(number % w.taps * w.dilation), constant(count), constant(w.stride)};
      x = create<ir::Slice>(x, RankedTensorType::get(shape, element), dim, sizes);
      number /= w.taps;
    }
    return x;
  }

  Value fold(Value x) {
    auto values = RankedTensorType::get(type.getShape(), element);
    auto flags = RankedTensorType::get(type.getShape(), builder.getI1Type());
    int64_t taps = 1;
    for (const Window& w : windows)
      taps *= w.taps;
    Value y = seen(x, 0);
    for (int64_t number = 1; number < taps; number++) {
      Value next = seen(x, number);
      Value isNext = create<ir::Gt>({next, y}, flags);
      if (isa<FloatType>(element)) {
        Value isNan = create<ir::Ne>({next, next}, flags);
        isNext = create<ir::LogicalOr>({isNext, isNan}, flags);
      }
      y = create<ir::Where>({isNext, next, y}, values);
    }
    return y;
  }

  Operation* op;
  OpBuilder builder;
  RankedTensorType type;
  Type element;
  int64_t first = 0; // spatial dim
  SmallVector<Window, 3> windows;
};

} // namespace

LogicalResult poolValues(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration()) continue;
    SmallVector<Operation*> all(function.getOps<ir::MaxPoolPositions>());
    for (Operation* op : all)
      PoolValues(op).run();
  }
  return success();
}

} // namespace weft
