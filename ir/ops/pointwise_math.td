// Pointwise elementary and special functions.
#ifndef WEFT_IR_OPS_POINTWISE_MATH_TD
#define WEFT_IR_OPS_POINTWISE_MATH_TD

include "ir/ops/functions_exponential.td"
include "ir/ops/functions_special.td"
include "ir/ops/functions_trigonometric.td"
include "ir/ops/pointwise.td"

// An op that is a function of the language.
class MathOp<string mnemonic, string slope> : Pointwise<mnemonic, (ins Weft_Tensor:$x)> {
  let value = mnemonic # "(x)";
  let grad = [slope];
}

//===--- Trigonometric and hyperbolic functions -------------------------------------------------------===//

def Sin : MathOp<"sin", "dy * cos(x)"> { let summary = "sine of x radians"; let example = "sin(tensor({0.f, 1.f}))"; let gives = "[0.0000, 0.8415] f32[2]"; }
def Cos : MathOp<"cos", "-dy * sin(x)"> { let summary = "cosine of x radians"; let example = "cos(tensor({0.f, 1.f}))"; let gives = "[1.0000, 0.5403] f32[2]"; }
def Tan : MathOp<"tan", "dy * (1 + y * y)"> { let summary = "tangent of x radians"; let example = "tan(tensor({0.f, 1.f}))"; let gives = "[0.0000, 1.5574] f32[2]"; let samples = [-1, 1]; }
def Asin : MathOp<"asin", "dy / sqrt(1 - x * x)"> { let pytorch = ["torch.arcsin"]; let summary = "the angle whose sine is x"; let example = "asin(tensor({0.f, 0.5f}))"; let gives = "[0.0000, 0.5236] f32[2]"; let samples = [-1, 1]; }
def Acos : MathOp<"acos", "-dy / sqrt(1 - x * x)"> { let pytorch = ["torch.arccos"]; let summary = "the angle whose cosine is x"; let example = "acos(tensor({1.f, 0.5f}))"; let gives = "[0.0000, 1.0472] f32[2]"; let samples = [-1, 1]; }
def Atan : MathOp<"atan", "dy / (1 + x * x)"> { let pytorch = ["torch.arctan"]; let summary = "the angle whose tangent is x"; let example = "atan(tensor({0.f, 1.f}))"; let gives = "[0.0000, 0.7854] f32[2]"; }
def Atan2 : Pointwise<"atan2", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let pytorch = ["torch.arctan2"];
  let summary = "the angle of the point (b, a), in -pi .. pi";
  let example = "atan2(tensor({1.f, -1.f}), tensor({-1.f, 0.f}))";
  let gives = "[ 2.3562, -1.5708] f32[2]";
  let value = "atan2(a, b)";
  let grad = ["where(a * a + b * b == 0, 0, dy * (b / (a * a + b * b)))", "where(a * a + b * b == 0, 0, dy * (-a / (a * a + b * b)))"];
}
def Sinh : MathOp<"sinh", "dy * cosh(x)"> { let summary = "hyperbolic sine"; let example = "sinh(tensor({0.f, 1.f}))"; let gives = "[0.0000, 1.1752] f32[2]"; }
def Cosh : MathOp<"cosh", "dy * sinh(x)"> { let summary = "hyperbolic cosine"; let example = "cosh(tensor({0.f, 1.f}))"; let gives = "[1.0000, 1.5431] f32[2]"; }
def Asinh : MathOp<"asinh", "dy / sqrt(x * x + 1)"> { let pytorch = ["torch.arcsinh"]; let summary = "inverse of the hyperbolic sine"; let example = "asinh(tensor({0.f, 1.f}))"; let gives = "[0.0000, 0.8814] f32[2]"; }
def Acosh : MathOp<"acosh", "dy / sqrt(x * x - 1)"> { let pytorch = ["torch.arccosh"]; let summary = "inverse of the hyperbolic cosine"; let example = "acosh(tensor({1.f, 2.f}))"; let gives = "[0.0000, 1.3170] f32[2]"; let samples = [1, 4]; }
def Atanh : MathOp<"atanh", "dy / (1 - x * x)"> { let pytorch = ["torch.arctanh"]; let summary = "inverse of the hyperbolic tangent"; let example = "atanh(tensor({0.f, 0.5f}))"; let gives = "[0.0000, 0.5493] f32[2]"; let samples = [-1, 1]; }

//===--- Exponentials and logarithms -------------------------------------------------------------------===//

