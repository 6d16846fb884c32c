// Functions of matrices, as that of a number is extended to them.
#ifndef WEFT_IR_OPS_MATRIX_FUNCTIONS_TD
#define WEFT_IR_OPS_MATRIX_FUNCTIONS_TD

include "ir/ops/linalg.td"
include "ir/ops/product_forms.td"

def MatrixExponential : Structured<"matrix_exponential", (ins Weft_Tensor:$x)> {
  let isOurs = 1;
  let summary = "the exponentials of square matrices";
  let example = "matrix_exp(tensor({{0.f, 1.f}, {0.f, 0.f}}))";
  let gives = "[[1., 1.], [0., 1.]] f32[2, 2]";
  let domain = FloatOnly;
  let shapes = "that of x [..., N, N]";
  let reads = ["x"];
  let api = 0;
}
def MatrixExp : OfMatrices<"matrix_exp"> {
  let summary = "the exponentials of square matrices: I + x + x @ x / 2 + x @ x @ x / 6 + ...";
  let description = "By scaling, a Pade approximant and squaring in f64 (Higham, The scaling and squaring method for the matrix exponential revisited, 2005). A matrix that is not finite gives NaN.";
  let example = "matrix_exp(tensor({{0.f, 1.f}, {0.f, 0.f}}))";
  let gives = "[[1., 1.], [0., 1.]] f32[2, 2]";
  let shapes = "that of x [..., N, N]";
}
def CholeskyInverse : LinearAlgebra<"cholesky_inverse", [Param<"const Arg&", "l">, Param<"bool", "upper", "false">]> {
  let summary = "the inverses of the x whose factor `cholesky` gave";
  let example = "cholesky_inverse(tensor({{2.f, 0.f}, {0.f, 1.f}}))";
  let gives = "[[0.2500, 0.0000], [0.0000, 1.0000]] f32[2, 2]";
  let shapes = "that of l [..., N, N]";
}
def Vecdot : ProductForm<"vecdot", [TensorParam, SecondParam, Param<"int64_t", "dim", "-1">]> {
  let summary = "sums of the products of two tensors' elements along a dim";
  let example = "vecdot(tensor({{1, 2}, {3, 4}}), tensor({1, 10}))";
  let gives = "[21, 43] i64[2]";
  let shapes = "operands broadcast; dim `dim` vanishes";
}

#endif
