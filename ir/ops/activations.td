// Activations: pointwise ops of networks, named as PyTorch names them.
#ifndef WEFT_IR_OPS_ACTIVATIONS_TD
#define WEFT_IR_OPS_ACTIVATIONS_TD

include "ir/ops/composite.td"
include "ir/ops/functions_exponential.td"
include "ir/ops/pointwise.td"

class Activation<string mnemonic, list<Scalar> scalars = []> : Pointwise<mnemonic, (ins Weft_Tensor:$x), scalars> {
  let domain = FloatOnly;
}

//===--- Linear by parts ------------------------------------------------------------------------===//

def LeakyRelu : Activation<"leaky_relu", [Scalar<"negative_slope", "0.01">]> {
  let summary = "x where it is positive, else negative_slope * x";
  let example = "leaky_relu(tensor({-1.f, 2.f}), 0.1)";
  let gives = "[-0.1000, 2.0000] f32[2]";
  let value = "where(x > 0, x, x * negative_slope)";
  let grad = ["where(x > 0, dy, dy * negative_slope)"];
}
def Hardtanh : Activation<"hardtanh", [Scalar<"min_val">, Scalar<"max_val">]> {
  let example = "hardtanh(tensor({-2.f, 0.5f}))";
  let gives = "[-1.0000, 0.5000] f32[2]";
  let summary = "x limited to min_val .. max_val, with gradient 0 at both ends; NaN stays NaN";
  let api = 0;
  let method = 0;
  let inPlace = 0;
  let domain = Number;
  let value = "where(x < min_val, min_val, where(x > max_val, max_val, x))";
  let grad = ["where((x <= min_val) | (x >= max_val), 0, dy)"];
}
def Hardsigmoid : Activation<"hardsigmoid"> {
  let summary = "(x + 3) / 6 limited to 0 .. 1";
  let example = "hardsigmoid(tensor({-4.f, 0.f, 1.5f}))";
  let gives = "[0.0000, 0.5000, 0.7500] f32[3]";
  let value = "min(max(x + 3, 0), 6) / 6";
  let grad = ["where((x > -3) & (x < 3), dy / 6, 0)"];
}
def Hardswish : Activation<"hardswish"> {
  let summary = "x * hardsigmoid(x)";
  let example = "hardswish(tensor({-4.f, 0.f, 3.f}))";
  let gives = "[-0., 0., 3.] f32[3]";
  let value = "x * (min(max(x + 3, 0), 6) / 6)";
  let grad = ["where(x <= -3, 0, where(x < 3, dy * (x / 3 + 0.5), dy))"];
}
def Hardshrink : Activation<"hardshrink", [Scalar<"lambd", "0.5">]> {
  let summary = "0 within -lambd .. lambd, else x";
  let example = "hardshrink(tensor({-1.f, 0.5f, 2.f}))";
  let gives = "[-1., 0., 2.] f32[3]";
  let value = "where((x >= -lambd) & (x <= lambd), 0, x)";
  let grad = ["where((x >= -lambd) & (x <= lambd), 0, dy)"];
}
def SoftshrinkValue : Activation<"softshrink_value", [Scalar<"lambd">]> {
  let example = "softshrink(tensor({-1.f, 2.f}))";
  let gives = "[-0.5000, 1.5000] f32[2]";
  let isOurs = 1;
  let summary = "x moved towards 0 by lambd, 0 where it would pass it";
  let api = 0;
  let method = 0;
  let inPlace = 0;
  let value = "where(x > lambd, x - lambd, where(x < -lambd, x + lambd, x * 0))";
  let grad = ["where((x >= -lambd) & (x <= lambd), 0, dy)"];
}
def Threshold : Activation<"threshold", [Scalar<"threshold">, Scalar<"value">]> {
  let example = "threshold(tensor({-1.f, 2.f}), 0, 7)";
  let gives = "[7., 2.] f32[2]";
  let summary = "x where it is above the threshold, else `value`";
  let api = 0;
  let method = 0;
  let inPlace = 0;
  let domain = Number;
  let value = "where(x <= threshold, value, x)";
  let grad = ["where(x <= threshold, 0, dy)"];
}

