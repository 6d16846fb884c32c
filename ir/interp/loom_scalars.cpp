// Scalar ops of loom bodies in plain C++, one row each.
#include "ir/interp/loom_scalars.h"

#include "ir/loom/loom.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/TypeSwitch.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;

namespace weft::interp {
namespace {

template <class T> struct Bits;
template <> struct Bits<float> {
  using type = uint32_t;
  static constexpr int fraction = 23, bias = 127, mask = 0xff;
};
template <> struct Bits<double> {
  using type = uint64_t;
  static constexpr int fraction = 52, bias = 1023, mask = 0x7ff;
};

// The limits are twice those of the format's exponents; NaN counts as the lower one.
template <class T> T scale2(T x, T n) {
  constexpr int bias = Bits<T>::bias;
  if (!(n > T(2 - 2 * bias))) return std::scalbn(x, 2 - 2 * bias);
  return std::scalbn(x, n < T(2 * bias) ? int(n) : 2 * bias);
}

template <class T> T powerOfTwo(T n) {
  return std::abs(n) <= T(Bits<T>::bias) ? std::scalbn(T(1), int(n)) : n;
}

template <class T> T exponent(T x) {
  auto bits = std::bit_cast<typename Bits<T>::type>(x);
  return T(int((bits >> Bits<T>::fraction) & Bits<T>::mask) - Bits<T>::bias);
}

template <class T> T mantissa(T x) {
  using U = typename Bits<T>::type;
  U bits = std::bit_cast<U>(x) & ((U(1) << Bits<T>::fraction) - 1);
  return std::bit_cast<T>(bits | (U(Bits<T>::bias) << Bits<T>::fraction));
}

template <class T> bool compare(arith::CmpFPredicate predicate, T x, T y) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(x) || std::isnan(y);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::OEQ:
    return !unordered && x == y;
  case P::OGT:
    return x > y;
  case P::OGE:
    return x >= y;
  case P::OLT:
    return x < y;
  case P::OLE:
    return x <= y;
  case P::ONE:
    return !unordered && x != y;
  case P::ORD:
    return !unordered;
  case P::UEQ:
    return unordered || x == y;
  case P::UGT:
    return unordered || x > y;
  case P::UGE:
    return unordered || x >= y;
  case P::ULT:
    return unordered || x < y;
  case P::ULE:
    return unordered || x <= y;
  case P::UNE:
    return unordered || x != y;
  case P::UNO:
    return unordered;
  case P::AlwaysTrue:
    return true;
  }
  return false;
}

bool compare(arith::CmpIPredicate predicate, int64_t x, int64_t y) {
  using P = arith::CmpIPredicate;
  uint64_t ux = x, uy = y;
  switch (predicate) {
  case P::eq:
    return x == y;
  case P::ne:
    return x != y;
  case P::slt:
    return x < y;
  case P::sle:
    return x <= y;
  case P::sgt:
    return x > y;
  case P::sge:
    return x >= y;
  case P::ult:
    return ux < uy;
  case P::ule:
    return ux <= uy;
  case P::ugt:
    return ux > uy;
  case P::uge:
    return ux >= uy;
  }
  return false;
}

// Total division: x / 0 is 0, x / -1 wraps.
int64_t divide(int64_t x, int64_t y, int rounding) {
  if (y == 0) return 0;
  if (y == -1) return int64_t(-uint64_t(x));
  int64_t quotient = x / y, rest = x % y;
  if (rest != 0 && rounding < 0 && (rest < 0) != (y < 0)) --quotient;
  if (rest != 0 && rounding > 0 && (rest < 0) == (y < 0)) ++quotient;
  return quotient;
}

template <class T> int64_t toInteger(T x) {
  if (std::isnan(x)) return 0;
  if (x >= T(9223372036854775808.0)) return std::numeric_limits<int64_t>::max();
  return x < T(-9223372036854775808.0) ? std::numeric_limits<int64_t>::min() : int64_t(x);
}

// maximum and minimum propagate NaN and order -0 below +0; maxnum and minnum prefer numbers.
template <class T> T maximum(T x, T y) {
  if (std::isnan(x) || std::isnan(y)) return x + y;
  return x > y || (x == y && !std::signbit(x)) ? x : y;
}
template <class T> T maxnum(T x, T y) {
  return std::isnan(x) ? y : std::isnan(y) ? x : maximum(x, y);
}

