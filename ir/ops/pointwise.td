// Pointwise ops: the value of an element is one expression.
#ifndef WEFT_IR_OPS_POINTWISE_TD
#define WEFT_IR_OPS_POINTWISE_TD

include "ir/ops/functions.td"

//===--- Arithmetic -------------------------------------------------------------------------------===//

def Add : Pointwise<"add", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a + b; logical or on bool";
  let example = "tensor({1.f, 2.f}) + tensor({10.f, 20.f})";
  let gives = "[11., 22.] f32[2]";
  let domain = Any;
  let value = "a + b";
  let symbol = "+";
  let grad = ["dy", "dy"];
}
def Sub : Pointwise<"sub", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a - b";
  let example = "tensor({1.f, 2.f}) - 0.5";
  let gives = "[0.5000, 1.5000] f32[2]";
  let domain = Number;
  let value = "a - b";
  let symbol = "-";
  let grad = ["dy", "-dy"];
}
def Mul : Pointwise<"mul", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let pytorch = ["torch.multiply"];
  let summary = "a * b; logical and on bool";
  let example = "arange(3) * tensor({2, 3, 4})";
  let gives = "[0, 3, 8] i64[3]";
  let domain = Any;
  let value = "a * b";
  let symbol = "*";
  let grad = ["dy * b", "dy * a"];
}
def Div : Pointwise<"div", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "true division a / b";
  let example = "tensor({1, 2}) / 4";
  let gives = "[0.2500, 0.5000] f32[2]";
  let value = "a / b";
  let symbol = "/";
  let grad = ["dy / b", "-dy * (a / b / b)"];
}
def Neg : Pointwise<"neg", (ins Weft_Tensor:$x)> {
  let pytorch = ["torch.negative"];
  let summary = "-x";
  let example = "-tensor({1, -2})";
  let gives = "[-1, 2] i64[2]";
  let domain = Number;
  let value = "-x";
  let symbol = "-";
  let grad = ["-dy"];
}
def Abs : Pointwise<"abs", (ins Weft_Tensor:$x)> {
  let pytorch = ["torch.absolute"];
  let summary = "absolute value; the least integer stays as it is";
  let example = "abs(tensor({-1.5f, 2.f}))";
  let gives = "[1.5000, 2.0000] f32[2]";
  let domain = Number;
  let value = "abs(x)";
  let grad = ["where(x < 0, -dy, where(x > 0, dy, 0 * dy))"];
}
def Pow : Pointwise<"pow", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a to the power of b";
  let description = "Integers wrap. A negative integer exponent gives 1 / a^-b rounded towards 0, and 0 for a = 0; where it is a number rather than a tensor it is refused.";
  let check = "check_power";
  let example = "pow(tensor({1.f, 2.f, 3.f}), 2)";
  let gives = "[1., 4., 9.] f32[3]";
  let domain = Number;
  let value = "pow(a, b)";
  let grad = ["where(b == 0, 0, dy * b * pow(a, b - 1))", "where((a == 0) & (b >= 0), 0, dy * y * log(a))"];
  let samples = [0, 4];
}

//===--- Elementary functions -----------------------------------------------------------------------===//

def Exp : Pointwise<"exp", (ins Weft_Tensor:$x)> {
  let summary = "e to the power of x";
  let example = "exp(tensor({0.f, 1.f}))";
  let gives = "[1.0000, 2.7183] f32[2]";
  let value = "exp(x)";
  let grad = ["dy * y"];
}
def Log : Pointwise<"log", (ins Weft_Tensor:$x)> {
  let summary = "natural logarithm";
  let example = "log(tensor({1.f, 10.f, 0.f}))";
  let gives = "[0.0000, 2.3026, -inf] f32[3]";
  let value = "log(x)";
  let grad = ["dy / x"];
  let samples = [0, 4];
}
def Sqrt : Pointwise<"sqrt", (ins Weft_Tensor:$x)> {
  let summary = "square root";
  let example = "sqrt(tensor({4.f, 2.f}))";
  let gives = "[2.0000, 1.4142] f32[2]";
  let value = "sqrt(x)";
  let grad = ["dy / (2 * y)"];
  let samples = [0, 4];
}
def Rsqrt : Pointwise<"rsqrt", (ins Weft_Tensor:$x)> {
  let summary = "1 / sqrt(x)";
  let example = "rsqrt(tensor({4.f, 1.f}))";
  let gives = "[0.5000, 1.0000] f32[2]";
  let value = "1 / sqrt(x)";
  let grad = ["-0.5 * dy * y * y * y"];
  let samples = [0, 4];
}
def Tanh : Pointwise<"tanh", (ins Weft_Tensor:$x)> {
  let summary = "hyperbolic tangent";
  let example = "tanh(tensor({-1.f, 0.f, 1.f}))";
  let gives = "[-0.7616, 0.0000, 0.7616] f32[3]";
  let value = "tanh(x)";
  let grad = ["dy * (1 - y * y)"];
}
def Erf : Pointwise<"erf", (ins Weft_Tensor:$x)> {
  let summary = "error function";
  let example = "erf(tensor({0.f, 0.5f}))";
  let gives = "[0.0000, 0.5205] f32[2]";
  let value = "erf(x)";
  let grad = ["dy * (1.1283791670955126 * exp(-x * x))"];
}

