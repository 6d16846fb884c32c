// Composites over the matrix product: its forms by name, sums of products in index notation.
#ifndef WEFT_IR_OPS_PRODUCTS_TD
#define WEFT_IR_OPS_PRODUCTS_TD

include "ir/ops/composite.td"

class ProductForm<string mnemonic, list<Param> parameters> : Composite<mnemonic, parameters> {
  let dtypes = "all but bool, one for all operands";
}
def SecondParam : Param<"const Arg&", "y">;

def Mm : ProductForm<"mm", [TensorParam, SecondParam]> {
  let summary = "product of two matrices";
  let example = "mm(ones({1, 2}), ones({2, 1}))";
  let gives = "[[2.]] f32[1, 1]";
  let shapes = "x [M, K] by y [K, N] gives [M, N]";
}
def Bmm : ProductForm<"bmm", [TensorParam, SecondParam]> {
  let summary = "products of matrices, one a batch";
  let example = "bmm(ones({1, 1, 2}), ones({1, 2, 1}))";
  let gives = "[[[2.]]] f32[1, 1, 1]";
  let shapes = "x [B, M, K] by y [B, K, N] gives [B, M, N]";
}
def Mv : ProductForm<"mv", [TensorParam, SecondParam]> {
  let summary = "product of a matrix and a vector";
  let example = "mv(ones({2, 2}), tensor({1.f, 2.f}))";
  let gives = "[3., 3.] f32[2]";
  let shapes = "x [M, K] by y [K] gives [M]";
}
def Dot : ProductForm<"dot", [TensorParam, SecondParam]> {
  let summary = "product of two vectors";
  let example = "dot(tensor({1, 2}), tensor({3, 4}))";
  let gives = "11 i64[]";
  let shapes = "x [K] by y [K] gives []";
}
def Outer : ProductForm<"outer", [TensorParam, SecondParam]> {
  let summary = "products of each element of x with each of y";
  let example = "outer(tensor({1, 2}), tensor({3, 4}))";
  let gives = "[[3, 4], [6, 8]] i64[2, 2]";
  let shapes = "x [M] and y [N] give [M, N]";
  let dtypes = "every dtype, promoted to one";
}
def Kron : ProductForm<"kron", [TensorParam, SecondParam]> {
  let summary = "each element of x times the whole of y, in x's places";
  let example = "kron(tensor({1, 10}), tensor({1, 2}))";
  let gives = "[ 1, 2, 10, 20] i64[4]";
  let shapes = "sizes multiply, aligned at the last dim";
  let dtypes = "every dtype, promoted to one";
}

class Added<string mnemonic> : ProductForm<mnemonic, [TensorParam, Param<"const Arg&", "a">, Param<"const Arg&", "b">,
    Param<"Scalar", "beta", "1">, Param<"Scalar", "alpha", "1">]> {
  let description = "Where beta is 0, x counts for nothing, even where it is NaN.";
  let formula = "beta * x + alpha * (a @ b)";
  let inPlace = 1;
}
def Addmm : Added<"addmm"> {
  let summary = "a product of matrices added to x";
  let example = "addmm(ones({1}), ones({1, 2}), ones({2, 1}))";
  let gives = "[[3.]] f32[1, 1]";
  let shapes = "a [M, K] by b [K, N] gives [M, N]; x [M, N] or what else broadcasts to it";
}
def Baddbmm : Added<"baddbmm"> {
  let summary = "products of matrices, one a batch, added to x";
  let example = "baddbmm(ones({1}), ones({1, 1, 2}), ones({1, 2, 1}), 10)";
  let gives = "[[[12.]]] f32[1, 1, 1]";
  let shapes = "a [B, M, K] by b [B, K, N] gives [B, M, N]; x [B, M, N] or what else broadcasts to it";
}
def Addmv : Added<"addmv"> {
  let summary = "a product of a matrix and a vector added to x";
  let example = "addmv(ones({1}), ones({1, 2}), ones({2}))";
  let gives = "[3.] f32[1]";
  let shapes = "a [M, K] by b [K] gives [M]; x [M] or what else broadcasts to it";
}
def Addr : Added<"addr"> {
  let summary = "products of each element of a with each of b, added to x";
  let example = "addr(ones({2}), tensor({1.f, 2.f}), tensor({3.f, 4.f}))";
  let gives = "[[4., 5.], [7., 9.]] f32[2, 2]";
  let shapes = "a [M] and b [N] give [M, N]; x [M, N] or what else broadcasts to it";
}

def Einsum : Composite<"einsum", [Param<"std::string_view", "equation">, Param<"const std::vector<Tensor>&", "operands">]> {
  let summary = "a sum of products of the operands' elements, in Einstein's notation";
  let description = "One letter names one dim; a letter that is repeated in an operand takes its diagonal, one that the result lacks is summed. `...` stands for further dims, which broadcast. Without `->` the result has the letters that appear once, in alphabetical order. Operands are multiplied from the left, two at a time.";
  let example = "einsum(\"ij,kj->ik\", {ones({1, 2}), ones({2, 2})})";
  let gives = "[[2., 2.]] f32[1, 2]";
  let shapes = "as the equation says; dims of one letter are equal or 1";
  let dtypes = "all but bool, one for all operands";
}
def Bilinear : Composite<"bilinear", [Param<"const Arg&", "x1">, Param<"const Arg&", "x2">, Param<"const Tensor&", "weight">,
    Param<"const Tensor&", "bias", "{}">]> {
  let summary = "x1 times each matrix of weight times x2, plus bias";
  let example = "bilinear(tensor({1.f, 2.f}), tensor({3.f}), ones({1, 2, 1}))";
  let gives = "[9.] f32[1]";
  let shapes = "x1 [..., I] and x2 [..., J] with weight [O, I, J] and bias [O] give [..., O]";
  let formula = "y[o] = sum over i, j of x1[i] * weight[o, i, j] * x2[j] + bias[o]";
  let dtypes = "floating, one for all operands";
}

#endif
