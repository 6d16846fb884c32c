// Forms in place whose other form takes its operands in another order, or that have none.
#ifndef WEFT_IR_OPS_IN_PLACE_TD
#define WEFT_IR_OPS_IN_PLACE_TD

include "ir/ops/composite.td"

def PolygammaInPlace : Composite<"polygamma", [TensorParam, Param<"int64_t", "n">]> {
  let summary = "the n-th derivative of digamma, written into x";
  let example = "tensor({0.5f, 5.f}).polygamma_(1)";
  let gives = "[4.9348, 0.2213] f32[2]";
  let shapes = "that of x";
  let dtypes = "floating";
  let api = 0;
  let writes = 1;
}
def FillDiagonal : Composite<"fill_diagonal", [TensorParam, Param<"Scalar", "value">, Param<"bool", "wrap", "false">]> {
  let summary = "x, with `value` where all indices are equal";
  let description = "With `wrap` the diagonal of a matrix with more rows than columns starts again one row behind its end.";
  let example = "zeros({2, 2}).fill_diagonal_(3)";
  let gives = "[[3., 0.], [0., 3.]] f32[2, 2]";
  let shapes = "a matrix, or at least three dims of one size";
  let dtypes = "every dtype; the value is converted to that of x";
  let api = 0;
  let writes = 1;
}
def Put : Composite<"put", [TensorParam, Param<"const Tensor&", "index">, Param<"const Tensor&", "source">, Param<"bool", "accumulate", "false">]> {
  let summary = "x with elements of source at the row-major numbers in index, negative ones counted from the end; added there with `accumulate`";
  let example = "put(zeros({2, 2}), tensor({1, -1}), tensor({5.f, 6.f}))";
  let gives = "[[0., 5.], [0., 6.]] f32[2, 2]";
  let shapes = "that of x; source has as many elements as index";
  let dtypes = "every dtype, one for x and source";
  let method = 1;
  let inPlace = 1;
}

#endif