//===--- Activations --------------------------------------------------------------------------------===//

def Sigmoid : Pointwise<"sigmoid", (ins Weft_Tensor:$x)> {
  let pytorch = ["torch.special.expit"];
  let summary = "logistic function";
  let example = "sigmoid(tensor({-1.f, 0.f}))";
  let gives = "[0.2689, 0.5000] f32[2]";
  let value = "logistic(1, x)";
  let grad = ["dy * y * (1 - y)"];
}
def Relu : Pointwise<"relu", (ins Weft_Tensor:$x)> {
  let summary = "x where it is not below 0, else 0; NaN stays NaN";
  let example = "relu(tensor({-1.f, 2.f}))";
  let gives = "[0., 2.] f32[2]";
  let domain = Number;
  let value = "where(x < 0, 0, x)";
  let grad = ["where(y <= 0, 0, dy)"];
}
def Gelu : Pointwise<"gelu", (ins Weft_Tensor:$x)> {
  let summary = "Gaussian error linear unit";
  let description = "The tanh approximation is `gelu_tanh`.";
  let example = "gelu(tensor({-1.f, 0.f, 1.f}))";
  let gives = "[-0.1587, 0.0000, 0.8413] f32[3]";
  let domain = FloatOnly;
  let with = "e = erf(0.7071067811865476 * x)";
  let value = "gelu(x)";
  let grad = ["dy * (0.5 * (1 + e) + 0.3989422804014327 * x * exp(-0.5 * x * x))"];
}
def GeluTanh : Pointwise<"gelu_tanh", (ins Weft_Tensor:$x)> {
  let pytorch = ["F.gelu(approximate=\"tanh\")"];
  let summary = "Gaussian error linear unit, tanh form";
  let example = "gelu_tanh(tensor({-1.f, 0.f, 1.f}))";
  let gives = "[-0.1588, 0.0000, 0.8412] f32[3]";
  let domain = FloatOnly;
  // 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)) with u = sqrt(2 / pi) (x + 0.044715 x^3); the constants are those of 2u / ln 2.
  let with = "s = sigmoid(1.5957691216057308 * x * (1 + 0.044715 * x * x))";
  let value = "logistic2(x, x * fma(x * x, 0.10294323958002349, 2.302208198144325))";
  let grad = ["dy * (s + x * s * (1 - s) * (1.5957691216057308 * (1 + 0.134145 * x * x)))"];
}
def Silu : Pointwise<"silu", (ins Weft_Tensor:$x)> {
  let summary = "x * sigmoid(x)";
  let example = "silu(tensor({-1.f, 0.f, 1.f}))";
  let gives = "[-0.2689, 0.0000, 0.7311] f32[3]";
  let domain = FloatOnly;
  let with = "s = sigmoid(x)";
  let value = "logistic(x, x)";
  let grad = ["dy * (s * (1 + x * (1 - s)))"];
}

//===--- Selection ----------------------------------------------------------------------------------===//

def Maximum : Pointwise<"maximum", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "the greater element; NaN where either is NaN";
  let example = "maximum(tensor({1.f, 5.f}), 3)";
  let gives = "[3., 5.] f32[2]";
  let domain = Any;
  let value = "max(a, b)";
  let grad = ["where(a == b, 0.5 * dy, where(a < b, 0, dy))", "where(a == b, 0.5 * dy, where(a > b, 0, dy))"];
}
def Minimum : Pointwise<"minimum", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "the lesser element; NaN where either is NaN";
  let example = "minimum(tensor({1.f, 5.f}), 3)";
  let gives = "[1., 3.] f32[2]";
  let domain = Any;
  let value = "min(a, b)";
  let grad = ["where(a == b, 0.5 * dy, where(a > b, 0, dy))", "where(a == b, 0.5 * dy, where(a < b, 0, dy))"];
}
def Clamp : Pointwise<"clamp", (ins Weft_Tensor:$x),
    [Scalar<"min", "-std::numeric_limits<double>::infinity()", "no limit below by default">,
     Scalar<"max", "std::numeric_limits<double>::infinity()", "no limit above by default">]> {
  let summary = "x limited to min .. max; NaN stays NaN; max where min is above it";
  let example = "clamp(arange(6), 1, 3)";
  let gives = "[1, 1, 2, 3, 3, 3] i64[6]";
  let domain = Number;
  let with = "low = where((x < min) | (min != min), min, x)";
  let value = "where((low > max) | (max != max), max, low)";
  // At a bound 0, as in PyTorch; what is not there bounds nothing.
  let grad = ["where(((x > min) | (min == -inf)) & ((x < max) | (max == inf)), dy, 0)"];
}
def Where : Pointwise<"where", (ins Weft_Mask:$condition, Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a where the condition holds, else b";
  let example = "where(tensor({true, false}), tensor({1.f, 2.f}), 0)";
  let gives = "[1., 0.] f32[2]";
  let domain = Any;
  let value = "where(condition, a, b)";
  let grad = ["", "where(condition, dy, 0)", "where(condition, 0, dy)"];
  let givenMasks = 1;
  let method = 0;
  let inPlace = 0;
}

