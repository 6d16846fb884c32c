// The algebra in which expr::evaluate builds IR.
#include "passes/scalar_body.h"

#include "ir/expr/evaluate.h"
#include "ir/loom/loom.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace weft {
namespace {

using expr::Primitive;

struct LoomAlgebra {
  using Value = mlir::Value;
  OpBuilder& b;
  Location loc;
  mlir::Type compute;
  llvm::function_ref<int32_t()> errorCode;

  bool isFloat(expr::Type type) const {
    return type == expr::Type::number && isa<FloatType>(compute);
  }
  template <class Op, class... Args> Value make(Args&&... args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }

  Value number(double v, mlir::Type type) {
    if (auto f = dyn_cast<FloatType>(type)) return make<arith::ConstantOp>(b.getFloatAttr(f, v));
    return make<arith::ConstantOp>(b.getIntegerAttr(type, static_cast<int64_t>(v)));
  }
  mlir::Type typeOf(expr::Type type) {
    return type == expr::Type::number  ? compute
           : type == expr::Type::index ? mlir::Type(b.getI64Type())
                                       : b.getI1Type();
  }

  Value literal(double v, expr::Type type) { return number(v, typeOf(type)); }

  Value call(int callable, const Value* operands, int) {
    ir::Graph graph = ir::functionGraph(callable, computeOf(compute));
    return expr::evaluate(*this, graph.nodes, graph.roots.front(), operands);
  }

  template <class F, class I> Value either(bool isFloat, const Value* v) {
    return isFloat ? make<F>(v[0], v[1]) : make<I>(v[0], v[1]);
  }
  Value compare(arith::CmpFPredicate f, arith::CmpIPredicate i, const Value* v) {
    if (isa<FloatType>(v[0].getType())) return make<arith::CmpFOp>(f, v[0], v[1]);
    return make<arith::CmpIOp>(i, v[0], v[1]);
  }
  Value extreme(bool low, expr::Type type) {
    if (isFloat(type))
      return number(low ? -std::numeric_limits<double>::infinity()
                        : std::numeric_limits<double>::infinity(),
                    compute);
    int64_t v = low ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
    return make<arith::ConstantOp>(b.getI64IntegerAttr(v));
  }
  Value require(Value condition, Value x) {
    loom::RequireOp::create(b, loc, condition, static_cast<uint32_t>(errorCode()));
    return x;
  }
  // A shift by 64 and more is undefined in arith.
  Value shift(bool left, const Value* v) {
    Value last = number(63, v[1].getType());
    Value fits = make<arith::CmpIOp>(arith::CmpIPredicate::ule, v[1], last);
    Value by = make<arith::SelectOp>(fits, v[1], last);
    if (!left) return make<arith::ShRSIOp>(v[0], by);
    return make<arith::SelectOp>(fits, make<arith::ShLIOp>(v[0], by), number(0, v[0].getType()));
  }
  Value truth(bool v) { return make<arith::ConstantOp>(b.getBoolAttr(v)); }

  Value apply(Primitive p, const Value* v, expr::Type type) {
    using F = arith::CmpFPredicate;
    using I = arith::CmpIPredicate;
    bool f = isFloat(type);
    switch (p) {
    case Primitive::logical_or:
      return make<arith::OrIOp>(v[0], v[1]);
    case Primitive::logical_and:
      return make<arith::AndIOp>(v[0], v[1]);
    case Primitive::logical_xor:
      return make<arith::XOrIOp>(v[0], v[1]);
    case Primitive::logical_not:
      return make<arith::XOrIOp>(v[0], truth(true));
    case Primitive::eq:
      return compare(F::OEQ, I::eq, v);
    case Primitive::ne:
      return compare(F::UNE, I::ne, v);
    case Primitive::lt:
      return compare(F::OLT, I::slt, v);
    case Primitive::le:
      return compare(F::OLE, I::sle, v);
    case Primitive::gt:
      return compare(F::OGT, I::sgt, v);
    case Primitive::ge:
      return compare(F::OGE, I::sge, v);
    case Primitive::add:
      return either<arith::AddFOp, arith::AddIOp>(f, v);
    case Primitive::sub:
      return either<arith::SubFOp, arith::SubIOp>(f, v);
    case Primitive::mul:
      return either<arith::MulFOp, arith::MulIOp>(f, v);
    case Primitive::div:
      return make<arith::DivFOp>(v[0], v[1]);
    case Primitive::neg:
      return f ? make<arith::NegFOp>(v[0]) : make<arith::SubIOp>(number(0, v[0].getType()), v[0]);
    case Primitive::where:
      return make<arith::SelectOp>(v[0], v[1], v[2]);
    case Primitive::rarely:
      return make<loom::RarelyOp>(v[0], v[1], v[2]);
    case Primitive::abs:
      return f ? make<math::AbsFOp>(v[0]) : make<math::AbsIOp>(v[0]);
    case Primitive::sqrt:
      return make<math::SqrtOp>(v[0]);
    case Primitive::floor:
      return make<math::FloorOp>(v[0]);
    case Primitive::rint:
      return make<math::RoundEvenOp>(v[0]);
    case Primitive::fma:
      return make<math::FmaOp>(v[0], v[1], v[2]);
    case Primitive::copysign:
      return make<math::CopySignOp>(v[0], v[1]);
    case Primitive::scale2:
      return make<loom::Scale2Op>(compute, v[0], v[1]);
    case Primitive::power_of_two:
      return make<loom::PowerOfTwoOp>(compute, v[0]);
    case Primitive::exponent:
      return make<loom::ExponentOp>(compute, v[0]);
    case Primitive::mantissa:
      return make<loom::MantissaOp>(compute, v[0]);
    case Primitive::fmod:
      return make<arith::RemFOp>(v[0], v[1]);
    case Primitive::bit_and:
      return make<arith::AndIOp>(v[0], v[1]);
    case Primitive::bit_or:
      return make<arith::OrIOp>(v[0], v[1]);
    case Primitive::bit_xor:
      return make<arith::XOrIOp>(v[0], v[1]);
    case Primitive::shift_left:
      return shift(true, v);
    case Primitive::shift_right:
      return shift(false, v);
    case Primitive::floordiv:
      if (!matchPattern(v[1], m_NonZero()))
        require(make<arith::CmpIOp>(I::ne, v[1], number(0, v[1].getType())), v[0]);
      return make<arith::FloorDivSIOp>(v[0], v[1]);
    case Primitive::require:
      return require(v[0], v[1]);
    case Primitive::lowest:
      return extreme(true, type);
    case Primitive::highest:
      return extreme(false, type);
    }
    return {};
  }
};

} // namespace

