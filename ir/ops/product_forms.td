// More products: over dims of choice, of several matrices, of vectors in space, powers.
#ifndef WEFT_IR_OPS_PRODUCT_FORMS_TD
#define WEFT_IR_OPS_PRODUCT_FORMS_TD

include "ir/ops/products.td"
include "ir/ops/sources.td"

def Vdot : ProductForm<"vdot", [TensorParam, SecondParam]> {
  let summary = "product of two vectors";
  let example = "vdot(tensor({1, 2}), tensor({3, 4}))";
  let gives = "11 i64[]";
  let shapes = "[K] by [K] gives []";
}
def Inner : ProductForm<"inner", [TensorParam, SecondParam]> {
  let summary = "products of the rows of x with the rows of y; a 0-d tensor is a factor";
  let example = "inner(tensor({{1, 2}, {3, 4}}), tensor({1, 10}))";
  let gives = "[21, 43] i64[2]";
  let shapes = "[..., K] and [..., K] give the dims of x but the last, then those of y but the last";
}
def Ger : ProductForm<"ger", [TensorParam, SecondParam]> {
  let summary = "products of each element of x with each of y; outer under another name";
  let example = "ger(tensor({1, 2}), tensor({3, 4}))";
  let gives = "[[3, 4], [6, 8]] i64[2, 2]";
  let shapes = "[M] and [N] give [M, N]";
  let dtypes = "every dtype, promoted to one";
}
def Tensordot : ProductForm<"tensordot", [TensorParam, SecondParam, Param<"int64_t", "dims", "2">]> {
  let summary = "sums of products over the last `dims` dims of x and the first of y";
  let example = "tensordot(tensor({{1, 2}}), tensor({{1}, {10}}), 1)";
  let gives = "[[21]] i64[1, 1]";
  let shapes = "the other dims of x, then those of y";
}
def TensordotOver : ProductForm<"tensordot", [TensorParam, SecondParam, Param<"const Dims&", "dims_x">, Param<"const Dims&", "dims_y">]> {
  let summary = "sums of products over dims of x and the dims of y that go with them";
  let example = "tensordot(tensor({{1, 2}}), tensor({{1, 10}}), {1}, {1})";
  let gives = "[[21]] i64[1, 1]";
  let shapes = "the other dims of x, then those of y";
}
def Addbmm : Added<"addbmm"> {
  let summary = "the sum of products of matrices, one a batch, added to x";
  let example = "addbmm(ones({1}), ones({3, 1, 2}), ones({3, 2, 1}))";
  let gives = "[[7.]] f32[1, 1]";
  let shapes = "a [B, M, K] by b [B, K, N] gives [M, N], to which x broadcasts";
  let formula = "beta * x + alpha * sum over batches of (a @ b)";
}
def MultiDot : ProductForm<"multi_dot", [TensorsParam]> {
  let summary = "product of several matrices, multiplied in the order that takes the fewest products of numbers";
  let description = "The first and the last may be vectors.";
  let example = "multi_dot({ones({1, 2}), ones({2, 3}), ones({3})})";
  let gives = "[6.] f32[1]";
  let shapes = "[A, B], [B, C], [C, D], ... give [A, Z]";
}
def ChainMatmul : ProductForm<"chain_matmul", [Param<"const std::vector<Tensor>&", "matrices">]> {
  let summary = "product of several matrices, multiplied in the order that takes the fewest products of numbers";
  let example = "chain_matmul({ones({1, 2}), ones({2, 3})})";
  let gives = "[[2., 2., 2.]] f32[1, 3]";
  let shapes = "[A, B], [B, C], [C, D], ... give [A, Z]";
}
def Cross : ProductForm<"cross", [TensorParam, SecondParam, Param<"std::optional<int64_t>", "dim", "std::nullopt">]> {
  let summary = "the vectors at right angles to those along a dim of x and y, the first of size 3 unless one is given";
  let example = "cross(tensor({1, 0, 0}), tensor({0, 1, 0}))";
  let gives = "[0, 0, 1] i64[3]";
  let shapes = "operands broadcast; the dim has size 3";
  let dtypes = "all but bool, promoted to one";
}
def MatrixPower : ProductForm<"matrix_power", [TensorParam, Param<"int64_t", "n">]> {
  let summary = "the n-th power of square matrices, the identity for n = 0, and of their inverses for negative n";
  let example = "matrix_power(tensor({{1, 1}, {0, 1}}), 5)";
  let gives = "[[1, 5], [0, 1]] i64[2, 2]";
  let shapes = "[..., N, N]";
  let method = 1;
}

#endif