def Exp2 : MathOp<"exp2", "dy * y * 0.6931471805599453"> { let summary = "2 to the power of x"; let example = "exp2(tensor({0.5f, 3.f}))"; let gives = "[1.4142, 8.0000] f32[2]"; }
def Expm1 : MathOp<"expm1", "dy * (y + 1)"> { let summary = "exp(x) - 1, accurate near 0"; let example = "expm1(tensor({0.f, 1.f}))"; let gives = "[0.0000, 1.7183] f32[2]"; }
def Log1p : MathOp<"log1p", "dy / (x + 1)"> { let summary = "log(1 + x), accurate near 0"; let example = "log1p(tensor({0.f, 1.f}))"; let gives = "[0.0000, 0.6931] f32[2]"; let samples = [0, 4]; }
def Log2 : MathOp<"log2", "dy / (x * 0.6931471805599453)"> { let summary = "logarithm to the base 2"; let example = "log2(tensor({8.f, 3.f}))"; let gives = "[3.0000, 1.5850] f32[2]"; let samples = [0, 4]; }
def Log10 : MathOp<"log10", "dy / (x * 2.302585092994046)"> { let summary = "logarithm to the base 10"; let example = "log10(tensor({100.f, 3.f}))"; let gives = "[2.0000, 0.4771] f32[2]"; let samples = [0, 4]; }
def Logaddexp : Pointwise<"logaddexp", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "log(exp(a) + exp(b))";
  let example = "logaddexp(tensor({0.f, 1.f}), tensor({0.f, -100.f}))";
  let gives = "[0.6931, 1.0000] f32[2]";
  let domain = FloatOnly;
  let value = "where((a == b) & (abs(a) == inf), a, max(a, b) + log1p(exp(-abs(a - b))))";
  let grad = ["dy / (1 + exp(b - a))", "dy / (1 + exp(a - b))"];
}
def Logaddexp2 : Pointwise<"logaddexp2", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "log2(2^a + 2^b)";
  let example = "logaddexp2(tensor({0.f, 1.f}), tensor({0.f, -100.f}))";
  let gives = "[1., 1.] f32[2]";
  let domain = FloatOnly;
  let value = "where((a == b) & (abs(a) == inf), a, max(a, b) + 1.4426950408889634 * log1p(exp2(-abs(a - b))))";
  let grad = ["dy / (1 + exp2(b - a))", "dy / (1 + exp2(a - b))"];
}
def Xlogy : Pointwise<"xlogy", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a * log(b), and 0 for a = 0; NaN where b is NaN";
  let example = "xlogy(tensor({0.f, 2.f}), tensor({0.f, 3.f}))";
  let gives = "[0.0000, 2.1972] f32[2]";
  let value = "where(b != b, b, where(a == 0, 0, a * log(b)))";
  let grad = ["where((a == 0) & (b <= 0), 0, dy * log(b))", "dy * a / b"];
  let samples = [1, 4];
}

//===--- Roots, signs, angles ----------------------------------------------------------------------------===//

def Reciprocal : Pointwise<"reciprocal", (ins Weft_Tensor:$x)> {
  let summary = "1 / x";
  let example = "reciprocal(tensor({2.f, 4.f}))";
  let gives = "[0.5000, 0.2500] f32[2]";
  let value = "1 / x";
  let grad = ["-dy * y * y"];
  let samples = [1, 4];
}
def Hypot : Pointwise<"hypot", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "sqrt(a^2 + b^2), which overflows only where the result does";
  let example = "hypot(tensor({3.f, 1.f}), tensor({4.f, 1.f}))";
  let gives = "[5.0000, 1.4142] f32[2]";
  let value = "hypot(a, b)";
  let grad = ["dy * (a / y)", "dy * (b / y)"];
}
def Copysign : Pointwise<"copysign", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a with the sign of b; NaN, whose sign an op may choose, counts as positive";
  let example = "copysign(tensor({1.f, -2.f}), tensor({-0.f, 1.f}))";
  let gives = "[-1., 2.] f32[2]";
  let value = "where(b == b, copysign(a, b), abs(a))";
  let grad = ["where(a == 0, 0, dy * (y / a))", "where(dy == dy, 0, dy)"];
}
def Deg2rad : Pointwise<"deg2rad", (ins Weft_Tensor:$x)> {
  let summary = "degrees as radians";
  let example = "deg2rad(tensor({180.f, 90.f}))";
  let gives = "[3.1416, 1.5708] f32[2]";
  let value = "x * 0.017453292519943295";
  let grad = ["dy * 0.017453292519943295"];
}
def Rad2deg : Pointwise<"rad2deg", (ins Weft_Tensor:$x)> {
  let summary = "radians as degrees";
  let example = "rad2deg(tensor({1.f, 0.5f}))";
  let gives = "[57.2958, 28.6479] f32[2]";
  let value = "x * 57.29577951308232";
  let grad = ["dy * 57.29577951308232"];
}
def Sinc : Pointwise<"sinc", (ins Weft_Tensor:$x)> {
  let summary = "sin(pi x) / (pi x), and 1 at 0";
  let example = "sinc(tensor({0.f, 0.5f, 1.5f}))";
  let gives = "[ 1.0000, 0.6366, -0.2122] f32[3]";
  // sin(pi x) by the distance of x to the nearest whole number n, which is exact, and the parity of n.
  let with = "p = 3.141592653589793 * x";
  let value = "n = rint(x); s = sin(3.141592653589793 * (x - n)); where(x == 0, 1, where(n == 2 * rint(0.5 * n), s, -s) / p)";
  let grad = ["where(x == 0, 0, dy * ((cos(p) - sin(p) / p) / x))"];
}

