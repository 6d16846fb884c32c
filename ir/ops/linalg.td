// Dense linear algebra: factors and solutions by LAPACK, and the functions of torch.linalg over them.
#ifndef WEFT_IR_OPS_LINALG_TD
#define WEFT_IR_OPS_LINALG_TD

include "ir/ops/statistics.td"

//===--- Ops --------------------------------------------------------------------------------------------===//

def CholeskyFactor : Structured<"cholesky_factor", (ins Weft_Tensor:$x)> {
  let isOurs = 1;
  let summary = "the lower triangular matrix whose product with its transpose is x, of which the lower triangle is read";
  let example = "cholesky(tensor({{4.f, 2.f}, {2.f, 5.f}}))";
  let gives = "[[2., 0.], [1., 2.]] f32[2, 2]";
  let domain = FloatOnly;
  let shapes = "that of x [..., N, N]";
  let refuses = 1;
  let reads = ["y"];
  let api = 0;
}
def TriangularSolution : Structured<"triangular_solution", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let isOurs = 1;
  let summary = "the y of a @ y = b for triangular matrices a: their upper triangle where `upper`, with ones on the diagonal where `unitriangular`";
  let example = "solve_triangular(tensor({{2.f, 0.f}, {1.f, 1.f}}), tensor({{2.f}, {3.f}}), false)";
  let gives = "[[1.], [2.]] f32[2, 1]";
  let structure = ["upper", "unitriangular"];
  let domain = FloatOnly;
  let shapes = "a [..., N, N] and b [..., N, K] give [..., N, K]";
  let reads = ["a y", "a"];
  let api = 0;
}
def LinearSolution : Structured<"linear_solution", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let isOurs = 1;
  let summary = "the y of a @ y = b for invertible matrices a";
  let example = "solve(tensor({{0.f, 2.f}, {1.f, 1.f}}), tensor({{4.f}, {3.f}}))";
  let gives = "[[1.], [2.]] f32[2, 1]";
  let domain = FloatOnly;
  let shapes = "a [..., N, N] and b [..., N, K] give [..., N, K]";
  let refuses = 1;
  let reads = ["a y", "a"];
  let api = 0;
}
def Determinant : Structured<"determinant", (ins Weft_Tensor:$x)> {
  let isOurs = 1;
  let summary = "of matrices, by `part`: 0 the determinant, 1 its sign, 2 the logarithm of its magnitude";
  let example = "det(tensor({{1.f, 2.f}, {3.f, 4.f}}))";
  let gives = "-2. f32[]";
  let structure = ["part"];
  let domain = FloatOnly;
  let shapes = "[..., N, N] gives [...]";
  let reads = ["x y"];
  let api = 0;
}

//===--- Functions --------------------------------------------------------------------------------------===//