ir::Compute computeOf(Type scalar) {
  return scalar.isF64()           ? ir::Compute::f64
         : isa<FloatType>(scalar) ? ir::Compute::f32
                                  : ir::Compute::i64;
}

SmallVector<Value, 2> ScalarBody::emit(const ir::Graph& graph, ArrayRef<Value> inputs) {
  LoomAlgebra algebra{builder, loc, compute, errorCode};
  SmallVector<Value, 2> out(graph.roots.size());
  expr::evaluate(algebra, graph.nodes, std::span<const int>(graph.roots.data(), graph.roots.size()),
                 inputs.data(), out.data());
  return out;
}

Value ScalarBody::round(Value x, Type element) {
  if (element.isBF16() || element.isF16()) {
    Value narrow = arith::TruncFOp::create(builder, loc, element, x);
    return arith::ExtFOp::create(builder, loc, builder.getF32Type(), narrow);
  }
  unsigned width = isa<IntegerType>(element) ? element.getIntOrFloatBitWidth() : 64;
  if (width == 1 || width == 64) return x;
  auto number = [&](int64_t v) {
    return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(v));
  };
  if (element.isUnsignedInteger())
    return arith::AndIOp::create(builder, loc, x, number((int64_t(1) << width) - 1));
  Value high = arith::ShLIOp::create(builder, loc, x, number(64 - width));
  return arith::ShRSIOp::create(builder, loc, high, number(64 - width));
}

Value ScalarBody::convert(Value x, Type element) {
  Type from = x.getType(), to = loom::valueType(element);
  bool isFromFloat = isa<FloatType>(from), isToFloat = isa<FloatType>(to);
  Value y = x;
  if (to.isInteger(1)) {
    if (from.isInteger(1)) return x;
    Value zero =
        arith::ConstantOp::create(builder, loc, cast<TypedAttr>(builder.getZeroAttr(from)));
    if (isFromFloat) return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, x, zero);
  }
  if (from != to) {
    if (isFromFloat && isToFloat)
      y = from.isF32() ? Value(arith::ExtFOp::create(builder, loc, to, x))
                       : arith::TruncFOp::create(builder, loc, to, x);
    else if (isFromFloat)
      y = arith::FPToSIOp::create(builder, loc, to, x);
    else if (isToFloat)
      y = from.isInteger(1) ? Value(arith::UIToFPOp::create(builder, loc, to, x))
                            : arith::SIToFPOp::create(builder, loc, to, x);
    else
      y = arith::ExtUIOp::create(builder, loc, to, x);
  }
  return from.isInteger(1) ? y : round(y, element);
}

Value ScalarBody::convertNumber(Value x, Type element) {
  unsigned width = isa<IntegerType>(element) ? element.getIntOrFloatBitWidth() : 64;
  if (!isa<FloatType>(x.getType()) || width == 1 || width == 64) return convert(x, element);
  bool isUnsigned = element.isUnsignedInteger();
  int64_t most = (int64_t(1) << (isUnsigned ? width : width - 1)) - 1,
          least = isUnsigned ? 0 : -most - 1;
  auto number = [&](int64_t v) {
    return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(v));
  };
  Value whole = convert(x, builder.getI64Type());
  whole = arith::MaxSIOp::create(builder, loc, whole, number(least));
  return arith::MinSIOp::create(builder, loc, whole, number(most));
}

} // namespace weft
