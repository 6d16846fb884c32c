// Composites over the pointwise ops and reductions of numbers: forms with further arguments, and what skips or replaces NaN.
#ifndef WEFT_IR_OPS_COMPOSITE_NUMBER_TD
#define WEFT_IR_OPS_COMPOSITE_NUMBER_TD

include "ir/ops/composite.td"

class NumberForm<string mnemonic, list<Param> parameters> : Composite<mnemonic, parameters> {
  let shapes = "operands broadcast to the result's shape";
  let dtypes = "all but bool";
  let method = 1;
}
def AddScaled : NumberForm<"add", [TensorParam, Param<"const Arg&", "other">, Param<"Scalar", "alpha">]> {
  let inPlace = 1;
  let summary = "x + alpha * other";
  let example = "add(tensor({1, 2}), tensor({10, 20}), 3)";
  let gives = "[31, 62] i64[2]";
}
def SubScaled : NumberForm<"sub", [TensorParam, Param<"const Arg&", "other">, Param<"Scalar", "alpha">]> {
  let pytorch = ["torch.subtract"];
  let inPlace = 1;
  let summary = "x - alpha * other";
  let example = "sub(tensor({1, 2}), tensor({10, 20}), 3)";
  let gives = "[-29, -58] i64[2]";
}
def Rsub : NumberForm<"rsub", [TensorParam, Param<"const Arg&", "other">, Param<"Scalar", "alpha", "1">]> {
  let summary = "other - alpha * x";
  let example = "rsub(tensor({1, 2}), 10)";
  let gives = "[9, 8] i64[2]";
}
def DivRounded : NumberForm<"div", [TensorParam, Param<"const Arg&", "other">, Param<"std::string_view", "rounding_mode">]> {
  let pytorch = ["torch.divide"];
  let inPlace = 1;
  let summary = "floor_divide for \"floor\", trunc_divide for \"trunc\"";
  let example = "div(tensor({-7, 7}), 2, \"trunc\")";
  let gives = "[-3, 3] i64[2]";
}
def RoundDecimals : NumberForm<"round", [TensorParam, Param<"int64_t", "decimals">]> {
  let inPlace = 1;
  let summary = "x rounded to a number of decimals, ties to even; to tens, hundreds, ... where it is negative";
  let example = "round(tensor({1.25f, 2.348f}), 1)";
  let gives = "[1.2000, 2.3000] f32[2]";
  let shapes = "that of x";
  let dtypes = "floating";
}
def BitwiseNot : NumberForm<"bitwise_not", [TensorParam]> {
  let inPlace = 1;
  let summary = "the bits that x has not; logical_not on bool";
  let example = "~tensor({0, 5})";
  let gives = "[-1, -6] i64[2]";
  let shapes = "that of x";
  let dtypes = "integers and bool";
}
class BoundForm<string mnemonic, string bound> : NumberForm<mnemonic, [TensorParam, Param<"const Arg&", bound>]> {
  let writes = 1;
  let description = "Where x is " # bound # ", a number, the gradient is 0, as that of clamp; of a tensor each takes half.";
}
def ClampMinForm : BoundForm<"clamp_min", "min"> {
  let summary = "x, but not below min; NaN where either is NaN";
  let example = "clamp_min(tensor({1.f, 5.f}), 3)";
  let gives = "[3., 5.] f32[2]";
}
def ClampMaxForm : BoundForm<"clamp_max", "max"> {
  let summary = "x, but not above max; NaN where either is NaN";
  let example = "clamp_max(tensor({1.f, 5.f}), 3)";
  let gives = "[1., 3.] f32[2]";
}
def ClampTensors : NumberForm<"clamp", [TensorParam, Param<"const Tensor&", "min">, Param<"const Tensor&", "max">]> {
  let inPlace = 1;
  let summary = "x limited to min .. max, tensors that broadcast; one that is undefined limits nothing";
  let example = "clamp(arange(4), tensor({1, 1, 1, 1}), tensor({2, 2, 2, 2}))";
  let gives = "[1, 1, 2, 2] i64[4]";
}
def NanToNum : NumberForm<"nan_to_num", [TensorParam, Param<"Scalar", "nan", "0.0">, Param<"std::optional<Scalar>", "posinf", "std::nullopt">,
    Param<"std::optional<Scalar>", "neginf", "std::nullopt">]> {
  let inPlace = 1;
  let summary = "x with NaN and infinities replaced, these by the greatest and least number of the dtype unless they are given";
  let example = "nan_to_num(tensor({NAN, 1.f, INFINITY}), 0, 9)";
  let gives = "[0., 1., 9.] f32[3]";
  let shapes = "that of x";
  let dtypes = "all; integers and bool are what they are";
}
def Nextafter : NumberForm<"nextafter", [TensorParam, Param<"const Arg&", "other">]> {
  let summary = "the number of x's dtype that follows x towards other";
  let example = "nextafter(tensor({1.f}), 2) - 1";
  let gives = "[1.1921e-07] f32[1]";
  let dtypes = "floating";
  let gradient = "of x where it is not other";
  let inPlace = 1;
}

