// Quantiles, extremes, differences and integrals along a dim.
#ifndef WEFT_IR_OPS_STATISTICS_FORMS_TD
#define WEFT_IR_OPS_STATISTICS_FORMS_TD

include "ir/ops/statistics.td"

//===--- Orders -----------------------------------------------------------------------------------------===//

def Nanmedian : Composite<"nanmedian", [TensorParam]> {
  let summary = "the median of all elements that are not NaN, the lower one of two";
  let example = "nanmedian(tensor({3.f, NAN, 2.f, 1.f}))";
  let gives = "2. f32[]";
  let shapes = "[]";
  let dtypes = "every dtype";
  let method = 1;
}
def NanmedianAlong : Composite<"nanmedian", [TensorParam, Param<"int64_t", "dim">, Param<"bool", "keepdim", "false">]> {
  let summary = "the median of the elements of a dim that are not NaN, the lower one of two, and its position";
  let returns = "ValuesAndIndices";
  let example = "nanmedian(tensor({{3.f, NAN, 1.f}}), 1).indices";
  let gives = "[2] i64[1]";
  let shapes = "those of x without the dim, or with 1 there";
  let dtypes = "every dtype";
  let method = 1;
}
class QuantileForm<string mnemonic> : Composite<mnemonic, [TensorParam, Param<"const Arg&", "q">, Param<"std::optional<int64_t>", "dim", "std::nullopt">,
    Param<"bool", "keepdim", "false">, Param<"std::string_view", "interpolation", "\"linear\"">]> {
  let description = "q, a number or a list, is in 0 .. 1. Between two elements `interpolation` decides: \"linear\", \"lower\", \"higher\", \"midpoint\" or \"nearest\".";
  let shapes = "a dim for a list q in front, then x without the dim (all dims where none is given), or with 1 there";
  let dtypes = "f32 f64, one for x and q";
  let method = 1;
}
def Quantile : QuantileForm<"quantile"> {
  let summary = "what the share q of the elements lies below; NaN where one is";
  let example = "quantile(tensor({4.f, 1.f, 2.f, 3.f}), 0.5)";
  let gives = "2.5000 f32[]";
}
def Nanquantile : QuantileForm<"nanquantile"> {
  let summary = "what the share q of the elements that are not NaN lies below";
  let example = "nanquantile(tensor({NAN, 1.f, 2.f, 3.f}), tensor({0.f, 0.5f}))";
  let gives = "[1., 2.] f32[2]";
}
def Aminmax : Composite<"aminmax", [TensorParam, Param<"std::optional<int64_t>", "dim", "std::nullopt">, KeepdimParam]> {
  let summary = "the least and the greatest element of a dim, or of all; NaN where one is";
  let returns = "std::pair<Tensor, Tensor>";
  let example = "aminmax(tensor({3, 1, 2})).second";
  let gives = "3 i64[]";
  let shapes = "dim `dim` becomes 1, or vanishes unless `keepdim`";
  let dtypes = "every dtype";
  let method = 1;
}

//===--- Differences and integrals ----------------------------------------------------------------------===//

class GradientForm<Param spacing> : Composite<"gradient", [TensorParam, spacing, Param<"const Dims&", "dim", "{}">, Param<"int64_t", "edge_order", "1">]> {
  let returns = "std::vector<Tensor>";
  let shapes = "that of x, a result for each dim in `dim` (all where it is empty)";
  let dtypes = "every dtype; integers and bool are converted to f32";
  let method = 1;
}
def GradientEven : GradientForm<Param<"double", "spacing", "1">> {
  let summary = "the slopes of x along dims from the neighbours on both sides, at the edges from one side; neighbours lie `spacing` apart";
  let example = "gradient(tensor({1.f, 4.f, 9.f}))[0]";
  let gives = "[3., 4., 5.] f32[3]";
}
def GradientSteps : GradientForm<Param<"const std::vector<double>&", "spacing">> {
  let summary = "gradient with a distance of neighbours for each dim";
  let example = "gradient(tensor({1.f, 4.f, 9.f}), std::vector<double>{2})[0]";
  let gives = "[1.5000, 2.0000, 2.5000] f32[3]";
}
def GradientAt : GradientForm<Param<"const std::vector<Tensor>&", "spacing">> {
  let summary = "gradient with the coordinates of the elements, a list for each dim";
  let shapes = "that of x, a result for each dim in `dim` (all where it is empty); spacing has a list for each dim of them";
  let example = "gradient(tensor({1.f, 4.f, 9.f}), {tensor({0.f, 2.f, 4.f})})[0]";
  let gives = "[1.5000, 2.0000, 2.5000] f32[3]";
}

