// Decompositions of matrices by LAPACK, and what follows from them: ranks, pseudo-inverses, least squares.
#ifndef WEFT_IR_OPS_DECOMPOSITIONS_TD
#define WEFT_IR_OPS_DECOMPOSITIONS_TD

include "ir/ops/linalg.td"

//===--- Ops: a row holds what belongs together, since an op has one result ----------------------------===//

class Decomposition<string mnemonic, dag tensors> : Structured<mnemonic, tensors> {
  let isOurs = 1;
  let domain = FloatOnly;
  let api = 0;
}
def OrthogonalFactors : Decomposition<"orthogonal_factors", (ins Weft_Tensor:$x)> {
  let summary = "of matrices with at least as many rows as columns, x = q @ r: row k is column k of q, then row k of the upper triangular r; all M columns where `complete`";
  let example = "qr(tensor({{3.f, 1.f}, {4.f, 2.f}})).second";
  let gives = "[[-5.0000, -2.2000], [ 0.0000, 0.4000]] f32[2, 2]";
  let structure = ["complete"];
  let shapes = "x [..., M, N] gives [..., N, M + N], or [..., M, M + N]";
  let reads = ["y"];
}
def EigenSystem : Decomposition<"eigen_system", (ins Weft_Tensor:$x)> {
  let summary = "of symmetric matrices, of which the lower triangle is read: row k is eigenvector k, then its eigenvalue, in ascending order";
  let example = "eigh(tensor({{2.f, 0.f}, {0.f, 1.f}})).first";
  let gives = "[1., 2.] f32[2]";
  let shapes = "x [..., N, N] gives [..., N, N + 1]";
  let refuses = 1;
  let reads = ["y"];
}
def SingularSystem : Decomposition<"singular_system", (ins Weft_Tensor:$x)> {
  let summary = "of matrices with at least as many rows as columns: row k is left singular vector k, the right one, then the singular value, in descending order";
  let example = "svd(tensor({{3.f, 0.f}, {0.f, 4.f}})).s";
  let gives = "[4., 3.] f32[2]";
  let shapes = "x [..., M, N] gives [..., N, M + N + 1]";
  let refuses = 1;
  let reads = ["y"];
}
def Eigenvalues : Decomposition<"eigenvalues", (ins Weft_Tensor:$x)> {
  let summary = "the eigenvalues of symmetric matrices, of which the lower triangle is read, in ascending order";
  let example = "eigvalsh(tensor({{2.f, 0.f}, {0.f, 1.f}}))";
  let gives = "[1., 2.] f32[2]";
  let shapes = "x [..., N, N] gives [..., N]";
  let refuses = 1;
  let reads = ["x"];
}
def SingularValues : Decomposition<"singular_values", (ins Weft_Tensor:$x)> {
  let summary = "the singular values of matrices with at least as many rows as columns, in descending order";
  let example = "svdvals(tensor({{3.f, 0.f}, {0.f, 4.f}}))";
  let gives = "[4., 3.] f32[2]";
  let shapes = "x [..., M, N] gives [..., N]";
  let refuses = 1;
  let reads = ["x"];
}
def Spectrum : Decomposition<"spectrum", (ins Weft_Tensor:$x, Weft_Tensor:$system)> {
  let summary = "the values at the ends of the rows of `system`, the eigen_system of x where `symmetric`, else its singular_system; the gradient is that of x alone, so that equal values have one";
  let example = "svd(tensor({{3.f, 0.f}, {0.f, 4.f}})).s";
  let gives = "[4., 3.] f32[2]";
  let structure = ["symmetric"];
  let shapes = "x [..., M, N] and system [..., N, K] give [..., N]";
  let reads = ["system", ""];
}
def PseudoInverse : Decomposition<"pseudo_inverse", (ins Weft_Tensor:$x, Weft_Tensor:$inverse)> {
  let summary = "`inverse`, which is the pseudo-inverse of x; the gradient is that of x alone";
  let example = "pinv(tensor({{2.f, 0.f}, {0.f, 0.f}}))";
  let gives = "[[0.5000, 0.0000], [0.0000, 0.0000]] f32[2, 2]";
  let shapes = "x [..., M, N] and inverse [..., N, M] give [..., N, M]";
  let reads = ["x y", ""];
}
def LeastSquares : Decomposition<"least_squares", (ins Weft_Tensor:$a, Weft_Tensor:$b, Weft_Tensor:$rcond)> {
  let summary = "the y of least norm for which a @ y is nearest to b, then a column with the rank of a: how many columns are further from the span of others than `rcond` times the greatest";
  let example = "lstsq(tensor({{1.f}, {0.f}}), tensor({{2.f}, {7.f}})).solution";
  let gives = "[[2.]] f32[1, 1]";
  let shapes = "a [..., M, N], b [..., M, K] and rcond [] give [..., N, K + 1]";
  let refuses = 1;
  let reads = ["a b y rcond", "a rcond", ""];
}

