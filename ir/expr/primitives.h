// The primitives of the expression language: one row each. An algebra implements every row; nothing
// else has a meaning of its own.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::expr {

/// What a node stands for: a number of the compute dtype, a truth value, or a position (64-bit).
enum class Type : char { number = 'N', boolean = 'B', index = 'I' };

/// The dtypes an expression may be computed in.
enum class Domain : char { number = 'n', floating = 'f', integer = 'i' };

enum class Primitive : uint8_t {
  logical_or,
  logical_and,
  logical_xor,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  add,
  sub,
  mul,
  div,
  neg,
  logical_not,
  where,
  rarely,
  abs,
  sqrt,
  floor,
  rint,
  fma,
  copysign,
  scale2,
  power_of_two,
  exponent,
  mantissa,
  fmod,
  floordiv,
  bit_and,
  bit_or,
  bit_xor,
  shift_left,
  shift_right,
  require,
  lowest,
  highest,
};

/// One row a primitive. The signature is the result's type, then the operands'; X is a number or an
/// index, the same wherever it stands. A precedence above 0 belongs to an infix operator.
struct PrimitiveInfo {
  Primitive id;
  std::string_view name;
  std::string_view signature;
  Domain domain;
  std::string_view infix;
  int precedence;
};

// Meaning, where the name leaves a choice. Operations on floats are IEEE 754 ones, rounded to
// nearest even; those on integers wrap.
//   eq .. ge     false where an operand is NaN; ne is true there
//   rarely       where, for a condition that seldom holds: what only its second operand needs is
//                computed where some element at hand, a vector's worth or one, has the condition
//   abs, neg     change the sign bit alone
//   rint         nearest integer, ties to even
//   fma(a, b, c) a * b + c with one rounding; nothing else is ever contracted
//   scale2(x, n) x * 2^m with one rounding, m = n limited to twice the format's exponent range
//                (f32: -252 .. 254, f64: -2044 .. 2046); n holds an integer; NaN counts as lowest
//   power_of_two(n)  2^n for an integer n whose power is a normal number; of other n any number
//   exponent(x)  the biased exponent field less the bias: floor(log2 |x|) of a normal number
//   mantissa(x)  the fraction field with exponent 0 and sign +: in [1, 2) for a normal number
//   fmod(a, b)   a - trunc(a / b) b without rounding, with a's sign; NaN for b = 0 and infinite a
//   shift_left   by a number of bits; 0 where it is negative or 64 and more
//   shift_right  keeps the sign; the sign alone where the number is negative or 63 and more
//   floordiv     rounds down; by 0 gives 0 and raises the kernel's error flag; by -1 wraps
//   require(c,x) x; raises the kernel's error flag where c is false
//   lowest       -inf or the least integer; highest: inf or the greatest
inline constexpr PrimitiveInfo kPrimitives[] = {
    {Primitive::logical_or, "or", "BBB", Domain::number, "|", 1},
    {Primitive::logical_and, "and", "BBB", Domain::number, "&", 2},
    {Primitive::logical_xor, "xor", "BBB", Domain::number, "", 0},
    {Primitive::eq, "eq", "BXX", Domain::number, "==", 3},
    {Primitive::ne, "ne", "BXX", Domain::number, "!=", 3},
    {Primitive::lt, "lt", "BXX", Domain::number, "<", 4},
    {Primitive::le, "le", "BXX", Domain::number, "<=", 4},
    {Primitive::gt, "gt", "BXX", Domain::number, ">", 4},
    {Primitive::ge, "ge", "BXX", Domain::number, ">=", 4},
    {Primitive::add, "add", "NNN", Domain::number, "+", 5},
    {Primitive::sub, "sub", "NNN", Domain::number, "-", 5},
    {Primitive::mul, "mul", "NNN", Domain::number, "*", 6},
    {Primitive::div, "div", "NNN", Domain::floating, "/", 6},
    {Primitive::neg, "neg", "NN", Domain::number, "", 0},
    {Primitive::logical_not, "not", "BB", Domain::number, "", 0},
    {Primitive::where, "where", "XBXX", Domain::number, "", 0},
    {Primitive::rarely, "rarely", "XBXX", Domain::number, "", 0},
    {Primitive::abs, "abs", "NN", Domain::number, "", 0},
    {Primitive::sqrt, "sqrt", "NN", Domain::floating, "", 0},
    {Primitive::floor, "floor", "NN", Domain::floating, "", 0},
    {Primitive::rint, "rint", "NN", Domain::floating, "", 0},
    {Primitive::fma, "fma", "NNNN", Domain::floating, "", 0},
    {Primitive::copysign, "copysign", "NNN", Domain::floating, "", 0},
    {Primitive::scale2, "scale2", "NNN", Domain::floating, "", 0},
    {Primitive::power_of_two, "power_of_two", "NN", Domain::floating, "", 0},
    {Primitive::exponent, "exponent", "NN", Domain::floating, "", 0},
    {Primitive::mantissa, "mantissa", "NN", Domain::floating, "", 0},
    {Primitive::fmod, "fmod", "NNN", Domain::floating, "", 0},
    {Primitive::floordiv, "floordiv", "NNN", Domain::integer, "", 0},
    {Primitive::bit_and, "bit_and", "NNN", Domain::integer, "", 0},
    {Primitive::bit_or, "bit_or", "NNN", Domain::integer, "", 0},
    {Primitive::bit_xor, "bit_xor", "NNN", Domain::integer, "", 0},
    {Primitive::shift_left, "shift_left", "NNN", Domain::integer, "", 0},
    {Primitive::shift_right, "shift_right", "NNN", Domain::integer, "", 0},
    {Primitive::require, "require", "NBN", Domain::number, "", 0},
    {Primitive::lowest, "lowest", "N", Domain::number, "", 0},
    {Primitive::highest, "highest", "N", Domain::number, "", 0},
};
inline constexpr int kPrimitiveCount = sizeof(kPrimitives) / sizeof(*kPrimitives);

constexpr bool primitives_are_in_order() {
  for (int k = 0; k < kPrimitiveCount; k++)
    if (static_cast<int>(kPrimitives[k].id) != k) return false;
  return true;
}
static_assert(primitives_are_in_order(), "a row's position is its number");

constexpr const PrimitiveInfo& info(Primitive p) { return kPrimitives[static_cast<int>(p)]; }

/// The exponents between which scale2 limits its second operand.
template <class T> struct Scale2Range;
template <> struct Scale2Range<float> { static constexpr int low = -252, high = 254; };
template <> struct Scale2Range<double> { static constexpr int low = -2044, high = 2046; };

} // namespace weft::expr