class Covariance<string mnemonic, list<Param> more = []> : Composite<mnemonic, !listconcat([TensorParam], more)> {
  let shapes = "x [variables, observations] or [observations] gives [variables, variables] or []";
  let dtypes = "floating";
  let method = 1;
}
def Cov : Covariance<"cov", [Param<"double", "correction", "1">, Param<"const Tensor&", "fweights", "{}">, Param<"const Tensor&", "aweights", "{}">]> {
  let summary = "covariances of variables, which are rows of observations";
  let description = "The sum of squares is divided by their number less `correction`. An observation counts fweights times, an integer, and weighs aweights.";
  let example = "cov(tensor({{1.f, 2.f, 3.f}, {3.f, 1.f, 2.f}}))";
  let gives = "[[ 1.0000, -0.5000], [-0.5000, 1.0000]] f32[2, 2]";
}
def Corrcoef : Covariance<"corrcoef"> {
  let summary = "correlations of variables, which are rows of observations";
  let example = "corrcoef(tensor({{1.f, 2.f, 3.f}, {6.f, 4.f, 2.f}}))";
  let gives = "[[ 1., -1.], [-1., 1.]] f32[2, 2]";
}
class TrapezoidForm<string mnemonic, Param distance> : Composite<mnemonic, [Param<"const Arg&", "y">, distance, Param<"int64_t", "dim", "-1">]> {
  let dtypes = "every dtype; integers and bool are converted to f32";
  let method = 1;
}
class Integral<Param distance> : TrapezoidForm<"trapezoid", distance> { let shapes = "that of y without the dim"; }
class Integrals<Param distance> : TrapezoidForm<"cumulative_trapezoid", distance> { let shapes = "that of y with one element less along the dim"; }
def PlacesParam : Param<"const Tensor&", "x">;
def StepParam : Param<"double", "dx", "1">;
def TrapezoidEven : Integral<StepParam> {
  let pytorch = ["torch.trapz"];
  let summary = "the integral of y along a dim by the trapezoidal rule, of values dx apart";
  let example = "trapezoid(tensor({1.f, 2.f, 4.f}))";
  let gives = "4.5000 f32[]";
}
def Trapezoid : Integral<PlacesParam> {
  let summary = "the integral of y along a dim by the trapezoidal rule, of values at the places x";
  let example = "trapezoid(tensor({1.f, 2.f}), tensor({0.f, 4.f}))";
  let gives = "6. f32[]";
}
def CumulativeTrapezoidEven : Integrals<StepParam> {
  let summary = "the integrals of y from the first to each further element of a dim, of values dx apart";
  let example = "cumulative_trapezoid(tensor({1.f, 2.f, 4.f}))";
  let gives = "[1.5000, 4.5000] f32[2]";
}
def CumulativeTrapezoid : Integrals<PlacesParam> {
  let summary = "the integrals of y from the first to each further element of a dim, of values at the places x";
  let example = "cumulative_trapezoid(tensor({1.f, 2.f}), tensor({0.f, 4.f}))";
  let gives = "[6.] f32[1]";
}

//===--- Distances --------------------------------------------------------------------------------------===//

def Dist : Composite<"dist", [TensorParam, Param<"const Arg&", "other">, Param<"double", "p", "2">]> {
  let summary = "the norm of order p of x - other";
  let example = "dist(tensor({3.f, 0.f}), tensor({0.f, 4.f}))";
  let gives = "5. f32[]";
  let shapes = "operands broadcast; the result is []";
  let dtypes = "floating";
  let method = 1;
}
def Pdist : Composite<"pdist", [TensorParam, Param<"double", "p", "2">]> {
  let summary = "norms of the differences between each row and each further one";
  let example = "pdist(tensor({{0.f}, {1.f}, {3.f}}))";
  let gives = "[1., 3., 2.] f32[3]";
  let shapes = "[N, M] gives [N (N - 1) / 2]";
  let dtypes = "floating";
}
def Renorm : Composite<"renorm", [TensorParam, Param<"double", "p">, Param<"int64_t", "dim">, Param<"double", "maxnorm">]> {
  let summary = "x with each position of a dim scaled down to a norm of at most maxnorm, where its norm of order p is above it";
  let example = "renorm(tensor({{3.f, 4.f}, {0.f, 1.f}}), 2, 0, 1)";
  let gives = "[[0.6000, 0.8000], [0.0000, 1.0000]] f32[2, 2]";
  let shapes = "that of x, which has at least two dims";
  let dtypes = "floating";
  let method = 1;
  let inPlace = 1;
}

#endif