//===--- Smooth ---------------------------------------------------------------------------------===//

def Elu : Activation<"elu", [Scalar<"alpha", "1">]> {
  let summary = "x where it is positive, else alpha * (exp(x) - 1)";
  let example = "elu(tensor({-1.f, 2.f}))";
  let gives = "[-0.6321, 2.0000] f32[2]";
  let value = "where(x > 0, x, alpha * expm1(x))";
  let grad = ["where(x <= 0, dy * alpha * exp(min(x, 0)), dy)"];
}
def CeluValue : Activation<"celu_value", [Scalar<"alpha">]> {
  let example = "celu(tensor({-1.f, 2.f}))";
  let gives = "[-0.6321, 2.0000] f32[2]";
  let isOurs = 1;
  let summary = "x where it is positive, else alpha * (exp(x / alpha) - 1)";
  let api = 0;
  let method = 0;
  let inPlace = 0;
  let samples = [-2, 4];
  let value = "where(x > 0, x, alpha * expm1(x / alpha))";
  let grad = ["where(x <= 0, dy * exp(min(x, 0) / alpha), dy)"];
}
def Selu : Activation<"selu"> {
  let summary = "1.0507 * elu(x, 1.6733), which keeps mean 0 and variance 1";
  let description = "Klambauer et al., Self-normalizing neural networks, NeurIPS 2017.";
  let example = "selu(tensor({-1.f, 2.f}))";
  let gives = "[-1.1113, 2.1014] f32[2]";
  let value = "where(x > 0, 1.0507009873554805 * x, 1.7580993408473766 * expm1(x))";
  let grad = ["where(x <= 0, 1.7580993408473766 * dy * exp(min(x, 0)), 1.0507009873554805 * dy)"];
}
def Softplus : Activation<"softplus", [Scalar<"beta", "1">, Scalar<"threshold", "20">]> {
  let summary = "log(1 + exp(beta x)) / beta, a smooth relu; x itself where beta x is above the threshold";
  let example = "softplus(tensor({0.f, 10.f}))";
  let gives = "[ 0.6931, 10.0000] f32[2]";
  let with = "z = beta * x";
  let value = "where(z > threshold, x, (max(z, 0) + log1p(exp(-abs(z)))) / beta)";
  let grad = ["where(beta * x > threshold, dy, dy * sigmoid(beta * x))"];
}
def Logsigmoid : Activation<"logsigmoid"> {
  let summary = "logarithm of sigmoid, without overflow";
  let example = "logsigmoid(tensor({0.f, -100.f}))";
  let gives = "[ -0.6931, -100.0000] f32[2]";
  let value = "min(x, 0) - log1p(exp(-abs(x)))";
  let grad = ["dy * sigmoid(-x)"];
}
// tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2) with e = exp(x), which is 1 to the last bit of f64 where x is 20.
def Mish : Activation<"mish"> {
  let summary = "x * tanh(softplus(x))";
  let description = "Misra, Mish: a self regularized non-monotonic activation function, 2019.";
  let example = "mish(tensor({-1.f, 2.f}))";
  let gives = "[-0.3034, 1.9440] f32[2]";
  let with = "e = exp(min(x, 20)); n = e * (e + 2); t = n / (n + 2)";
  let value = "x * t";
  let grad = ["dy * (t + x * (1 - t * t) * sigmoid(x))"];
}

def Logit : Pointwise<"logit", (ins Weft_Tensor:$x)> {
  let summary = "log(x / (1 - x)), the inverse of sigmoid; NaN outside of 0 .. 1";
  let example = "logit(tensor({0.5f, 0.9f}))";
  let gives = "[0.0000, 2.1972] f32[2]";
  // About 1/2 the logarithm of the quotient less 1, which is small there.
  let value = "where(x < 0.25, log(x / (1 - x)), log1p((2 * x - 1) / (1 - x)))";
  let grad = ["where((x < 0) | (x > 1), nan, dy / (x * (1 - x)))"];
  let samples = [0, 1];
}

//===--- Made of other ops ----------------------------------------------------------------------===//

