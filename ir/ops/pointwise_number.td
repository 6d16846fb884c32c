// Pointwise ops of integers as well as floats: rounding, quotients, bits, signs, tests, selection.
#ifndef WEFT_IR_OPS_POINTWISE_NUMBER_TD
#define WEFT_IR_OPS_POINTWISE_NUMBER_TD

include "ir/ops/functions_number.td"
include "ir/ops/pointwise.td"

//===--- Rounding ---------------------------------------------------------------------------------===//

// Constant between the steps; the gradient of an infinite one is 0 as well.
defvar kNoSlope = "where(dy == dy, 0, dy)";

class Rounding<string mnemonic, string expression> : Pointwise<mnemonic, (ins Weft_Tensor:$x)> {
  let domain = Number;
  let value = expression;
  let grad = [kNoSlope];
}
def Floor : Rounding<"floor", "round_down(x)"> {
  let summary = "the greatest whole number that is not above x";
  let example = "floor(tensor({-1.5f, 1.5f}))";
  let gives = "[-2., 1.] f32[2]";
}
def Ceil : Rounding<"ceil", "round_up(x)"> {
  let summary = "the least whole number that is not below x";
  let example = "ceil(tensor({-1.5f, 1.2f}))";
  let gives = "[-1., 2.] f32[2]";
}
def Round : Rounding<"round", "round_even(x)"> {
  let summary = "the nearest whole number, ties to even";
  let example = "round(tensor({0.5f, 1.5f, 2.6f}))";
  let gives = "[0., 2., 3.] f32[3]";
}
def Trunc : Rounding<"trunc", "round_to_zero(x)"> {
  let pytorch = ["torch.fix"];
  let summary = "x without its fraction";
  let example = "trunc(tensor({-1.5f, 1.5f}))";
  let gives = "[-1., 1.] f32[2]";
}
def Frac : Pointwise<"frac", (ins Weft_Tensor:$x)> {
  let summary = "the fraction of x, with its sign";
  let example = "frac(tensor({-1.5f, 1.25f}))";
  let gives = "[-0.5000, 0.2500] f32[2]";
  let domain = FloatOnly;
  let value = "x - round_to_zero(x)";
  let grad = ["dy"];
}

//===--- Quotients and remainders -------------------------------------------------------------------===//

class Division<string mnemonic> : Pointwise<mnemonic, (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let description = "An integer divided by 0 is an error.";
  let domain = Number;
  let samples = [1, 5];
}
def FloorDivide : Division<"floor_divide"> {
  let summary = "a / b rounded down";
  let example = "floor_divide(tensor({-7, 7}), 2)";
  let gives = "[-4, 3] i64[2]";
  let value = "floor_quotient(a, b)";
  let grad = [kNoSlope, kNoSlope];
}
def TruncDivide : Division<"trunc_divide"> {
  let pytorch = ["torch.div(rounding_mode=\"trunc\")"];
  let summary = "a / b without its fraction";
  let example = "trunc_divide(tensor({-7, 7}), 2)";
  let gives = "[-3, 3] i64[2]";
  let value = "truncated_quotient(a, b)";
  let grad = [kNoSlope, kNoSlope];
}
def RemainderOp : Division<"remainder"> {
  let summary = "what floor_divide leaves; its sign is b's";
  let example = "tensor({-7, 7}) % 3";
  let gives = "[2, 1] i64[2]";
  let value = "remainder(a, b)";
  let symbol = "%";
  let grad = ["dy", "-dy * floor_divide(a, b)"];
}
def Fmod : Division<"fmod"> {
  let summary = "what trunc_divide leaves; its sign is a's";
  let example = "fmod(tensor({-7, 7}), 3)";
  let gives = "[-1, 1] i64[2]";
  let value = "truncated_remainder(a, b)";
  let grad = ["dy", "-dy * trunc_divide(a, b)"];
}

//===--- Bits ------------------------------------------------------------------------------------------===//

