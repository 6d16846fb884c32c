// Composites that fold dims: variance, norms, distances.
#ifndef WEFT_IR_OPS_STATISTICS_TD
#define WEFT_IR_OPS_STATISTICS_TD

include "ir/ops/composite.td"

def DimsParam : Param<"const Dims&", "dim", "{}">;
def KeepdimParam : Param<"bool", "keepdim", "false">;

class Statistic<string mnemonic, list<Param> parameters> : Composite<mnemonic, !listconcat([TensorParam], parameters)> {
  let shapes = "the dims in `dim` (all where it is empty) become 1, or vanish unless `keepdim`";
  let dtypes = "floating";
  let method = 1;
}

//===--- Moments --------------------------------------------------------------------------------===//

def Var : Statistic<"var", [DimsParam, Param<"double", "correction", "1">, KeepdimParam]> {
  let summary = "variance over dims";
  let description = "Not finite where there are no more elements than `correction`.";
  let example = "var(tensor({1.f, 2.f, 6.f}))";
  let gives = "7. f32[]";
  let formula = "sum((x - mean(x))^2) / max(0, n - correction)";
}
def Std : Statistic<"std", [DimsParam, Param<"double", "correction", "1">, KeepdimParam]> {
  let summary = "standard deviation over dims, with gradient 0 where it is 0";
  let example = "tensor({1.f, 2.f, 3.f}).std()";
  let gives = "1. f32[]";
  let formula = "sqrt(var(x))";
}
def VarMean : Statistic<"var_mean", [DimsParam, Param<"double", "correction", "1">, KeepdimParam]> {
  let summary = "variance and mean over dims";
  let example = "var_mean(tensor({1.f, 2.f, 6.f})).second";
  let gives = "3. f32[]";
  let returns = "std::pair<Tensor, Tensor>";
  let method = 0;
}
def StdMean : Statistic<"std_mean", [DimsParam, Param<"double", "correction", "1">, KeepdimParam]> {
  let summary = "standard deviation and mean over dims";
  let example = "std_mean(tensor({1.f, 2.f, 3.f})).first";
  let gives = "1. f32[]";
  let returns = "std::pair<Tensor, Tensor>";
  let method = 0;
}

//===--- Norms ----------------------------------------------------------------------------------===//

def Logsumexp : Statistic<"logsumexp", [DimsParam, KeepdimParam]> {
  let summary = "logarithm of the sum of exponentials over dims, without overflow";
  let example = "logsumexp(tensor({1000.f, 1000.f}))";
  let gives = "1000.6932 f32[]";
  let dtypes = "floating; others are converted to f32";
}
def VectorNorm : Statistic<"vector_norm", [Param<"double", "ord", "2">, DimsParam, KeepdimParam,
    Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "the norm of order `ord` over dims";
  let description = "Infinity is the greatest magnitude, -infinity the least, 0 counts what is not 0. Its gradient is 0 where the norm is 0.";
  let example = "vector_norm(tensor({3.f, 4.f}))";
  let gives = "5. f32[]";
  let formula = "sum(|x|^ord)^(1 / ord)";
}
def Norm : Statistic<"norm", [Param<"double", "p", "2">, DimsParam, KeepdimParam]> {
  let summary = "vector_norm under PyTorch's older name for it";
  let example = "norm(tensor({3.f, 4.f}))";
  let gives = "5. f32[]";
}
def NormByName : Statistic<"norm", [Param<"std::string_view", "p">, DimsParam, KeepdimParam]> {
  let summary = "vector_norm of order 2 for fro; for nuc matrix_norm over two dims, the last two unless others are given";
  let example = "norm(tensor({{3.f, 0.f}, {0.f, -4.f}}), \"nuc\")";
  let gives = "7. f32[]";
}
def Normalize : Composite<"normalize", [TensorParam, Param<"double", "p", "2">, Param<"const Dims&", "dim", "{1}">, Param<"double", "eps", "1e-12">]> {
  let summary = "x divided by its norm over dims, which counts as at least eps";
  let example = "normalize(tensor({3.f, 4.f}), 2, {0})";
  let gives = "[0.6000, 0.8000] f32[2]";
  let shapes = "that of x";
  let dtypes = "floating";
}

//===--- Distances ------------------------------------------------------------------------------===//

def CosineSimilarity : Composite<"cosine_similarity", [Param<"const Arg&", "x1">, Param<"const Arg&", "x2">, Param<"int64_t", "dim", "1">,
    Param<"double", "eps", "1e-8">]> {
  let summary = "cosine of the angle between x1 and x2 along a dim; norms count as at least eps";
  let example = "cosine_similarity(tensor({1.f, 0.f}), tensor({1.f, 1.f}), 0)";
  let gives = "0.7071 f32[]";
  let shapes = "operands broadcast; dim `dim` vanishes";
  let dtypes = "floating";
}
def PairwiseDistance : Composite<"pairwise_distance", [Param<"const Arg&", "x1">, Param<"const Arg&", "x2">, Param<"double", "p", "2">,
    Param<"double", "eps", "1e-6">, KeepdimParam]> {
  let summary = "norm of x1 - x2 + eps along the last dim";
  let example = "pairwise_distance(tensor({3.f, 4.f}), tensor({0.f, 0.f}))";
  let gives = "5.0000 f32[]";
  let shapes = "operands broadcast; the last dim becomes 1, or vanishes unless `keepdim`";
  let dtypes = "floating";
}
def Cdist : Composite<"cdist", [Param<"const Arg&", "x1">, Param<"const Arg&", "x2">, Param<"double", "p", "2">]> {
  let summary = "norms of the differences between each row of x1 and each row of x2";
  let example = "cdist(tensor({{0.f}, {1.f}}), tensor({{2.f}}))";
  let gives = "[[2.], [1.]] f32[2, 1]";
  let shapes = "x1 [..., P, M] and x2 [..., R, M] give [..., P, R]; batch dims broadcast";
  let dtypes = "floating";
}

#endif
