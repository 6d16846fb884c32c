// The meaning of the language on one element: constant folding, interpreters and tests use it, and
// every other algebra agrees with it bit for bit (but for the payload of a NaN).
#pragma once

#include "ir/expr/evaluate.h"

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

namespace weft::expr {

/// A number of the compute dtype T, or an index or truth value in `i`.
template <class T> struct ScalarValue {
  T x{};
  int64_t i = 0;
};

/// The bit layout of a binary format.
template <class T> struct FloatBits;
template <> struct FloatBits<float> {
  using Bits = uint32_t;
  static constexpr int kMantissa = 23, kBias = 127, kField = 0xFF;
};
template <> struct FloatBits<double> {
  using Bits = uint64_t;
  static constexpr int kMantissa = 52, kBias = 1023, kField = 0x7FF;
};

/// See Primitive::power_of_two. Adding 1.5 * 2^kMantissa leaves an integer in the low bits.
template <class T> T power_of_two(T n) {
  using B = FloatBits<T>;
  constexpr T offset = T(typename B::Bits{3} << (B::kMantissa - 1)) + B::kBias;
  return std::bit_cast<T>(std::bit_cast<typename B::Bits>(n + offset) << B::kMantissa);
}

/// See Primitive::scale2. The second factor is normal, and if the first product is inexact the
/// second one is zero in any case: so there is one rounding.
template <class T> T scale2(T x, T n) {
  constexpr int low = Scale2Range<T>::low, high = Scale2Range<T>::high;
  T limited = n > T(low) ? n : T(low);
  limited = limited < T(high) ? limited : T(high);
  T last = limited < T(low / 2) ? T(low / 2) : limited > T(high / 2) ? T(high / 2) : limited;
  return x * power_of_two(limited - last) * power_of_two(last);
}

template <class T> T exponent(T x) {
  using B = FloatBits<T>;
  auto bits = std::bit_cast<typename B::Bits>(x);
  return static_cast<T>(static_cast<int>(bits >> B::kMantissa & B::kField) - B::kBias);
}

template <class T> T mantissa(T x) {
  using B = FloatBits<T>;
  using Bits = typename B::Bits;
  Bits fraction = std::bit_cast<Bits>(x) & ((Bits{1} << B::kMantissa) - 1);
  return std::bit_cast<T>(fraction | Bits{B::kBias} << B::kMantissa);
}

/// Rounds the quotient down; defined for every operand. `failed` is set by a zero divisor.
inline int64_t floordiv(int64_t a, int64_t b, bool* failed = nullptr) {
  if (b == 0) {
    if (failed) *failed = true;
    return 0;
  }
  if (b == -1) return static_cast<int64_t>(-static_cast<uint64_t>(a));
  int64_t q = a / b;
  return q - (a % b != 0 && (a < 0) != (b < 0));
}

/// See Primitive::shift_left and shift_right.
constexpr int64_t shift_left(int64_t a, int64_t b) {
  return b < 0 || b > 63 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(a) << b);
}
constexpr int64_t shift_right(int64_t a, int64_t b) { return a >> (b < 0 || b > 63 ? 63 : b); }