def Polygamma : Composite<"polygamma", [Param<"int64_t", "n">, TensorParam]> {
  let summary = "the n-th derivative of digamma";
  let example = "polygamma(1, tensor({0.5f, 5.f}))";
  let gives = "[4.9348, 0.2213] f32[2]";
  let shapes = "that of x";
  let dtypes = "all; integers and bool are converted to f32";
}

//===--- Reductions ------------------------------------------------------------------------------------===//

class ReductionForm<string mnemonic, list<Param> more = []>
    : Composite<mnemonic, !listconcat([TensorParam, Param<"const Dims&", "dims", "{}">], more)> {
  let shapes = "the dims in `dims` (all where it is empty) become 1, or vanish unless `keepdim`";
  let dtypes = "all";
  let method = 1;
}
def CountNonzero : ReductionForm<"count_nonzero"> {
  let summary = "how many elements are not 0";
  let shapes = "the dims in `dims` (all where it is empty) vanish";
  let example = "count_nonzero(tensor({0, 2, 3}))";
  let gives = "2 i64[]";
  let gradient = "none";
}
def Nansum : ReductionForm<"nansum", [Param<"bool", "keepdim", "false">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "sum over dims of what is not NaN";
  let example = "nansum(tensor({1.f, NAN, 2.f}))";
  let gives = "3. f32[]";
}
def Nanmean : ReductionForm<"nanmean", [Param<"bool", "keepdim", "false">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "mean over dims of what is not NaN; NaN of nothing";
  let example = "nanmean(tensor({1.f, NAN, 2.f}))";
  let gives = "1.5000 f32[]";
  let dtypes = "floating";
}

def MaxWithIndices : Composite<"max_with_indices", [TensorParam, Param<"int64_t", "dim">, Param<"bool", "keepdim", "false">]> {
  let pytorch = ["torch.max(x, dim)"];
  let summary = "the greatest elements along a dim and their positions, PyTorch's max(x, dim)";
  let example = "max_with_indices(tensor({{1, 7, 3}}), 1).indices";
  let gives = "[1] i64[1]";
  let returns = "ValuesAndIndices";
  let shapes = "dim `dim` becomes 1, or vanishes unless `keepdim`";
  let dtypes = "all but bool";
  let gradient = "to the element at the position";
  let method = 1;
}
def MinWithIndices : Composite<"min_with_indices", [TensorParam, Param<"int64_t", "dim">, Param<"bool", "keepdim", "false">]> {
  let pytorch = ["torch.min(x, dim)"];
  let summary = "the least elements along a dim and their positions, PyTorch's min(x, dim)";
  let example = "min_with_indices(tensor({{5, 7, 3}}), 1).values";
  let gives = "[3] i64[1]";
  let returns = "ValuesAndIndices";
  let shapes = "dim `dim` becomes 1, or vanishes unless `keepdim`";
  let dtypes = "all but bool";
  let gradient = "to the element at the position";
  let method = 1;
}

#endif