int64_t philox(uint64_t seed, uint64_t stream, uint64_t counter, unsigned word) {
  uint32_t x[4] = {uint32_t(counter), uint32_t(counter >> 32), uint32_t(stream),
                   uint32_t(stream >> 32)};
  uint32_t key[2] = {uint32_t(seed), uint32_t(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53u) * x[0], p1 = uint64_t(0xCD9E8D57u) * x[2];
    uint32_t next[4] = {uint32_t(p1 >> 32) ^ x[1] ^ key[0], uint32_t(p1),
                        uint32_t(p0 >> 32) ^ x[3] ^ key[1], uint32_t(p0)};
    std::copy(next, next + 4, x);
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return x[word];
}

struct Evaluator {
  Operation* op;
  ArrayRef<Scalar> v;

  bool is64(Value value) const { return value.getType().isF64(); }
  // A result of the op's floating-point type, computed by a function of numbers of that type.
  template <class F> Scalar number(F compute) const {
    Scalar result;
    if (is64(op->getOperand(0)))
      result.d = compute(v[0].d, v.size() > 1 ? v[1].d : 0.0, v.size() > 2 ? v[2].d : 0.0);
    else
      result.f = compute(v[0].f, v.size() > 1 ? v[1].f : 0.0f, v.size() > 2 ? v[2].f : 0.0f);
    return result;
  }
  // An integer result, brought back to the result's width.
  Scalar integer(uint64_t value) const {
    Scalar result;
    result.i = op->getResult(0).getType().isInteger(1) ? int64_t(value & 1) : int64_t(value);
    return result;
  }
  // i1 is 0 or 1 here; as a signed number 1 is -1.
  int64_t asSigned(int k = 0) const {
    return op->getOperand(k).getType().isInteger(1) ? -v[k].i : v[k].i;
  }
  Scalar fromInteger(int64_t value, bool isSigned) const {
    Scalar result;
    bool to64 = op->getResult(0).getType().isF64();
    if (isSigned)
      to64 ? void(result.d = double(value)) : void(result.f = float(value));
    else
      to64 ? void(result.d = double(uint64_t(value))) : void(result.f = float(uint64_t(value)));
    return result;
  }
  Scalar convert() const {
    Scalar result;
    Type to = op->getResult(0).getType();
    double wide = is64(op->getOperand(0)) ? v[0].d : double(v[0].f);
    if (to.isF64())
      result.d = wide;
    else
      result.f = is64(op->getOperand(0)) ? float(wide) : v[0].f;
    if (to.isBF16()) result.f = extendBf16(roundToBf16(result.f));
    if (to.isF16()) result.f = extendF16(roundToF16(result.f));
    return result;
  }
  Scalar cmpf() const {
    auto predicate = cast<arith::CmpFOp>(op).getPredicate();
    return integer(is64(op->getOperand(0)) ? compare(predicate, v[0].d, v[1].d)
                                           : compare(predicate, v[0].f, v[1].f));
  }
  Scalar fptosi() const {
    return integer(is64(op->getOperand(0)) ? toInteger(v[0].d) : toInteger(v[0].f));
  }
};

using Row = Scalar (*)(const Evaluator&);

Row find(Operation* op) {
  return llvm::TypeSwitch<Operation*, Row>(op)
#define ROW(op_name, expression)                                                                   \
  .Case<op_name>(                                                                                  \
      [](op_name) -> Row { return [](const Evaluator& e) -> Scalar { return expression; }; })
#define NUMBER(op_name, expression)                                                                \
  ROW(op_name, e.number([](auto x, [[maybe_unused]] auto y, [[maybe_unused]] auto z) {             \
    return expression;                                                                             \
  }))
      // clang-format off
      NUMBER(arith::AddFOp, x + y)
      NUMBER(arith::RemFOp, std::fmod(x, y))
      NUMBER(arith::SubFOp, x - y)
      NUMBER(arith::MulFOp, x * y)
      NUMBER(arith::DivFOp, x / y)
      NUMBER(arith::NegFOp, -x)
      NUMBER(arith::MaximumFOp, maximum(x, y))
      NUMBER(arith::MinimumFOp, -maximum(-x, -y))
      NUMBER(arith::MaxNumFOp, maxnum(x, y))
      NUMBER(arith::MinNumFOp, -maxnum(-x, -y))
      NUMBER(math::FmaOp, std::fma(x, y, z))
      NUMBER(math::FloorOp, std::floor(x))
      NUMBER(math::CeilOp, std::ceil(x))
      NUMBER(math::TruncOp, std::trunc(x))
      NUMBER(math::RoundEvenOp, std::nearbyint(x))
      NUMBER(math::SqrtOp, std::sqrt(x))
      NUMBER(math::AbsFOp, std::abs(x))
      NUMBER(math::CopySignOp, std::copysign(x, y))
      NUMBER(loom::Scale2Op, scale2(x, y))
      NUMBER(loom::PowerOfTwoOp, powerOfTwo(x))
      NUMBER(loom::ExponentOp, exponent(x))
      NUMBER(loom::MantissaOp, mantissa(x))
      ROW(arith::CmpFOp, e.cmpf())
      ROW(arith::CmpIOp, e.integer(compare(cast<arith::CmpIOp>(e.op).getPredicate(), e.asSigned(0), e.asSigned(1))))
      ROW(arith::SelectOp, e.v[0].i ? e.v[1] : e.v[2])
      ROW(loom::RarelyOp, e.v[0].i ? e.v[1] : e.v[2])
      ROW(arith::AddIOp, e.integer(uint64_t(e.v[0].i) + uint64_t(e.v[1].i)))
      ROW(arith::SubIOp, e.integer(uint64_t(e.v[0].i) - uint64_t(e.v[1].i)))
      ROW(arith::MulIOp, e.integer(uint64_t(e.v[0].i) * uint64_t(e.v[1].i)))
      ROW(arith::AndIOp, e.integer(e.v[0].i & e.v[1].i))
      ROW(arith::OrIOp, e.integer(e.v[0].i | e.v[1].i))
      ROW(arith::XOrIOp, e.integer(e.v[0].i ^ e.v[1].i))
      ROW(arith::ShLIOp, e.integer(uint64_t(e.v[0].i) << e.v[1].i))
      ROW(arith::ShRSIOp, e.integer(e.v[0].i >> e.v[1].i))
      ROW(arith::ShRUIOp, e.integer(uint64_t(e.v[0].i) >> e.v[1].i))
      ROW(arith::MaxSIOp, e.integer(std::max(e.asSigned(0), e.asSigned(1))))
      ROW(arith::MinSIOp, e.integer(std::min(e.asSigned(0), e.asSigned(1))))
      ROW(arith::MaxUIOp, e.integer(std::max<uint64_t>(e.v[0].i, e.v[1].i)))
      ROW(arith::MinUIOp, e.integer(std::min<uint64_t>(e.v[0].i, e.v[1].i)))
      ROW(arith::DivSIOp, e.integer(divide(e.v[0].i, e.v[1].i, 0)))
      ROW(arith::FloorDivSIOp, e.integer(divide(e.v[0].i, e.v[1].i, -1)))
      ROW(arith::CeilDivSIOp, e.integer(divide(e.v[0].i, e.v[1].i, 1)))
      ROW(arith::RemSIOp, e.integer(e.v[1].i == 0 ? 0 : uint64_t(e.v[0].i) - uint64_t(divide(e.v[0].i, e.v[1].i, 0)) * uint64_t(e.v[1].i)))
      ROW(math::AbsIOp, e.integer(e.v[0].i < 0 ? -uint64_t(e.v[0].i) : uint64_t(e.v[0].i)))
      ROW(arith::IndexCastOp, e.v[0])
      ROW(arith::IndexCastUIOp, e.v[0])
      ROW(arith::ExtUIOp, e.integer(e.v[0].i))
      ROW(arith::ExtSIOp, e.integer(e.asSigned()))
      ROW(arith::TruncIOp, e.integer(e.v[0].i))
      ROW(arith::SIToFPOp, e.fromInteger(e.asSigned(), true))
      ROW(arith::UIToFPOp, e.fromInteger(e.v[0].i, false))
      ROW(arith::FPToSIOp, e.fptosi())
      ROW(arith::ExtFOp, e.convert())
      ROW(arith::TruncFOp, e.convert())
      ROW(loom::RandomOp, e.integer(philox(e.v[0].i, e.v[1].i, e.v[2].i, cast<loom::RandomOp>(e.op).getWord())))
      .Default([](Operation*) -> Row { return nullptr; });
  // clang-format on
#undef ROW
#undef NUMBER
}

} // namespace

