// Functions of one or two numbers an element that are made of other ops: comparisons with a tolerance, powers, divisors, and other names.
#ifndef WEFT_IR_OPS_NUMBER_FORMS_TD
#define WEFT_IR_OPS_NUMBER_FORMS_TD

include "ir/ops/composite_number.td"

def OtherParam : Param<"const Arg&", "other">;

//===--- Other names ------------------------------------------------------------------------------------===//

def TrueDivide : NumberForm<"true_divide", [TensorParam, OtherParam]> {
  let summary = "x / other; another name of div";
  let example = "true_divide(tensor({1, 2}), 4)";
  let gives = "[0.2500, 0.5000] f32[2]";
  let dtypes = "all; integers and bool are converted to f32";
  let inPlace = 1;
}
def Clip : NumberForm<"clip", [TensorParam, Param<"Scalar", "min", "-std::numeric_limits<double>::infinity()">,
    Param<"Scalar", "max", "std::numeric_limits<double>::infinity()">]> {
  let summary = "x limited to min .. max; clamp under NumPy's name";
  let example = "clip(arange(4), 1, 2)";
  let gives = "[1, 1, 2, 2] i64[4]";
  let inPlace = 1;
}
def ClipTensors : NumberForm<"clip", [TensorParam, Param<"const Tensor&", "min">, Param<"const Tensor&", "max">]> {
  let summary = "x limited to min .. max, tensors that broadcast; one that is undefined limits nothing";
  let example = "clip(arange(4), tensor({1, 1, 1, 1}), tensor({2, 2, 2, 2}))";
  let gives = "[1, 1, 2, 2] i64[4]";
  let inPlace = 1;
}

//===--- Comparisons ------------------------------------------------------------------------------------===//

class Question<string mnemonic, list<Param> more = []> : NumberForm<mnemonic, !listconcat([TensorParam], more)> {
  let dtypes = "all";
  let gradient = "none";
}
def Isposinf : Question<"isposinf"> {
  let summary = "whether x is positive infinity";
  let example = "isposinf(tensor({INFINITY, -INFINITY, 1.f}))";
  let gives = "[ true, false, false] bool[3]";
  let shapes = "that of x";
}
def Isneginf : Question<"isneginf"> {
  let summary = "whether x is negative infinity";
  let example = "isneginf(tensor({INFINITY, -INFINITY, 1.f}))";
  let gives = "[false, true, false] bool[3]";
  let shapes = "that of x";
}
defvar kTolerances = [OtherParam, Param<"double", "rtol", "1e-5">, Param<"double", "atol", "1e-8">, Param<"bool", "equal_nan", "false">];
def Isclose : Question<"isclose", kTolerances> {
  let summary = "whether x is as close to other as the tolerances ask, or equal to it";
  let description = "equal_nan has NaN close to NaN. Integers are compared in f64.";
  let formula = "|x - other| <= atol + rtol * |other|";
  let example = "isclose(tensor({1.f, 2.f}), tensor({1.000001f, 2.1f}))";
  let gives = "[ true, false] bool[2]";
  let dtypes = "all, one for both operands";
}
def Allclose : Question<"allclose", kTolerances> {
  let summary = "whether all elements are close, as isclose has it";
  let description = "The host reads the answer: a compiled region computes what it has up to here.";
  let returns = "bool";
  let example = "tensor(allclose(tensor({1.f, 2.f}), tensor({1.000001f, 2.f})))";
  let gives = "true bool[]";
  let shapes = "operands broadcast";
  let dtypes = "all, one for both operands";
}
def Equal : Question<"equal", [OtherParam]> {
  let summary = "whether x and other have the same shape and elements";
  let description = "The host reads the answer: a compiled region computes what it has up to here.";
  let returns = "bool";
  let example = "tensor(equal(tensor({1, 2}), tensor({1, 3})))";
  let gives = "false bool[]";
  let shapes = "any";
}
def Isin : Composite<"isin", [Param<"const Arg&", "elements">, Param<"const Arg&", "test_elements">, Param<"bool", "assume_unique", "false">,
    Param<"bool", "invert", "false">]> {
  let summary = "whether each element is one of test_elements, or with `invert` none of them";
  let example = "isin(tensor({{1, 2}}), tensor({2, 3}))";
  let gives = "[[false, true]] bool[1, 2]";
  let shapes = "that of elements";
  let dtypes = "every dtype";
  let gradient = "none";
}

//===--- Powers and parts -------------------------------------------------------------------------------===//

def FloatPower : NumberForm<"float_power", [TensorParam, Param<"const Arg&", "exponent">]> {
  let summary = "x to the power of exponent, computed in f64";
  let example = "float_power(tensor({2, 3}), tensor({-1, 2}))";
  let gives = "[0.5000, 9.0000] f64[2]";
  let dtypes = "all; the result is f64";
  let inPlace = 1;
}
def Ldexp : NumberForm<"ldexp", [TensorParam, OtherParam]> {
  let summary = "x * 2^other";
  let example = "ldexp(tensor({1.f, 3.f}), tensor({-1, 2}))";
  let gives = "[ 0.5000, 12.0000] f32[2]";
  let dtypes = "all; integers and bool are converted to f32";
  let inPlace = 1;
}
def Frexp : NumberForm<"frexp", [TensorParam]> {
  let summary = "x as a number of magnitude 0.5 .. 1 and the exponent of the power of 2 that it is to be multiplied with";
  let description = "0, infinities and NaN are their own mantissa.";
  let returns = "std::pair<Tensor, Tensor>";
  let example = "frexp(tensor({6.f, 0.25f})).first";
  let gives = "[0.7500, 0.5000] f32[2]";
  let shapes = "those of x";
  let dtypes = "floating; the exponent is i32";
}

//===--- Divisors ---------------------------------------------------------------------------------------===//

class DivisorForm<string mnemonic> : NumberForm<mnemonic, [TensorParam, OtherParam]> {
  let description = "Euclid's algorithm; the host reads when it is done.";
  let dtypes = "integers";
  let gradient = "none";
  let inPlace = 1;
}
def Gcd : DivisorForm<"gcd"> {
  let summary = "the greatest common divisor; that of 0 and 0 is 0";
  let example = "gcd(tensor({12, 0}), tensor({-18, 5}))";
  let gives = "[6, 5] i64[2]";
}
def Lcm : DivisorForm<"lcm"> {
  let summary = "the least common multiple; that of 0 and any number is 0";
  let example = "lcm(tensor({4, 0}), tensor({6, 5}))";
  let gives = "[12, 0] i64[2]";
}

//===--- Special functions ------------------------------------------------------------------------------===//

def Mvlgamma : NumberForm<"mvlgamma", [TensorParam, Param<"int64_t", "p">]> {
  let pytorch = ["torch.special.multigammaln"];
  let summary = "logarithm of the multivariate gamma function of dimension p";
  let formula = "p (p - 1) / 4 * log(pi) + sum over j < p of lgamma(x - j / 2)";
  let example = "mvlgamma(tensor({2.f, 3.f}), 2)";
  let gives = "[0.4516, 1.5502] f32[2]";
  let shapes = "that of x";
  let dtypes = "all; integers and bool are converted to f32";
  let inPlace = 1;
}

#endif