//===--- Functions --------------------------------------------------------------------------------------===//

class Decomposed<string mnemonic, list<Param> more = []> : LinearAlgebra<mnemonic, !listconcat([TensorParam], more)>;
class OfTolerance<string mnemonic> : Decomposed<mnemonic, [Param<"const Tolerance&", "atol", "{}">, Param<"const Tolerance&", "rtol", "{}">,
    Param<"bool", "hermitian", "false">]> {
  let description = "Singular values up to max(atol, rtol * the greatest) count as 0; each is a number, or a tensor of one for each matrix, whose batch dims broadcast. rtol is max(M, N) times the dtype's epsilon unless it is given or atol is above 0. `hermitian` takes x for symmetric and reads its lower triangle alone.";
}
def TriangleParam : Param<"std::string_view", "uplo", "\"L\"">;

def Qr : Decomposed<"qr", [Param<"std::string_view", "mode", "\"reduced\"">]> {
  let summary = "the matrices q, whose columns are orthonormal, and r, upper triangular, with q @ r = x";
  let description = "`mode` reduced gives K = min(M, N) columns of q, complete all M, and r no q at all. The signs are LAPACK's.";
  let example = "qr(tensor({{3.f, 1.f}, {4.f, 2.f}})).second";
  let gives = "[[-5.0000, -2.2000], [ 0.0000, 0.4000]] f32[2, 2]";
  let returns = "std::pair<Tensor, Tensor>";
  let shapes = "x [..., M, N] gives q [..., M, K] and r [..., K, N]";
  let gradient = "where the first K columns of x are independent; of complete ones where M <= N (Walter and Lehmann, Algorithmic differentiation of linear algebra functions, 2010)";
}
def Eigh : Decomposed<"eigh", [TriangleParam]> {
  let summary = "the eigenvalues of symmetric matrices, in ascending order, and the eigenvectors, in columns";
  let description = "Only the lower triangle is read, or with `uplo` U the upper one. A vector's sign is arbitrary, as is the basis where eigenvalues are equal. Elements that are not finite are an error.";
  let example = "eigh(tensor({{2.f, 0.f}, {0.f, 1.f}})).first";
  let gives = "[1., 2.] f32[2]";
  let returns = "std::pair<Tensor, Tensor>";
  let shapes = "x [..., N, N] gives values [..., N] and vectors [..., N, N]";
  let gradient = "symmetric; through the vectors where the eigenvalues differ and a function does not depend on the vectors' signs (Giles, An extended collection of matrix derivative results, 2008)";
}
def Eigvalsh : Decomposed<"eigvalsh", [TriangleParam]> {
  let summary = "the eigenvalues of symmetric matrices, in ascending order";
  let description = "Only the lower triangle is read, or with `uplo` U the upper one. Elements that are not finite are an error.";
  let example = "eigvalsh(tensor({{2.f, 1.f}, {1.f, 2.f}}))";
  let gives = "[1., 3.] f32[2]";
  let shapes = "x [..., N, N] gives [..., N]";
  let gradient = "symmetric; a second one where the eigenvalues differ";
}
def Svd : Decomposed<"svd", [Param<"bool", "full_matrices", "true">]> {
  let summary = "u, s and vh with u @ diag(s) @ vh = x: the singular values s, in descending order, and the vectors, in the columns of u and the rows of vh";
  let description = "With `full_matrices` all M and N vectors, else K = min(M, N) of each. A pair of vectors has an arbitrary sign. Elements that are not finite are an error.";
  let example = "svd(tensor({{3.f, 0.f}, {0.f, 4.f}})).s";
  let gives = "[4., 3.] f32[2]";
  let returns = "SingularVectors";
  let shapes = "x [..., M, N] gives u [..., M, M], s [..., K] and vh [..., N, N], or u [..., M, K] and vh [..., K, N]";
  let gradient = "through the first K vectors, where the singular values differ, none is 0 and a function does not depend on the vectors' signs (Townsend, Differentiating the singular value decomposition, 2016)";
}
def Svdvals : Decomposed<"svdvals"> {
  let summary = "the singular values of matrices, in descending order";
  let description = "Elements that are not finite are an error.";
  let example = "svdvals(tensor({{3.f, 0.f}, {0.f, 4.f}}))";
  let gives = "[4., 3.] f32[2]";
  let shapes = "x [..., M, N] gives [..., K] with K = min(M, N)";
  let gradient = "that of the values; a second one where they differ and none is 0";
}
def Pinv : OfTolerance<"pinv"> {
  let summary = "the Moore-Penrose pseudo-inverses of matrices";
  let example = "pinv(tensor({{2.f, 0.f}, {0.f, 0.f}}))";
  let gives = "[[0.5000, 0.0000], [0.0000, 0.0000]] f32[2, 2]";
  let shapes = "x [..., M, N] gives [..., N, M]";
  let gradient = "among matrices of one rank, of hermitian ones where x is symmetric (Golub and Pereyra, The differentiation of pseudo-inverses, 1973)";
}
def MatrixRank : OfTolerance<"matrix_rank"> {
  let summary = "how many singular values matrices have that do not count as 0";
  let example = "matrix_rank(tensor({{1.f, 2.f}, {2.f, 4.f}}))";
  let gives = "1 i64[]";
  let shapes = "x [..., M, N] gives [...]";
  let gradient = "none";
}
def Cond : Decomposed<"cond", [Param<"std::optional<double>", "p", "std::nullopt">]> {
  let summary = "the condition numbers of matrices: the greatest singular value by the least, for p = -2 the other way, or else matrix_norm(x, p) * matrix_norm(inv(x), p)";
  let description = "p is 2, where it is not given, -2, 1, -1, inf or -inf; the last four need square matrices. A singular matrix has an infinite one.";
  let example = "cond(tensor({{4.f, 0.f}, {0.f, 2.f}}))";
  let gives = "2. f32[]";
  let shapes = "x [..., M, N] gives [...]";
}
def CondOfNorm : Decomposed<"cond", [Param<"std::string_view", "p">]> {
  let summary = "the condition numbers of square matrices by another norm: matrix_norm(x, p) * matrix_norm(inv(x), p) for p fro or nuc";
  let example = "cond(tensor({{4.f, 0.f}, {0.f, 2.f}}), \"nuc\")";
  let gives = "4.5000 f32[]";
  let shapes = "x [..., N, N] gives [...]";
}
def Lstsq : LinearAlgebra<"lstsq", [Param<"const Arg&", "a">, Param<"const Tensor&", "b">, Param<"std::optional<double>", "rcond", "std::nullopt">,
    Param<"std::string_view", "driver", "\"gelsy\"">]> {
  let summary = "the y for which a @ y is nearest to b, of several that with the least norm; the squares of the distances where M > N, the ranks of a, and its singular values";
  let description = "The drivers gelsy and gels take a QR factorisation with exchanged columns, where one nearer to the span of others than `rcond` times the greatest counts as one of them; gelsd and gelss singular values, where those up to `rcond` times the greatest count as 0. It is max(M, N) times the dtype's epsilon unless given. Ranks are there but for gels, singular values for gelsd and gelss. b is a vector where it has one dim, or the dims of a but the last. An a that is not finite is an error.";
  let example = "lstsq(tensor({{1.f}, {0.f}}), tensor({{2.f}, {7.f}})).solution";
  let gives = "[[2.]] f32[1, 1]";
  let returns = "LeastSquares";
  let shapes = "a [..., M, N] and b [..., M, K] give [..., N, K]; batch dims broadcast";
  let gradient = "among matrices of one rank (Golub and Pereyra, The differentiation of pseudo-inverses, 1973)";
}

#endif