class ActivationForm<string mnemonic, list<Param> parameters = []> : Composite<mnemonic, !listconcat([TensorParam], parameters)> {
  let shapes = "that of x";
  let dtypes = "floating";
  let method = 1;
}

def HardtanhForm : ActivationForm<"hardtanh", [Param<"double", "min_val", "-1">, Param<"double", "max_val", "1">]> {
  let summary = "x limited to min_val .. max_val, with gradient 0 at both ends; NaN stays NaN";
  let description = "Integers stay integers: the limits are truncated.";
  let example = "hardtanh(tensor({-2.f, 0.5f, 2.f}))";
  let gives = "[-1.0000, 0.5000, 1.0000] f32[3]";
  let dtypes = "all but bool";
  let inPlace = 1;
}
def ThresholdForm : ActivationForm<"threshold", [Param<"double", "threshold">, Param<"double", "value">]> {
  let summary = "x where it is above the threshold, else `value`";
  let description = "Integers stay integers: both numbers are truncated.";
  let example = "threshold(tensor({-1.f, 2.f}), 0, 7)";
  let gives = "[7., 2.] f32[2]";
  let dtypes = "all but bool";
  let inPlace = 1;
}
def LogitWithin : ActivationForm<"logit", [Param<"double", "eps">]> {
  let summary = "logit of x limited to eps .. 1 - eps";
  let example = "logit(tensor({0.f, 0.5f}), 0.1)";
  let gives = "[-2.1972, 0.0000] f32[2]";
}
def Relu6 : ActivationForm<"relu6"> {
  let summary = "hardtanh with the limits 0 and 6";
  let example = "relu6(tensor({-1, 3, 9}))";
  let gives = "[0, 3, 6] i64[3]";
  let dtypes = "all but bool";
}
def Celu : ActivationForm<"celu", [Param<"double", "alpha", "1">]> {
  let summary = "x where it is positive, else alpha * (exp(x / alpha) - 1)";
  let description = "An alpha of 0 is an error.";
  let example = "celu(tensor({-1.f, 2.f}), 2)";
  let gives = "[-0.7869, 2.0000] f32[2]";
  let inPlace = 1;
}
def Softshrink : ActivationForm<"softshrink", [Param<"double", "lambd", "0.5">]> {
  let summary = "x moved towards 0 by lambd, 0 where it would pass it";
  let description = "A negative lambd is an error.";
  let example = "softshrink(tensor({-1.f, 0.25f, 2.f}))";
  let gives = "[-0.5000, 0.0000, 1.5000] f32[3]";
}
def Softsign : ActivationForm<"softsign"> {
  let summary = "x / (1 + |x|)";
  let example = "softsign(tensor({-1.f, 3.f}))";
  let gives = "[-0.5000, 0.7500] f32[2]";
  let dtypes = "floating; integers are converted to f32";
}
def Tanhshrink : ActivationForm<"tanhshrink"> {
  let summary = "x - tanh(x)";
  let example = "tanhshrink(tensor({-1.f, 2.f}))";
  let gives = "[-0.2384, 1.0360] f32[2]";
  let dtypes = "floating; integers are converted to f32";
}
def Softmin : ActivationForm<"softmin", [Param<"int64_t", "dim">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "softmax of -x";
  let description = "`dtype` converts the elements first.";
  let example = "softmin(tensor({1.f, 1.f, 3.f}), 0)";
  let gives = "[0.4683, 0.4683, 0.0634] f32[3]";
}
def Prelu : ActivationForm<"prelu", [Param<"const Tensor&", "weight">]> {
  let summary = "x where it is positive, else x times the weight of its channel, which is dim 1";
  let example = "prelu(tensor({-1.f, 2.f}), tensor({0.5f}))";
  let gives = "[-0.5000, 2.0000] f32[2]";
  let shapes = "that of x [N, C, ...]; weight [C], or one element";
}
def Glu : ActivationForm<"glu", [Param<"int64_t", "dim", "-1">]> {
  let summary = "the first half of a dim times the sigmoid of the second";
  let example = "glu(tensor({2.f, 4.f, 0.f, 0.f}))";
  let gives = "[1., 2.] f32[2]";
  let shapes = "dim `dim`, which must be even, becomes its half";
}

#endif