class LinearAlgebra<string mnemonic, list<Param> params> : Composite<mnemonic, params> {
  let dtypes = "f32 f64";
}
class OfMatrices<string mnemonic, list<Param> more = []> : LinearAlgebra<mnemonic, !listconcat([TensorParam], more)> {
  let method = 1;
}
def Cholesky : OfMatrices<"cholesky", [Param<"bool", "upper", "false">]> {
  let summary = "the lower triangular factor of positive definite matrices, or the upper one";
  let description = "Only that triangle of x is read; its gradient is symmetric. A matrix that is not positive definite is an error.";
  let example = "cholesky(tensor({{4.f, 2.f}, {2.f, 5.f}}), true)";
  let gives = "[[2., 1.], [0., 2.]] f32[2, 2]";
  let shapes = "that of x [..., N, N]";
  let formula = "x = y @ transpose(y), or transpose(y) @ y where upper";
}
def CholeskySolve : LinearAlgebra<"cholesky_solve", [Param<"const Arg&", "b">, Param<"const Tensor&", "l">, Param<"bool", "upper", "false">]> {
  let summary = "the y of x @ y = b for the x whose factor `cholesky` gave";
  let example = "cholesky_solve(tensor({{4.f}, {8.f}}), tensor({{2.f, 0.f}, {0.f, 2.f}}))";
  let gives = "[[1.], [2.]] f32[2, 1]";
  let shapes = "b [..., N, K] and l [..., N, N] give [..., N, K]; batch dims broadcast";
}
def Solve : LinearAlgebra<"solve", [Param<"const Arg&", "a">, Param<"const Tensor&", "b">, Param<"bool", "left", "true">]> {
  let summary = "the y of a @ y = b, or of y @ a = b where not `left`";
  let description = "b is a vector where it has one dim, or the dims of a but the last. A singular matrix is an error.";
  let example = "solve(tensor({{0.f, 2.f}, {1.f, 1.f}}), tensor({4.f, 3.f}))";
  let gives = "[1., 2.] f32[2]";
  let shapes = "a [..., N, N] and b [..., N, K] give [..., N, K]; batch dims broadcast";
}
def SolveTriangular : LinearAlgebra<"solve_triangular", [Param<"const Arg&", "a">, Param<"const Tensor&", "b">, Param<"bool", "upper">,
    Param<"bool", "left", "true">, Param<"bool", "unitriangular", "false">]> {
  let summary = "the y of a @ y = b, or of y @ a = b where not `left`, for triangular matrices a";
  let description = "The other triangle of a is not read, nor is the diagonal where `unitriangular`. A 0 on the diagonal gives infinities, no error.";
  let example = "solve_triangular(tensor({{2.f, 0.f}, {1.f, 1.f}}), tensor({{2.f}, {3.f}}), false)";
  let gives = "[[1.], [2.]] f32[2, 1]";
  let shapes = "a [..., N, N] and b [..., N, K] give [..., N, K]; batch dims broadcast";
}
def Inv : OfMatrices<"inv"> {
  let pytorch = ["torch.inverse"];
  let summary = "the inverses of matrices; a singular one is an error";
  let example = "inv(tensor({{2.f, 0.f}, {0.f, 4.f}}))";
  let gives = "[[0.5000, 0.0000], [0.0000, 0.2500]] f32[2, 2]";
  let shapes = "that of x [..., N, N]";
}
def Det : OfMatrices<"det"> {
  let summary = "the determinants of matrices";
  let example = "det(tensor({{1.f, 2.f}, {3.f, 4.f}}))";
  let gives = "-2. f32[]";
  let shapes = "[..., N, N] gives [...]";
  let gradient = "of invertible matrices; else backward refuses";
}
def Slogdet : OfMatrices<"slogdet"> {
  let summary = "the signs of the determinants of matrices, and the logarithms of their magnitudes";
  let description = "A singular matrix has sign 0 and logarithm -inf.";
  let example = "slogdet(tensor({{1.f, 0.f}, {0.f, -1.f}})).first";
  let gives = "-1. f32[]";
  let returns = "std::pair<Tensor, Tensor>";
  let shapes = "[..., N, N] gives two of [...]";
  let gradient = "of invertible matrices; else backward refuses; none through the sign";
}
def Logdet : OfMatrices<"logdet"> {
  let summary = "the logarithms of the determinants of matrices: -inf for 0, NaN for negative ones";
  let example = "logdet(tensor({{1.f, 0.f}, {0.f, 1.f}}))";
  let gives = "0. f32[]";
  let shapes = "[..., N, N] gives [...]";
  let gradient = "of invertible matrices; else backward refuses";
}
class MatrixNormForm<Param order> : Composite<"matrix_norm", [TensorParam, order, Param<"const Dims&", "dim", "{-2, -1}">, KeepdimParam,
    Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let shapes = "the two dims in `dim` become 1, or vanish unless `keepdim`";
  let dtypes = "floating";
}
def MatrixNorm : MatrixNormForm<Param<"std::string_view", "ord", "\"fro\"">> {
  let summary = "the Frobenius norms of the matrices in two dims, the square roots of the sums of squares, or for nuc the sums of their singular values";
  let example = "matrix_norm(tensor({{1.f, 2.f}, {2.f, 4.f}}))";
  let gives = "5. f32[]";
}
def MatrixNormOfOrder : MatrixNormForm<Param<"double", "ord">> {
  let summary = "the greatest sum of magnitudes of a column for order 1, of a row for infinity, and the greatest singular value for order 2; the least ones for the negative orders";
  let example = "matrix_norm(tensor({{1.f, 2.f}, {2.f, 4.f}}), 1)";
  let gives = "6. f32[]";
}

#endif