//===--- Special functions -------------------------------------------------------------------------------===//

def Erfc : MathOp<"erfc", "-dy * (1.1283791670955126 * exp(-x * x))"> { let summary = "1 - erf(x), accurate where it is small"; let example = "erfc(tensor({0.f, 2.f}))"; let gives = "[1.0000, 0.0047] f32[2]"; }
def Erfinv : MathOp<"erfinv", "dy * (0.886226925452758 * exp(y * y))"> { let summary = "inverse of erf; NaN beyond -1 .. 1"; let example = "erfinv(tensor({0.f, 0.5f}))"; let gives = "[0.0000, 0.4769] f32[2]"; let samples = [-1, 1]; }
def Lgamma : MathOp<"lgamma", "dy * digamma(x)"> { let pytorch = ["torch.special.gammaln"]; let summary = "logarithm of the absolute value of the gamma function"; let example = "lgamma(tensor({0.5f, 5.f}))"; let gives = "[0.5724, 3.1781] f32[2]"; let samples = [1, 5]; }
def Digamma : MathOp<"digamma", "dy * trigamma(x)"> { let pytorch = ["torch.special.psi"]; let summary = "derivative of lgamma"; let example = "digamma(tensor({0.5f, 5.f}))"; let gives = "[-1.9635, 1.5061] f32[2]"; let samples = [1, 5]; }
def Ndtri : MathOp<"ndtri", "dy * (2.5066282746310002 * exp(0.5 * y * y))"> { let summary = "the number below which a normally distributed one lies with probability x"; let example = "ndtri(tensor({0.5f, 0.975f}))"; let gives = "[0.0000, 1.9600] f32[2]"; let samples = [0, 1]; }
def BesselI0 : MathOp<"i0", "dy * i1(x)"> { let summary = "modified Bessel function of the first kind and order 0"; let example = "i0(tensor({0.f, 1.f}))"; let gives = "[1.0000, 1.2661] f32[2]"; }
def BesselI1 : MathOp<"i1", "dy * (i0(x) - where(x == 0, 0.5, y / x))"> { let summary = "modified Bessel function of the first kind and order 1"; let example = "i1(tensor({0.f, 1.f}))"; let gives = "[0.0000, 0.5652] f32[2]"; }
def Trigamma : MathOp<"trigamma", "dy * polygamma(x, 2)"> { let pytorch = ["torch.polygamma(1, x)"]; let summary = "derivative of digamma"; let example = "trigamma(tensor({0.5f, 5.f}))"; let gives = "[4.9348, 0.2213] f32[2]"; let samples = [1, 5]; }

def PolygammaOfOrder : Pointwise<"polygamma_of_order", (ins Weft_Tensor:$x, Weft_Tensor:$n)> {
  let isOurs = 1;
  let summary = "n-th derivative of digamma for whole n above 0; `polygamma` is its user form";
  let example = "polygamma_of_order(tensor({0.5f, 5.f}), 2)";
  let gives = "[-16.8288, -0.0488] f32[2]";
  let value = "polygamma(x, n)";
  let grad = ["dy * polygamma(x, n + 1)", ""];
  let samples = [1, 5];
  let inPlace = 0;
  let method = 0;
}

#endif
