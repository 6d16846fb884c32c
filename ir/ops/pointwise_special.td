// Further special functions, and the parts of a floating number.
#ifndef WEFT_IR_OPS_POINTWISE_SPECIAL_TD
#define WEFT_IR_OPS_POINTWISE_SPECIAL_TD

include "ir/ops/pointwise_math.td"

def BesselI0e : MathOp<"i0e", "dy * where(x == 0, 0, i1e(x) - copysign(y, x))"> { let summary = "i0(x) * exp(-|x|), which does not overflow"; let example = "i0e(tensor({0.f, 100.f}))"; let gives = "[1.0000, 0.0399] f32[2]"; }
def BesselI1e : MathOp<"i1e", "dy * where(x == 0, 0.5, i0e(x) - y * (copysign(1, x) + 1 / x))"> { let summary = "i1(x) * exp(-|x|), which does not overflow"; let example = "i1e(tensor({0.f, 100.f}))"; let gives = "[0.0000, 0.0397] f32[2]"; }

//===--- The normal distribution ------------------------------------------------------------------------===//

def Ndtr : Pointwise<"ndtr", (ins Weft_Tensor:$x)> {
  let summary = "the probability that a normally distributed number lies below x";
  let example = "ndtr(tensor({0.f, 1.96f}))";
  let gives = "[0.5000, 0.9750] f32[2]";
  let value = "a = abs(x); b = where(a < 1, 1, a); p = normal_tail(b) / b; where(a < 1, 0.5 + 0.5 * erf(x * 0.7071067811865476), where(x < 0, p, 1 - p))";
  let grad = ["dy * (0.3989422804014327 * exp(-0.5 * x * x))"];
}
// A polynomial by Horner's rule, for gradients: fma is no op.
class PlainHorner<string x, list<string> coefficients> {
  string text = !foldl(!head(coefficients), !tail(coefficients), p, c, "(" # p # " * " # x # " + " # c # ")");
}
// Far on the left by Laplace's asymptotic series of Mills' ratio: 1 - u + 3 u^2 - 15 u^3 + ... with u = 1 / x^2.
def LogNdtr : Pointwise<"log_ndtr", (ins Weft_Tensor:$x)> {
  let summary = "log(ndtr(x)), accurate also where ndtr(x) is 0";
  let example = "log_ndtr(tensor({0.f, -100.f}))";
  let gives = "[ -0.6931, -5005.5239] f32[2]";
  let with = "u = 1 / (x * x); s = " # PlainHorner<"u", ["191898783962510625", "(-6190283353629375)", "213458046676875", "(-7905853580625)", "316234143225", "(-13749310575)",
      "654729075", "(-34459425)", "2027025", "(-135135)", "10395", "(-945)", "105", "(-15)", "3", "(-1)", "1"]>.text;
  let value = "p = ndtr(where(x < -1, x, -x)); where(x < -10, log(s) - 0.5 * x * x - log(-x) - 0.9189385332046727, where(x < -1, log(p), log1p(-p)))";
  let grad = ["dy * where(x < -10, -x / s, exp(-0.5 * x * x - y - 0.9189385332046727))"];
}

//===--- Entropies --------------------------------------------------------------------------------------===//

def Entr : Pointwise<"entr", (ins Weft_Tensor:$x)> {
  let summary = "-x * log(x), 0 for x = 0 and -infinity below";
  let example = "entr(tensor({0.f, 0.5f, -1.f}))";
  let gives = "[0.0000, 0.3466, -inf] f32[3]";
  let value = "where(x > 0, -x * log(x), where(x == 0, 0, where(x < 0, -inf, x)))";
  let grad = ["dy * (-1 - log(x))"];
  let samples = [0, 4];
}
def Xlog1py : Pointwise<"xlog1py", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a * log(1 + b), and 0 for a = 0; NaN where b is NaN";
  let example = "xlog1py(tensor({0.f, 2.f}), tensor({-1.f, 1.f}))";
  let gives = "[0.0000, 1.3863] f32[2]";
  let value = "where(b != b, b, where(a == 0, 0, a * log1p(b)))";
  let grad = ["where((a == 0) & (b <= -1), 0, dy * log1p(b))", "dy * a / (b + 1)"];
  let samples = [1, 4];
}

//===--- Parts of a number ------------------------------------------------------------------------------===//

defvar kPartsOfNumber = "a = abs(x); whole = (a == 0) | !(a < inf); shift = where(a < 1, 110, 0); b = scale2(x, shift)";
def FrexpMantissa : Pointwise<"frexp_mantissa", (ins Weft_Tensor:$x)> {
  let isOurs = 1;
  let summary = "x divided by the power of 2 that brings it to 0.5 .. 1; `frexp` is its user form";
  let example = "frexp_mantissa(tensor({0.f, -6.f}))";
  let gives = "[ 0.0000, -0.7500] f32[2]";
  let domain = FloatOnly;
  let with = kPartsOfNumber;
  let value = "where(whole, x, copysign(0.5 * mantissa(b), x))";
  let grad = ["where(whole, dy, dy * (y / x))"];
  let inPlace = 0;
  let method = 0;
}
def FrexpExponent : Pointwise<"frexp_exponent", (ins Weft_Tensor:$x)> {
  let isOurs = 1;
  let summary = "the exponent of the power of 2 that x / 2^exponent lies in 0.5 .. 1 for, as a number; `frexp` is its user form";
  let example = "frexp_exponent(tensor({0.f, -6.f}))";
  let gives = "[0., 3.] f32[2]";
  let domain = FloatOnly;
  let with = kPartsOfNumber;
  let value = "where(whole, 0, exponent(b) + 1 - shift)";
  let differentiable = 0;
  let inPlace = 0;
  let method = 0;
}

#endif
