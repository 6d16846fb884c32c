// Ops with a kernel and a lowering of their own, and sources.
#ifndef WEFT_IR_OPS_STRUCTURED_TD
#define WEFT_IR_OPS_STRUCTURED_TD

include "ir/ops/functions.td"

def Matmul : Structured<"matmul", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "matrix product over the last two dims, the others broadcast";
  let description = "A 1-d operand is a row on the left or a column on the right, and its dim vanishes from the result.";
  let example = "matmul(ones({2, 3}), ones({3, 1}))";
  let gives = "[[3.], [3.]] f32[2, 1]";
  let domain = Number;
  let shapes = "a [..., M, K] by b [..., K, N] gives [..., M, N]";
  let lowers = 1;
  let reads = ["b", "a"];
  let formula = "y[m, n] = sum over k of a[m, k] * b[k, n]";
}
def Concatenate : Structured<"concatenate", (ins Variadic<Weft_Tensor>:$parts)> {
  let example = "concatenate({tensor({1}), tensor({2, 3})})";
  let gives = "[1, 2, 3] i64[3]";
  let summary = "tensors one after the other along a dim";
  let lowers = 1;
  let structure = ["dim"];
  let shapes = "equal but for dim `dim`, where sizes add up";
  let api = 0;
}
def Full : Source<"full", [Scalar<"value">]> {
  let example = "full({2}, 7)";
  let gives = "[7, 7] i64[2]";
  let shapes = "the sizes that are given";
  let summary = "a tensor of one value";
  let sizes = ["shape"];
  let value = "value";
}
def Arange : Source<"arange", [Scalar<"start">, Scalar<"step">]> {
  let example = "arange(3)";
  let gives = "[0, 1, 2] i64[3]";
  let shapes = "the sizes that are given";
  let summary = "start + step * i";
  let domain = Number;
  let sizes = ["length"];
  let value = "start + step * i";
}
def Uniform : Source<"uniform", [Scalar<"seed">, Scalar<"counter">, Scalar<"low">, Scalar<"high">]> {
  let example = "uniform({2}) < 1";
  let gives = "[true, true] bool[2]";
  let shapes = "the sizes that are given";
  let summary = "random numbers, uniform in low .. high";
  let description = "Philox4x32-10 keyed by (seed, counter, element): the same numbers on every device, eager or compiled.";
  let domain = FloatOnly;
  let sizes = ["shape"];
  let isRandom = 1;
  let position = "u";
  let value = "low + (high - low) * u";
}
def Normal : Source<"normal", [Scalar<"seed">, Scalar<"counter">, Scalar<"mean">, Scalar<"std">]> {
  let example = "isfinite(normal({2}))";
  let gives = "[true, true] bool[2]";
  let shapes = "the sizes that are given";
  let summary = "random numbers, normally distributed";
  let description = "Philox4x32-10 keyed by (seed, counter, element): the same numbers on every device, eager or compiled.";
  let domain = FloatOnly;
  let sizes = ["shape"];
  let isRandom = 1;
  let position = "u";
  let value = "mean + std * normal_quantile(u)";
}

#endif
