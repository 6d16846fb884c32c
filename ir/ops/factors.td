// Factors of matrices by Gauss's elimination and by Householder's reflections, and what is made of them.
#ifndef WEFT_IR_OPS_FACTORS_TD
#define WEFT_IR_OPS_FACTORS_TD

include "ir/ops/decompositions.td"

//===--- Ops: rows, as of the other decompositions -----------------------------------------------------===//

def LuFactors : Decomposition<"lu_factors", (ins Weft_Tensor:$x)> {
  let summary = "by elimination with exchanged rows, the upper triangular factor of matrices and, under its diagonal, the lower one, whose diagonal is ones; then a row with the exchanges, numbers of rows from 1 on; where `regular`, a factor must have no 0 on the diagonal";
  let example = "lu_factor(tensor({{1.f, 2.f}, {2.f, 2.f}})).first";
  let gives = "[[2.0000, 2.0000], [0.5000, 1.0000]] f32[2, 2]";
  let structure = ["regular"];
  let shapes = "x [..., M, N] gives [..., M + 1, N]";
  let refuses = 1;
  let reads = ["y"];
}
def RowOrder : Structured<"row_order", (ins Weft_Tensor:$pivots)> {
  let isOurs = 1;
  let summary = "the rows 0, 1, ... once pivot k has exchanged row k and the row of its number, from 1 on, one after the other; where `inverse`, the position that each row has then";
  let example = "lu_unpack(eye(2), tensor({2, 2}).to(i32)).p";
  let gives = "[[0., 1.], [1., 0.]] f32[2, 2]";
  let domain = Integer;
  let result = IndexDType;
  let structure = ["inverse"];
  let sizes = ["rows"];
  let shapes = "pivots [..., K] give [..., rows]";
  let differentiable = 0;
  let refuses = 1;
  let api = 0;
}
def HouseholderFactors : Decomposition<"householder_factors", (ins Weft_Tensor:$x)> {
  let summary = "the upper triangular factor of QR and, under its diagonal, the vectors of the reflections whose product is q, but for their ones; then a row with the factors of the reflections";
  let example = "geqrf(tensor({{3.f}, {4.f}})).first";
  let gives = "[[-5.0000], [ 0.5000]] f32[2, 1]";
  let shapes = "x [..., M, N] gives [..., M + 1, N]";
  let differentiable = 0;
}

//===--- Functions --------------------------------------------------------------------------------------===//

def PivotParam : Param<"bool", "pivot", "true">;

