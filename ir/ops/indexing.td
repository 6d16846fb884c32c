// Indexing and data movement: primitives that read an index from memory, scans and sorts, and the user's forms over them and over views.
#ifndef WEFT_IR_OPS_INDEXING_TD
#define WEFT_IR_OPS_INDEXING_TD

include "ir/ops/functions.td"

//===--- Primitives -----------------------------------------------------------------------------===//

def WrappedIndex : Pointwise<"wrapped_index", (ins Weft_Tensor:$index), [Scalar<"limit">]> {
  let isOurs = 1;
  let summary = "index counted from the front: -1 becomes limit - 1; one outside of -limit .. limit - 1 fails the call";
  let example = "wrapped_index(tensor({0, -1}), 3)";
  let gives = "[0, 2] i64[2]";
  let domain = Integer;
  let value = "require((index >= -limit) & (index < limit), where(index < 0, index + limit, index))";
  let differentiable = 0;
  let inPlace = 0;
  let samples = [0, 4];
}
def Gather : Structured<"gather", (ins Weft_Tensor:$x, Weft_Tensor:$index)> {
  let example = "gather(tensor({5, 6}), 0, tensor({1, 1}))";
  let gives = "[6, 6] i64[2]";
  let summary = "the element of x at this place, but for dim `dim`, where `index` says at which position";
  let structure = ["dim"];
  let shapes = "that of index, which has x's rank and in no dim but `dim` more elements than x";
  let formula = "y[i, j, ..] = x[index[i, j, ..], j, ..] for dim 0";
  let lowers = 1;
  let refuses = 1;
  let reads = ["index"];
  let api = 0;
}
def Scatter : Structured<"scatter", (ins Weft_Tensor:$x, Weft_Tensor:$index, Weft_Tensor:$src)> {
  let example = "scatter(zeros({2}), 0, tensor({1}), tensor({5.f}))";
  let gives = "[0., 5.] f32[2]";
  let summary = "x with the elements of src at the positions that index names along dim `dim`; the last of several counts";
  let structure = ["dim"];
  let shapes = "that of x; src has the shape of index, which in no dim but `dim` has more elements than x";
  let formula = "y[index[i, j, ..], j, ..] = src[i, j, ..] for dim 0";
  let refuses = 1;
  let indexes = 1;
  let overwrites = 1;
  let reads = ["index", "", "index"];
  let api = 0;
}
def ScatterAdd : Structured<"scatter_add", (ins Weft_Tensor:$x, Weft_Tensor:$index, Weft_Tensor:$src)> {
  let example = "scatter_add(ones({2}), 0, tensor({1, 1}), tensor({5.f, 6.f}))";
  let gives = "[ 1., 12.] f32[2]";
  let summary = "x plus the elements of src at the positions that index names along dim `dim`, one after the other";
  let structure = ["dim"];
  let shapes = "that of x; src has the shape of index, which in no dim but `dim` has more elements than x";
  let formula = "y[index[i, j, ..], j, ..] += src[i, j, ..] for dim 0";
  let refuses = 1;
  let indexes = 1;
  let overwrites = 1;
  let reads = ["", "", "index"];
  let api = 0;
}
def ScatterFold : Structured<"scatter_fold", (ins Weft_Tensor:$x, Weft_Tensor:$index, Weft_Tensor:$src)> {
  let example = "scatter_reduce(ones({2}), 0, tensor({1, 1}), tensor({5.f, 6.f}), \"amax\")";
  let gives = "[1., 6.] f32[2]";
  let isOurs = 1;
  let summary = "like scatter_add, with another way `fold` to join elements: 0 product, 1 maximum, 2 minimum";
  let structure = ["dim", "fold"];
  let shapes = "that of x; src has the shape of index, which in no dim but `dim` has more elements than x";
  let refuses = 1;
  let indexes = 1;
  let overwrites = 1;
  let reads = ["x index src y", "", "x index src y"];
  let api = 0;
}
def Scan : Structured<"scan", (ins Weft_Tensor:$x)> {
  let example = "cumsum(tensor({1, 2, 3}), 0)";
  let gives = "[1, 3, 6] i64[3]";
  let isOurs = 1;
  let summary = "each element joined with all before it along dim `dim`, or with all behind it where `reverse`";
  let description = "`fold`: 0 sum, 1 product, 2 logarithm of the sum of exponentials. Floating elements are joined in f64.";
  let structure = ["dim", "fold", "reverse"];
  let domain = Number;
  let shapes = "that of x";
  let reads = ["x y"];
  let api = 0;
}
def ScanPosition : Structured<"scan_position", (ins Weft_Tensor:$x)> {
  let example = "cummax(tensor({1, 3, 2}), 0).indices";
  let gives = "[0, 1, 1] i64[3]";
  let isOurs = 1;
  let summary = "the position of the greatest element so far along dim `dim`, or of the least where `least`; of equal ones that of the last";
  let structure = ["dim", "least"];
  let result = IndexDType;
  let shapes = "that of x";
  let differentiable = 0;
  let api = 0;
}
def Recurrence : Structured<"recurrence", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let example = "Tensor x = tensor({2.f, 3.f}).requires_grad_(); cumprod(x, 0).sum().backward(); x.grad()";
  let gives = "[4., 2.] f32[2]";
  let isOurs = 1;
  let summary = "the linear recurrence y[k] = a[k] * y[k - 1] + b[k] from 0 on along dim `dim`, or from its end where `reverse`; computed in f64";
  let structure = ["dim", "reverse"];
  let domain = FloatOnly;
  let shapes = "one for both operands and the result";
  let reads = ["a y", "a"];
  let api = 0;
}
def SortPositions : Structured<"sort_positions", (ins Weft_Tensor:$x)> {
  let example = "argsort(tensor({3, 1, 2}))";
  let gives = "[1, 2, 0] i64[3]";
  let isOurs = 1;
  let summary = "the first `count` positions of the elements along dim `dim` in ascending or, where `descending`, in descending order";
  let description = "Equal elements stay in order; NaN is the greatest.";
  let structure = ["dim", "descending"];
  let sizes = ["count"];
  let result = IndexDType;
  let shapes = "that of x, with `count` elements along the dim";
  let differentiable = 0;
  let api = 0;
}
def NonzeroPositions : Structured<"nonzero_positions", (ins Weft_Tensor:$x)> {
  let example = "nonzero(tensor({0, 5, 7}))";
  let gives = "[[1], [2]] i64[2, 1]";
  let isOurs = 1;
  let summary = "the indices of the `count` elements that are not 0, in row-major order";
  let sizes = ["count"];
  let result = IndexDType;
  let shapes = "[count, rank of x]";
  let refuses = 1;
  let differentiable = 0;
  let api = 0;
}
def SearchSorted : Structured<"search_sorted", (ins Weft_Tensor:$sorted, Weft_Tensor:$values)> {
  let example = "searchsorted(tensor({1, 3, 5}), tensor({3, 6}))";
  let gives = "[1, 3] i64[2]";
  let isOurs = 1;
  let summary = "how many of the ascending elements along the last dim are less than each value, or at most it where `right`";
  let structure = ["right"];
  let result = IndexDType;
  let shapes = "that of values; `sorted` has one dim, or all dims of values but the last";
  let differentiable = 0;
  let api = 0;
}
def FlipView : View<"flip_view"> {
  let example = "flip(arange(3), 0)";
  let gives = "[2, 1, 0] i64[3]";
  let summary = "dims walked from their end";
  let description = "The view has negative strides, which nothing but the copy that `flip` makes of it sees.";
  let structure = ["dims"];
  let shapes = "that of x";
  let index = "size - 1 - index along the dims";
}
def DiagonalView : View<"diagonal_view"> {
  let example = "diagonal(arange(4).reshape({2, 2}))";
  let gives = "[0, 3] i64[2]";
  let summary = "the elements at which two dims of one size have the same index, as a last dim";
  let structure = ["dim1", "dim2"];
  let shapes = "both dims vanish, their size comes last";
  let index = "the last index along both dims";
}

#endif