def Rarely : Pointwise<"rarely", (ins Weft_Mask:$condition, Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "where(condition, a, b) for a condition that seldom holds: a compiled kernel computes what only a needs in a branch, which vectors without such an element pass by";
  let example = "rarely(tensor({true, false}), tensor({1.f, 2.f}), 0)";
  let gives = "[1., 0.] f32[2]";
  let domain = Any;
  let value = "rarely(condition, a, b)";
  let grad = ["", "where(condition, dy, 0)", "where(condition, 0, dy)"];
  let givenMasks = 1;
  let method = 0;
  let inPlace = 0;
  let isOurs = 1;
}

//===--- Comparisons and logic ------------------------------------------------------------------------===//

def Eq : Compare<"eq", "a == b", "=="> { let summary = "a equals b"; let example = "tensor({1, 2}) == 2"; let gives = "[false, true] bool[2]"; }
def Ne : Compare<"ne", "a != b", "!="> { let pytorch = ["torch.not_equal"]; let summary = "a differs from b; true for NaN"; let example = "tensor({1, 2}) != 2"; let gives = "[ true, false] bool[2]"; }
def Lt : Compare<"lt", "a < b", "<"> { let pytorch = ["torch.less"]; let summary = "a is below b"; let example = "tensor({1, 2}) < 2"; let gives = "[ true, false] bool[2]"; }
def Le : Compare<"le", "a <= b", "<="> { let pytorch = ["torch.less_equal"]; let summary = "a is below or equal to b"; let example = "tensor({1, 2}) <= 2"; let gives = "[true, true] bool[2]"; }
def Gt : Compare<"gt", "a > b", ">"> { let pytorch = ["torch.greater"]; let summary = "a is above b"; let example = "tensor({1, 2}) > 1"; let gives = "[false, true] bool[2]"; }
def Ge : Compare<"ge", "a >= b", ">="> { let pytorch = ["torch.greater_equal"]; let summary = "a is above or equal to b"; let example = "tensor({1, 2}) >= 1"; let gives = "[true, true] bool[2]"; }
def LogicalAnd : Compare<"logical_and", "(a != 0) & (b != 0)"> { let summary = "both are not 0"; let example = "logical_and(tensor({0, 2}), true)"; let gives = "[false, true] bool[2]"; }
def LogicalOr : Compare<"logical_or", "(a != 0) | (b != 0)"> { let summary = "at least one is not 0"; let example = "logical_or(tensor({0, 2}), false)"; let gives = "[false, true] bool[2]"; }
def LogicalXor : Compare<"logical_xor", "xor(a != 0, b != 0)"> { let summary = "exactly one is not 0"; let example = "logical_xor(tensor({0, 2}), true)"; let gives = "[ true, false] bool[2]"; }
def LogicalNot : Pointwise<"logical_not", (ins Weft_Tensor:$x)> {
  let summary = "x is 0";
  let example = "logical_not(tensor({0, 2}))";
  let gives = "[ true, false] bool[2]";
  let domain = Any;
  let result = BoolDType;
  let differentiable = 0;
  let value = "x == 0";
  let samples = [-2, 2];
}

//===--- Data ---------------------------------------------------------------------------------------===//

def Cast : Pointwise<"cast", (ins Weft_Tensor:$x)> {
  let pytorch = ["torch.Tensor.to", "torch.Tensor.type"];
  let summary = "x converted to `dtype`";
  let description = "Floats to i64 truncate and saturate, NaN gives 0; a number is true where it is not 0; f32 to bf16 rounds to nearest even.";
  let example = "cast(tensor({1.7f, -1.7f}), i64)";
  let gives = "[ 1, -1] i64[2]";
  let domain = Any;
  let result = GivenDType;
  let structure = ["dtype"];
  let value = "x";
  let grad = ["dy"];
  let inPlace = 0;
  let method = 0;
}
def Assign : Pointwise<"assign", (ins Weft_Tensor:$x, Weft_Tensor:$source)> {
  let example = "tensor({1, 2}).copy_(tensor({3, 4}))";
  let gives = "[3, 4] i64[2]";
  let isOurs = 1;
  let summary = "x becomes source, converted to its dtype and broadcast to its shape";
  let description = "Always in place; `copy_` and `fill_` are its user forms.";
  let domain = Any;
  let value = "source";
  let grad = ["", "dy"];
  let api = 0;
}
def CheckedIndex : Pointwise<"checked_index", (ins Weft_Tensor:$index), [Scalar<"limit">, Scalar<"ignore", "-1">]> {
  let isOurs = 1;
  let summary = "index, which must be in 0 .. limit - 1 or equal to ignore; else the call fails";
  let example = "checked_index(tensor({0, 2}), 3)";
  let gives = "[0, 2] i64[2]";
  let domain = Integer;
  let value = "require((index >= 0) & (index < limit) | (index == ignore), index)";
  let differentiable = 0;
  let inPlace = 0;
  let samples = [0, 4];
}

#endif