uint16_t roundToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return uint16_t((bits >> 16) | 0x40);
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float extendBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

// APFloat's own conversions: nothing here is shared with what the interpreter checks.
uint16_t roundToF16(float value) {
  llvm::APFloat x(value);
  bool loses = false;
  bool negative = x.isNegative();
  uint32_t payload = std::bit_cast<uint32_t>(value) >> 13 & 0x3ff;
  if (x.isNaN()) return uint16_t(0x7e00 | payload | (negative ? 0x8000 : 0));
  x.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return uint16_t(x.bitcastToAPInt().getZExtValue());
}

float extendF16(uint16_t bits) {
  llvm::APFloat x(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
  if (x.isNaN())
    return std::bit_cast<float>(uint32_t(bits & 0x8000) << 16 | 0x7f800000u |
                                uint32_t(bits & 0x3ff) << 13);
  bool loses = false;
  x.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return x.convertToFloat();
}

int64_t readInteger(const char* place, Type element) {
  uint64_t bits = 0;
  std::memcpy(&bits, place, element.getIntOrFloatBitWidth() / 8);
  llvm::APInt value(64, bits);
  unsigned width = element.getIntOrFloatBitWidth();
  return element.isUnsignedInteger() ? int64_t(bits) : value.trunc(width).getSExtValue();
}

void writeInteger(char* place, Type element, int64_t value) {
  std::memcpy(place, &value, element.getIntOrFloatBitWidth() / 8);
}

Scalar evaluateScalarOp(Operation* op, ArrayRef<Scalar> operands) {
  Row row = find(op);
  if (!row)
    llvm::report_fatal_error("loom interpreter: ops must have a row in its table, got " +
                             op->getName().getStringRef());
  return row({op, operands});
}

} // namespace weft::interp