class Bits<string mnemonic, string expression, string cpp = ""> : Pointwise<mnemonic, (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let domain = Integral;
  let differentiable = 0;
  let value = expression;
  let symbol = cpp;
}
def BitwiseAnd : Bits<"bitwise_and", "bit_and(a, b)", "&"> { let summary = "bits that both have; logical and on bool"; let example = "tensor({12, 10}) & 6"; let gives = "[4, 2] i64[2]"; }
def BitwiseOr : Bits<"bitwise_or", "bit_or(a, b)", "|"> { let summary = "bits that at least one has; logical or on bool"; let example = "tensor({12, 10}) | 6"; let gives = "[14, 14] i64[2]"; }
def BitwiseXor : Bits<"bitwise_xor", "bit_xor(a, b)", "^"> { let summary = "bits that exactly one has"; let example = "tensor({12, 10}) ^ 6"; let gives = "[10, 12] i64[2]"; }
def BitwiseLeftShift : Bits<"bitwise_left_shift", "shift_left(a, b)", "<<"> {
  let summary = "a * 2^b, wrapped; 0 for negative b";
  let example = "tensor({1, 3}) << 2";
  let gives = "[ 4, 12] i64[2]";
  let samples = [0, 8];
}
def BitwiseRightShift : Bits<"bitwise_right_shift", "shift_right(a, b)", ">>"> {
  let summary = "a / 2^b, rounded down; the sign alone for b that is negative or beyond the width";
  let example = "tensor({-5, 9}) >> 1";
  let gives = "[-3, 4] i64[2]";
  let samples = [0, 8];
}

//===--- Signs and tests ---------------------------------------------------------------------------------===//

class Test<string mnemonic, string expression> : Pointwise<mnemonic, (ins Weft_Tensor:$x)> {
  let domain = Any;
  let result = BoolDType;
  let differentiable = 0;
  let inPlace = 0;
  let value = expression;
}
def IsNan : Test<"isnan", "x != x"> { let summary = "x is NaN"; let example = "isnan(tensor({1.f, NAN}))"; let gives = "[false, true] bool[2]"; }
def IsInf : Test<"isinf", "is_infinite(x)"> { let summary = "x is inf or -inf"; let example = "isinf(tensor({1.f, -INFINITY}))"; let gives = "[false, true] bool[2]"; }
def IsFiniteOp : Test<"isfinite", "is_finite(x)"> { let summary = "x is neither infinite nor NaN"; let example = "isfinite(tensor({1.f, NAN}))"; let gives = "[ true, false] bool[2]"; }
def SignBit : Test<"signbit", "is_negative(x)"> { let summary = "x has the sign -, as -0 does; false for NaN, whose sign an op may choose"; let example = "signbit(tensor({1.f, -0.f}))"; let gives = "[false, true] bool[2]"; }
class SignOp<string mnemonic> : Pointwise<mnemonic, (ins Weft_Tensor:$x)> {
  let summary = "1, -1 or 0 with the sign of x; 0 for NaN";
  let domain = Any;
  let value = "where(x > 0, 1, where(x < 0, -1, 0))";
  let grad = [kNoSlope];
}
def Sign : SignOp<"sign"> { let example = "sign(tensor({-2.f, 0.f, 3.f}))"; let gives = "[-1., 0., 1.] f32[3]"; }
def Sgn : SignOp<"sgn"> { let example = "sgn(tensor({-2, 3}))"; let gives = "[-1, 1] i64[2]"; }
def Heaviside : Pointwise<"heaviside", (ins Weft_Tensor:$x, Weft_Tensor:$values)> {
  let summary = "0 below 0, 1 above, and `values` at 0";
  let example = "heaviside(tensor({-2.f, 0.f, 3.f}), 0.5)";
  let gives = "[0.0000, 0.5000, 1.0000] f32[3]";
  let domain = Any;
  let differentiable = 0;
  let value = "where(x == 0, values, where(x > 0, 1, 0))";
  let oneDType = 1;
}
def Positive : Pointwise<"positive", (ins Weft_Tensor:$x)> {
  let summary = "x";
  let example = "+tensor({-2, 3})";
  let gives = "[-2, 3] i64[2]";
  let domain = Number;
  let value = "x";
  let symbol = "+";
  let inPlace = 0;
  let grad = ["dy"];
}
def Square : Pointwise<"square", (ins Weft_Tensor:$x)> {
  let summary = "x * x";
  let example = "square(tensor({-2, 3}))";
  let gives = "[4, 9] i64[2]";
  let domain = Widened;
  let value = "x * x";
  let grad = ["2 * dy * x"];
}