def LuFactor : Decomposed<"lu_factor", [PivotParam]> {
  let summary = "the factors of x = p @ l @ u in one matrix, l under the diagonal of u, and the pivots: row k of x was exchanged with row pivots[k], an i32 that counts from 1 on";
  let description = "l is lower triangular with ones on the diagonal, u upper triangular; in each column the greatest element becomes the pivot. A u with a 0 on its diagonal is an error, which `lu` gives all the same.";
  let example = "lu_factor(tensor({{1.f, 2.f}, {2.f, 2.f}})).second";
  let gives = "[2, 2] i32[2]";
  let returns = "std::pair<Tensor, Tensor>";
  let shapes = "x [..., M, N] gives that shape and [..., K] with K = min(M, N)";
  let gradient = "where the first K rows and columns of transpose(p) @ x have an inverse, else infinite or NaN";
}
def Lu : Decomposed<"lu", [PivotParam]> {
  let summary = "p, l and u with x = p @ l @ u: a matrix that exchanges rows, a lower triangular one with ones on the diagonal, and an upper triangular one";
  let description = "In each column the greatest element becomes the pivot.";
  let example = "lu(tensor({{1.f, 2.f}, {2.f, 2.f}})).u";
  let gives = "[[2., 2.], [0., 1.]] f32[2, 2]";
  let returns = "TriangularFactors";
  let shapes = "x [..., M, N] gives p [..., M, M], l [..., M, K] and u [..., K, N] with K = min(M, N)";
  let gradient = "where the first K rows and columns of transpose(p) @ x have an inverse, else infinite or NaN; none through p";
}
def LuUnpack : LinearAlgebra<"lu_unpack", [Param<"const Arg&", "lu">, Param<"const Tensor&", "pivots">, Param<"bool", "unpack_data", "true">,
    Param<"bool", "unpack_pivots", "true">]> {
  let summary = "p, l and u of the two results of `lu_factor`";
  let description = "Without `unpack_data` l and u have no elements, without `unpack_pivots` p.";
  let example = "lu_unpack(tensor({{2.f, 2.f}, {0.5f, 1.f}}), tensor({2, 2}).to(i32)).l";
  let gives = "[[1.0000, 0.0000], [0.5000, 1.0000]] f32[2, 2]";
  let returns = "TriangularFactors";
  let shapes = "lu [..., M, N] and pivots [..., K] give p [..., M, M], l [..., M, K] and u [..., K, N] with K = min(M, N)";
}
def LuSolve : LinearAlgebra<"lu_solve", [Param<"const Arg&", "lu">, Param<"const Tensor&", "pivots">, Param<"const Tensor&", "b">,
    Param<"bool", "left", "true">, Param<"bool", "adjoint", "false">]> {
  let summary = "the y of x @ y = b, or of y @ x = b where not `left`, for the x, or where `adjoint` its transpose, whose two results of `lu_factor` are given";
  let description = "A 0 on the diagonal gives infinities, no error.";
  let example = "lu_solve(tensor({{2.f, 2.f}, {0.5f, 1.f}}), tensor({2, 2}).to(i32), tensor({{3.f}, {4.f}}))";
  let gives = "[[1.], [1.]] f32[2, 1]";
  let shapes = "lu [..., N, N], pivots [..., N] and b [..., N, K] give [..., N, K]; batch dims broadcast";
}
def Geqrf : Decomposed<"geqrf"> {
  let summary = "the QR decomposition of matrices as LAPACK keeps it: r and, under its diagonal, the vectors of K reflections whose product is q, but for their ones; and the factors of these reflections";
  let description = "`householder_product` and `ormqr` take both. There is no gradient: an operand that requires one is an error.";
  let example = "geqrf(tensor({{3.f}, {4.f}})).second";
  let gives = "[1.6000] f32[1]";
  let returns = "std::pair<Tensor, Tensor>";
  let shapes = "x [..., M, N] gives that shape and [..., K] with K = min(M, N)";
  let gradient = "none";
}
def HouseholderProduct : LinearAlgebra<"householder_product", [TensorParam, Param<"const Tensor&", "tau">]> {
  let pytorch = ["torch.orgqr"];
  let summary = "the first N columns of the product of K matrices I - tau[k] * v @ transpose(v), v being column k of x under the diagonal with a 1 on it and 0 above";
  let description = "By their compact form (Puglisi, Modification of the Householder method based on the compact WY representation, 1992).";
  let example = "householder_product(tensor({{-5.f}, {0.5f}}), tensor({1.6f}))";
  let gives = "[[-0.6000], [-0.8000]] f32[2, 1]";
  let shapes = "x [..., M, N] with M >= N and tau [..., K] with N >= K give the shape of x";
}
def Ormqr : LinearAlgebra<"ormqr", [TensorParam, Param<"const Tensor&", "tau">, Param<"const Tensor&", "other">, Param<"bool", "left", "true">,
    Param<"bool", "transpose", "false">]> {
  let summary = "q @ other, or other @ q where not `left`, for the M x M matrix q whose first columns `householder_product` gives, or its transpose";
  let example = "ormqr(tensor({{-5.f}, {0.5f}}), tensor({1.6f}), tensor({{3.f}, {4.f}}))";
  let gives = "[[-5.], [ 0.]] f32[2, 1]";
  let shapes = "x [..., M, N], tau [..., K] and other [..., M, L], or [..., L, M], give that of other";
}

#endif
