// Functions of integers as well as floats: rounding, quotients, remainders, tests.
#ifndef WEFT_IR_OPS_FUNCTIONS_NUMBER_TD
#define WEFT_IR_OPS_FUNCTIONS_NUMBER_TD

include "ir/ops/functions.td"

//===--- Rounding: integers are what they are -----------------------------------------------------------===//

class RoundingFunction<string name, string floats> : Function<name, (ins Weft_Tensor:$x)> {
  let domain = Number;
  let f32 = floats;
  let f64 = floats;
  let i64 = "x";
}
def RoundDown : RoundingFunction<"round_down", "floor(x)"> { let summary = "the greatest whole number that is not above x"; }
def RoundUp : RoundingFunction<"round_up", "-floor(-x)"> { let summary = "the least whole number that is not below x"; }
def RoundEven : RoundingFunction<"round_even", "rint(x)"> { let summary = "the nearest whole number, ties to even"; }
def RoundToZero : RoundingFunction<"round_to_zero", "copysign(floor(abs(x)), x)"> { let summary = "x without its fraction"; }

//===--- Quotients and remainders -------------------------------------------------------------------------===//

// An integer divided by 0 raises the kernel's error; the least one by -1 wraps.
def TruncatedRemainder : Function<"truncated_remainder", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a - trunc(a / b) b, exact; its sign is a's";
  let domain = Number;
  let f32 = "fmod(a, b)";
  let f64 = "fmod(a, b)";
  let i64 = "r = a - floordiv(a, b) * b; where((r != 0) & xor(r < 0, a < 0), r - b, r)";
}
def TruncatedQuotient : Function<"truncated_quotient", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a / b without its fraction";
  let domain = Number;
  let f32 = "round_to_zero(a / b)";
  let f64 = "round_to_zero(a / b)";
  let i64 = "q = floordiv(a, b); where((a - q * b != 0) & xor(a < 0, b < 0), q + 1, q)";
}
def Remainder : Function<"remainder", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a - floor(a / b) b, exact; its sign is b's";
  let domain = Number;
  let f32 = "m = fmod(a, b); where((m != 0) & xor(b < 0, m < 0), m + b, m)";
  let f64 = "m = fmod(a, b); where((m != 0) & xor(b < 0, m < 0), m + b, m)";
  let i64 = "a - floordiv(a, b) * b";
}
// Floats by way of the exact remainder, as Python: a / b may have been rounded up to a whole number.
class FloorQuotientText {
  string text = [{
    m = fmod(a, b);
    d = (a - m) / b - where((m != 0) & xor(b < 0, m < 0), 1, 0);
    whole = floor(d);
    q = where(d - whole > 0.5, whole + 1, whole);
    where(b == 0, a / b, where(d == 0, copysign(0, a / b), q))}];
}
def FloorQuotient : Function<"floor_quotient", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a / b rounded down";
  let domain = Number;
  let f32 = FloorQuotientText<>.text;
  let f64 = FloorQuotientText<>.text;
  let i64 = "floordiv(a, b)";
}

//===--- Tests --------------------------------------------------------------------------------------------===//

class TestFunction<string name, string floats, string integers> : Function<name, (ins Weft_Tensor:$x)> {
  let domain = Number;
  let isMask = 1;
  let f32 = floats;
  let f64 = floats;
  let i64 = integers;
}
def IsInfinite : TestFunction<"is_infinite", "abs(x) == inf", "x != x"> { let summary = "x is inf or -inf"; }
def IsFinite : TestFunction<"is_finite", "abs(x) < inf", "x == x"> { let summary = "x is neither infinite nor NaN"; }
def IsNegative : TestFunction<"is_negative", "(copysign(1, x) < 0) & (x == x)", "x < 0"> { let summary = "x has the sign -, as -0 does and NaN does not"; }

#endif