//===--- Selection and combinations ------------------------------------------------------------------------===//

def Fmax : Pointwise<"fmax", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "the greater element; the other one where one is NaN";
  let example = "fmax(tensor({1.f, NAN}), 0.5)";
  let gives = "[1.0000, 0.5000] f32[2]";
  let domain = Any;
  let value = "where((a >= b) | (b != b), a, b)";
  let grad = ["where(a == b, dy / 2, where((a > b) | (b != b), dy, 0))", "where(a == b, dy / 2, where((a > b) | (b != b), 0, dy))"];
}
def Fmin : Pointwise<"fmin", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "the lesser element; the other one where one is NaN";
  let example = "fmin(tensor({1.f, NAN}), 0.5)";
  let gives = "[0.5000, 0.5000] f32[2]";
  let domain = Any;
  let value = "where((a <= b) | (b != b), a, b)";
  let grad = ["where(a == b, dy / 2, where((a < b) | (b != b), dy, 0))", "where(a == b, dy / 2, where((a < b) | (b != b), 0, dy))"];
}
def ClampMin : Pointwise<"clamp_min", (ins Weft_Tensor:$x, Weft_Tensor:$min)> {
  let summary = "x, but not below min; NaN where either is NaN";
  let example = "clamp_min(tensor({1.f, 5.f}), tensor({3.f}))";
  let gives = "[3., 5.] f32[2]";
  let domain = Number;
  let api = 0;
  let method = 0;
  let inPlace = 0;
  let value = "where((x < min) | (min != min), min, x)";
  let grad = ["where(x == min, 0.5 * dy, where(x < min, 0, dy))", "where(x == min, 0.5 * dy, where(x > min, 0, dy))"];
}
def ClampMax : Pointwise<"clamp_max", (ins Weft_Tensor:$x, Weft_Tensor:$max)> {
  let summary = "x, but not above max; NaN where either is NaN";
  let example = "clamp_max(tensor({1.f, 5.f}), tensor({3.f}))";
  let gives = "[1., 3.] f32[2]";
  let domain = Number;
  let api = 0;
  let method = 0;
  let inPlace = 0;
  let value = "where((x > max) | (max != max), max, x)";
  let grad = ["where(x == max, 0.5 * dy, where(x > max, 0, dy))", "where(x == max, 0.5 * dy, where(x < max, 0, dy))"];
}
def ClampBetween : Pointwise<"clamp_between", (ins Weft_Tensor:$x, Weft_Tensor:$min, Weft_Tensor:$max)> {
  let summary = "x limited to min .. max, tensors; NaN where one of them is NaN, max where min is above it";
  let example = "clamp(tensor({0.f, 5.f}), tensor({1.f}), tensor({2.f}))";
  let gives = "[1., 2.] f32[2]";
  let domain = Number;
  let api = 0;
  let method = 0;
  let inPlace = 0;
  let with = "low = where((x < min) | (min != min), min, x)";
  let value = "where((low > max) | (max != max), max, low)";
  // At one of two bounds half, and all where both are equal, as in PyTorch.
  let grad = [
    "where((x < min) | (x > max), 0, where(((x == min) | (x == max)) & (min < max), 0.5 * dy, dy))",
    "where((x < min) & (min <= max), dy, where((x == min) & (min < max), 0.5 * dy, 0))",
    "where((min > max) | ((x > max) & (min <= max)), dy, where((x == max) & (min < max), 0.5 * dy, 0))"
  ];
}
def Addcmul : Pointwise<"addcmul", (ins Weft_Tensor:$x, Weft_Tensor:$tensor1, Weft_Tensor:$tensor2), [Scalar<"value", "1">]> {
  let summary = "x + value * tensor1 * tensor2";
  let example = "addcmul(tensor({1.f}), tensor({2.f}), tensor({3.f}), 0.5)";
  let gives = "[4.] f32[1]";
  let domain = Number;
  let value = "x + value * tensor1 * tensor2";
  let grad = ["dy", "dy * value * tensor2", "dy * value * tensor1"];
}
def Addcdiv : Pointwise<"addcdiv", (ins Weft_Tensor:$x, Weft_Tensor:$tensor1, Weft_Tensor:$tensor2), [Scalar<"value", "1">]> {
  let summary = "x + value * tensor1 / tensor2";
  let example = "addcdiv(tensor({1.f}), tensor({3.f}), tensor({2.f}))";
  let gives = "[2.5000] f32[1]";
  let domain = FloatOnly;
  let value = "x + value * tensor1 / tensor2";
  let grad = ["dy", "dy * value / tensor2", "-dy * value * tensor1 / (tensor2 * tensor2)"];
  let samples = [1, 4];
}
def Lerp : Pointwise<"lerp", (ins Weft_Tensor:$start, Weft_Tensor:$end, Weft_Tensor:$weight)> {
  let summary = "start + weight * (end - start), from the nearer end";
  let example = "lerp(tensor({1.f}), tensor({5.f}), 0.25)";
  let gives = "[2.] f32[1]";
  let domain = FloatOnly;
  let value = "d = end - start; where(abs(weight) < 0.5, start + weight * d, end - d * (1 - weight))";
  let grad = ["dy * (1 - weight)", "dy * weight", "dy * (end - start)"];
  let oneDType = 1;
}
def ReplaceSpecial : Pointwise<"replace_special", (ins Weft_Tensor:$x), [Scalar<"for_nan">, Scalar<"for_inf">, Scalar<"for_negative_inf">]> {
  let isOurs = 1;
  let summary = "x with NaN and infinities replaced; `nan_to_num` is its user form";
  let domain = FloatOnly;
  let value = "where(x != x, for_nan, where(x == inf, for_inf, where(x == -inf, for_negative_inf, x)))";
  let grad = ["where(abs(x) < inf, dy, 0)"];
  let example = "replace_special(tensor({NAN, 1.f}), 0, 2, -2)";
  let gives = "[0., 1.] f32[2]";
  let inPlace = 0;
  let method = 0;
}
// The neighbours of a number lie a unit of its last place away, half a unit below a power of two. Exact in the compute dtype for every narrower format.
def NextAfter : Pointwise<"next_after", (ins Weft_Tensor:$x, Weft_Tensor:$other), [Scalar<"fraction">, Scalar<"least_exponent">, Scalar<"largest">]> {
  let isOurs = 1;
  let summary = "the number of a format that follows x towards other; `nextafter` is its user form";
  let example = "next_after(tensor({1.f}), 2, 10, -14, 65504) - 1";
  let gives = "[0.0010] f32[1]";
  let domain = FloatOnly;
  let with = "a = abs(x); up = xor(x > other, x > 0); e = exponent(a); least = rint(least_exponent); digits = rint(fraction);"
             " n = where(e < least, least, e) - digits; half = !up & (mantissa(a) == 1) & (e > least); step = scale2(1, where(half, n - 1, n));"
             " y = where(up, a + step, where(a == inf, largest, a - step))";
  let value = "where((x != x) | (other != other), x + other, where(x == other, other, where(x == 0, copysign(scale2(1, least - digits), other), copysign(y, x))))";
  let grad = ["where(x == other, 0, dy)", "where(dy == dy, 0, dy)"];
  let inPlace = 0;
  let method = 0;
}

#endif
