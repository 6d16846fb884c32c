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
def Vander : Composite<"vander", [TensorParam, Param<"std::optional<int64_t>", "N", "std::nullopt">]> {
  let summary = "the powers of each element from the zeroth to the one before the N-th, as many as elements unless it is given, along a new last dim";
  let description = "N must be at least 2. Integers give i64.";
  let example = "vander(tensor({2, 3}), 3)";
  let gives = "[[1, 2, 4], [1, 3, 9]] i64[2, 3]";
  let shapes = "[..., K] gives [..., K, N]";
  let dtypes = "all but bool";
}
def Tensorinv : LinearAlgebra<"tensorinv", [TensorParam, Param<"int64_t", "ind", "2">]> {
  let summary = "the inverse for tensordot: x as a matrix, whose rows are its first `ind` dims, inverted; a singular one is an error";
  let example = "tensorinv(tensor({{2.f, 0.f}, {0.f, 4.f}}), 1)";
  let gives = "[[0.5000, 0.0000], [0.0000, 0.2500]] f32[2, 2]";
  let shapes = "the last dims of x, then its first `ind`: both have as many elements";
}
def Tensorsolve : LinearAlgebra<"tensorsolve", [Param<"const Arg&", "a">, Param<"const Tensor&", "b">, Param<"const Dims&", "dims", "{}">]> {
  let summary = "the y for which the products of a and y, summed over all dims of y, are b; the dims of a in `dims` are its last ones";
  let description = "A singular a is an error.";
  let example = "tensorsolve(tensor({{2.f, 0.f}, {0.f, 4.f}}), tensor({2.f, 2.f}))";
  let gives = "[1.0000, 0.5000] f32[2]";
  let shapes = "the dims of a behind as many as b has, which have as many elements as b";
}

#endif