/// T is float, double or int64_t. `Table` knows the callables in that dtype: `Nodes nodes(int
/// callable)` and `int root(int callable)`.
template <class T, class Table> struct ScalarAlgebra {
  using Value = ScalarValue<T>;
  const Table& table;
  bool failed = false; // a require was false, or an integer was divided by zero

  Value literal(double number, Type type) {
    if (type == Type::index) return {T{}, static_cast<int64_t>(number)};
    return {static_cast<T>(number), 0};
  }
  Value call(int callable, const Value* operands, int) {
    return evaluate(*this, table.nodes(callable), table.root(callable), operands);
  }
  Value apply(Primitive p, const Value* v, Type type) {
    switch (p) {
    case Primitive::logical_or:
      return truth(v[0].i | v[1].i);
    case Primitive::logical_and:
      return truth(v[0].i & v[1].i);
    case Primitive::logical_xor:
      return truth(v[0].i ^ v[1].i);
    case Primitive::logical_not:
      return truth(!v[0].i);
    case Primitive::eq:
      return compare([](auto a, auto b) { return a == b; }, v, type);
    case Primitive::ne:
      return compare([](auto a, auto b) { return a != b; }, v, type);
    case Primitive::lt:
      return compare([](auto a, auto b) { return a < b; }, v, type);
    case Primitive::le:
      return compare([](auto a, auto b) { return a <= b; }, v, type);
    case Primitive::gt:
      return compare([](auto a, auto b) { return a > b; }, v, type);
    case Primitive::ge:
      return compare([](auto a, auto b) { return a >= b; }, v, type);
    case Primitive::where:
    case Primitive::rarely:
      return v[0].i ? v[1] : v[2];
    case Primitive::require:
      failed |= !v[0].i;
      return v[1];
    case Primitive::lowest:
      return extreme(true, type);
    case Primitive::highest:
      return extreme(false, type);
    default:
      break;
    }
    if constexpr (std::is_floating_point_v<T>)
      return number(floating(p, v));
    else
      return number(integer(p, v));
  }

private:
  static Value number(T x) { return {x, 0}; }
  static Value truth(bool b) { return {T{}, b}; }
  template <class Compare> static Value compare(Compare c, const Value* v, Type type) {
    return truth(type == Type::index ? c(v[0].i, v[1].i) : c(v[0].x, v[1].x));
  }
  static Value extreme(bool low, Type type) {
    using Index = std::numeric_limits<int64_t>;
    using Number = std::numeric_limits<T>;
    if (type == Type::index) return {T{}, low ? Index::min() : Index::max()};
    if (Number::has_infinity) return number(low ? -Number::infinity() : Number::infinity());
    return number(low ? Number::min() : Number::max());
  }
  static T floating(Primitive p, const Value* v) {
    T a = v[0].x, b = v[1].x, c = v[2].x;
    switch (p) {
    case Primitive::add:
      return a + b;
    case Primitive::sub:
      return a - b;
    case Primitive::mul:
      return a * b;
    case Primitive::div:
      return a / b;
    case Primitive::neg:
      return -a;
    case Primitive::abs:
      return std::fabs(a);
    case Primitive::sqrt:
      return std::sqrt(a);
    case Primitive::floor:
      return std::floor(a);
    case Primitive::rint:
      return std::nearbyint(a);
    case Primitive::fma:
      return std::fma(a, b, c);
    case Primitive::copysign:
      return std::copysign(a, b);
    case Primitive::scale2:
      return scale2(a, b);
    case Primitive::power_of_two:
      return power_of_two(a);
    case Primitive::exponent:
      return exponent(a);
    case Primitive::fmod:
      return std::fmod(a, b);
    default:
      return mantissa(a);
    }
  }
  T integer(Primitive p, const Value* v) {
    auto a = static_cast<uint64_t>(v[0].x), b = static_cast<uint64_t>(v[1].x);
    switch (p) {
    case Primitive::add:
      return static_cast<T>(a + b);
    case Primitive::sub:
      return static_cast<T>(a - b);
    case Primitive::mul:
      return static_cast<T>(a * b);
    case Primitive::neg:
      return static_cast<T>(-a);
    case Primitive::abs:
      return static_cast<T>(v[0].x < 0 ? -a : a);
    case Primitive::bit_and:
      return static_cast<T>(a & b);
    case Primitive::bit_or:
      return static_cast<T>(a | b);
    case Primitive::bit_xor:
      return static_cast<T>(a ^ b);
    case Primitive::shift_left:
      return shift_left(v[0].x, v[1].x);
    case Primitive::shift_right:
      return shift_right(v[0].x, v[1].x);
    default:
      return floordiv(v[0].x, v[1].x, &failed);
    }
  }
};

} // namespace weft::expr
