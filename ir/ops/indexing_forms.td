// Indexing, data movement, scans and sorts as users call them: functions over the primitives of indexing.td and over views.
#ifndef WEFT_IR_OPS_INDEXING_FORMS_TD
#define WEFT_IR_OPS_INDEXING_FORMS_TD

include "ir/ops/composite.td"

//===--- Elements by index ---------------------------------------------------------------------------===//

def GatherForm : Composite<"gather", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">]> {
  let summary = "the element of x at this place, but for dim `dim`, where `index` says at which position";
  let example = "gather(tensor({{1, 2}, {3, 4}}), 1, tensor({{1}, {0}}))";
  let gives = "[[2], [3]] i64[2, 1]";
  let formula = "y[i, j, ..] = x[index[i, j, ..], j, ..] for dim 0";
  let shapes = "that of index, which has x's rank and in no dim but `dim` more elements than x";
  let dtypes = "every dtype; index i64 or another integer dtype";
  let method = 1;
}
def IndexSelect : Composite<"index_select", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">]> {
  let summary = "the positions of a dim that a list of indices names";
  let example = "index_select(tensor({{1, 2}, {3, 4}}), 0, tensor({1, 1}))";
  let gives = "[[3, 4], [3, 4]] i64[2, 2]";
  let shapes = "that of x with as many elements along the dim as index has";
  let dtypes = "every dtype";
  let method = 1;
}
def Take : Composite<"take", [TensorParam, Param<"const Tensor&", "index">]> {
  let summary = "elements by their row-major number; negative ones count from the end";
  let example = "take(tensor({{1, 2}, {3, 4}}), tensor({0, -1}))";
  let gives = "[1, 4] i64[2]";
  let shapes = "that of index";
  let dtypes = "every dtype";
  let method = 1;
}
def UnravelIndex : Composite<"unravel_index", [Param<"const Arg&", "indices">, Param<"const Shape&", "shape">]> {
  let summary = "row-major numbers of elements, as `argmax` gives them, as their positions along each dim of a shape";
  let returns = "std::vector<Tensor>";
  let example = "unravel_index(tensor({1, 5}), {2, 3})[1]";
  let gives = "[1, 2] i64[2]";
  let shapes = "that of indices, for each dim";
  let dtypes = "integers; the results are i64";
  let gradient = "none";
}
def TakeAlongDim : Composite<"take_along_dim", [TensorParam, Param<"const Tensor&", "indices">,
    Param<"std::optional<int64_t>", "dim", "std::nullopt">]> {
  let summary = "gather with operands that broadcast, and negative indices; without a dim, elements by their row-major number";
  let example = "take_along_dim(tensor({{1, 2}, {3, 4}}), tensor({{-1}, {0}}), 1)";
  let gives = "[[2], [3]] i64[2, 1]";
  let shapes = "x and indices broadcast but for the dim, which has the size of that of indices";
  let dtypes = "every dtype";
  let method = 1;
}
def Embedding : Composite<"embedding", [Param<"const Tensor&", "input">, Param<"const Tensor&", "weight">,
    Param<"std::optional<int64_t>", "padding_idx", "std::nullopt">, Param<"std::optional<double>", "max_norm", "std::nullopt">,
    Param<"double", "norm_type", "2">]> {
  let summary = "the rows of weight that input names; row padding_idx gets no gradient";
  let description = "Rows that input names and whose norm is above max_norm are first scaled down to it, in weight itself.";
  let example = "embedding(tensor({1, 0, 1}), tensor({{1.f, 2.f}, {3.f, 4.f}}))";
  let gives = "[[3., 4.], [1., 2.], [3., 4.]] f32[3, 2]";
  let shapes = "input [...] and weight [rows, columns] give [..., columns]";
  let dtypes = "every dtype; input integers";
}
def MaskedSelect : Composite<"masked_select", [TensorParam, Param<"const Tensor&", "mask">]> {
  let summary = "the elements where a mask holds, in row-major order";
  let description = "How many there are is read by the host: a compiled region computes what it has up to here.";
  let example = "masked_select(tensor({1, 2, 3}), tensor({true, false, true}))";
  let gives = "[1, 3] i64[2]";
  let shapes = "[n] for n elements chosen of x and mask, which broadcast";
  let dtypes = "every dtype";
  let method = 1;
}
def Nonzero : Composite<"nonzero", [TensorParam]> {
  let summary = "the indices of the elements that are not 0, in row-major order";
  let description = "How many there are is read by the host: a compiled region computes what it has up to here.";
  let example = "nonzero(tensor({0, 2, 3}))";
  let gives = "[[1], [2]] i64[2, 1]";
  let shapes = "[n, rank of x] for n such elements";
  let dtypes = "every dtype";
  let gradient = "none";
  let method = 1;
}
def WhereForm : Composite<"where", [TensorParam]> {
  let summary = "the indices of the elements that are not 0, a tensor for each dim";
  let returns = "std::vector<Tensor>";
  let example = "where(tensor({0, 2, 3}))[0]";
  let gives = "[1, 2] i64[2]";
  let shapes = "[n] for n such elements";
  let dtypes = "every dtype";
  let gradient = "none";
}

//===--- Elements written by index -------------------------------------------------------------------===//

def ScatterForm : Composite<"scatter", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">, Param<"const Arg&", "src">]> {
  let summary = "x with elements of src, or one number, at the positions that index names along a dim; the last of several counts";
  let example = "scatter(zeros({3}), 0, tensor({2, 0}), tensor({5.f, 6.f}))";
  let gives = "[6., 0., 5.] f32[3]";
  let formula = "y[index[i, j, ..], j, ..] = src[i, j, ..] for dim 0";
  let shapes = "that of x; src has at least the sizes of index, which has x's rank and in no dim but `dim` more elements than x";
  let dtypes = "every dtype, one for x and src";
  let method = 1;
  let writes = 1;
}
def ScatterAddForm : Composite<"scatter_add", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">,
    Param<"const Tensor&", "src">]> {
  let summary = "x plus elements of src at the positions that index names along a dim";
  let description = "Elements are added one after the other in the order of index.";
  let example = "scatter_add(zeros({3}), 0, tensor({2, 2}), tensor({5.f, 6.f}))";
  let gives = "[ 0., 0., 11.] f32[3]";
  let formula = "y[index[i, j, ..], j, ..] += src[i, j, ..] for dim 0";
  let shapes = "that of x; src has at least the sizes of index, which has x's rank and in no dim but `dim` more elements than x";
  let dtypes = "every dtype, one for x and src";
  let method = 1;
  let writes = 1;
}
def ScatterReduce : Composite<"scatter_reduce", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">,
    Param<"const Tensor&", "src">, Param<"std::string_view", "reduce">, Param<"bool", "include_self", "true">]> {
  let summary = "elements of src that index sends to one position, joined by \"sum\", \"prod\", \"mean\", \"amax\" or \"amin\"";
  let description = "With include_self the element of x is one of them. Positions that index does not name keep it.";
  let example = "scatter_reduce(tensor({1.f, 7.f}), 0, tensor({0, 0}), tensor({5.f, 6.f}), \"amax\")";
  let gives = "[6., 7.] f32[2]";
  let shapes = "that of x; src has at least the sizes of index, which has x's rank and in no dim but `dim` more elements than x";
  let dtypes = "every dtype, one for x and src";
  let method = 1;
  let inPlace = 1;
}
def IndexAdd : Composite<"index_add", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">, Param<"const Tensor&", "source">,
    Param<"Scalar", "alpha", "1">]> {
  let summary = "x plus alpha times the slices of source at the positions of a dim that index names";
  let example = "index_add(zeros({3}), 0, tensor({2, 2}), tensor({5.f, 6.f}))";
  let gives = "[ 0., 0., 11.] f32[3]";
  let shapes = "that of x; index [n], and source is like x with n along the dim";
  let dtypes = "every dtype, one for x and source";
  let method = 1;
  let writes = 1;
}
def IndexCopy : Composite<"index_copy", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">, Param<"const Tensor&", "source">]> {
  let summary = "x with the slices of source at the positions of a dim that index names";
  let example = "index_copy(zeros({3}), 0, tensor({2, 0}), tensor({5.f, 6.f}))";
  let gives = "[6., 0., 5.] f32[3]";
  let shapes = "that of x; index [n], and source is like x with n along the dim";
  let dtypes = "every dtype, one for x and source";
  let method = 1;
  let writes = 1;
}
def IndexFill : Composite<"index_fill", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">, Param<"const Arg&", "value">]> {
  let summary = "x with a number at the positions of a dim that index names; negative ones count from the end";
  let example = "index_fill(zeros({3}), 0, tensor({0, -1}), 5)";
  let gives = "[5., 0., 5.] f32[3]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let method = 1;
  let writes = 1;
}
def IndexPut : Composite<"index_put", [TensorParam, Param<"const std::vector<Tensor>&", "indices">, Param<"const Arg&", "values">,
    Param<"bool", "accumulate", "false">]> {
  let summary = "x with values at the places that index tensors name, one a dim; with accumulate values are added";
  let description = "Index tensors broadcast; negative indices count from the end; a mask stands for the indices where it holds; an undefined tensor leaves its dim whole.";
  let example = "index_put(zeros({2, 2}), {tensor({0, 1}), tensor({1, 1})}, 5)";
  let gives = "[[0., 5.], [0., 5.]] f32[2, 2]";
  let shapes = "that of x; values broadcast to x[indices]";
  let dtypes = "every dtype, one for x and values";
  let method = 1;
  let writes = 1;
}
def MaskedFill : Composite<"masked_fill", [TensorParam, Param<"const Tensor&", "mask">, Param<"const Arg&", "value">]> {
  let summary = "x with a number where a mask holds";
  let example = "masked_fill(tensor({1.f, 2.f}), tensor({true, false}), 5)";
  let gives = "[5., 2.] f32[2]";
  let shapes = "x and mask broadcast";
  let dtypes = "every dtype; the value is converted to that of x";
  let method = 1;
  let inPlace = 1;
}

//===--- Pieces and order ----------------------------------------------------------------------------===//

def Stack : Composite<"stack", [Param<"const std::vector<Tensor>&", "tensors">, Param<"int64_t", "dim", "0">]> {
  let summary = "tensors of one shape along a new dim, promoted to one dtype";
  let example = "stack({tensor({1, 2}), tensor({3, 4})})";
  let gives = "[[1, 2], [3, 4]] i64[2, 2]";
  let shapes = "[...] of n tensors gives n at position `dim`";
  let dtypes = "every dtype";
}
def Split : Composite<"split", [TensorParam, Param<"int64_t", "split_size">, Param<"int64_t", "dim", "0">]> {
  let summary = "views of split_size elements each along a dim; the last may be shorter";
  let returns = "std::vector<Tensor>";
  let example = "split(arange(5), 2)[1]";
  let gives = "[2, 3] i64[2]";
  let shapes = "that of x but for the dim";
  let dtypes = "every dtype";
  let method = 1;
}
def SplitSizes : Composite<"split", [TensorParam, Param<"const std::vector<int64_t>&", "split_sizes">, Param<"int64_t", "dim", "0">]> {
  let summary = "views of the sizes given along a dim";
  let returns = "std::vector<Tensor>";
  let example = "split(arange(5), {2, 3})[1]";
  let gives = "[2, 3, 4] i64[3]";
  let shapes = "that of x but for the dim";
  let dtypes = "every dtype";
  let method = 1;
}
def Chunk : Composite<"chunk", [TensorParam, Param<"int64_t", "chunks">, Param<"int64_t", "dim", "0">]> {
  let summary = "at most `chunks` views of one size along a dim; the last may be shorter";
  let returns = "std::vector<Tensor>";
  let example = "chunk(arange(5), 2)[1]";
  let gives = "[3, 4] i64[2]";
  let shapes = "that of x but for the dim";
  let dtypes = "every dtype";
  let method = 1;
}
def Unbind : Composite<"unbind", [TensorParam, Param<"int64_t", "dim", "0">]> {
  let summary = "a view for each position of a dim, which vanishes";
  let returns = "std::vector<Tensor>";
  let example = "unbind(tensor({{1, 2}, {3, 4}}), 1)[0]";
  let gives = "[1, 3] i64[2]";
  let shapes = "that of x without the dim";
  let dtypes = "every dtype";
  let method = 1;
}
def Narrow : Composite<"narrow", [TensorParam, Param<"int64_t", "dim">, Param<"int64_t", "start">, Param<"int64_t", "length">]> {
  let summary = "a view of `length` elements of a dim from start on";
  let example = "narrow(arange(5), 0, 1, 3)";
  let gives = "[1, 2, 3] i64[3]";
  let shapes = "dim `dim` has size length";
  let dtypes = "every dtype";
  let method = 1;
}
def Movedim : Composite<"movedim", [TensorParam, Param<"const Dims&", "source">, Param<"const Dims&", "destination">]> {
  let summary = "a view with dims at other places, the rest in order";
  let example = "movedim(zeros({1, 2, 3}), 0, 2)";
  let gives = "[[[0.], [0.], [0.]], [[0.], [0.], [0.]]] f32[2, 3, 1]";
  let shapes = "dim source[k] comes to destination[k]";
  let dtypes = "every dtype";
  let method = 1;
}
def Swapaxes : Composite<"swapaxes", [TensorParam, Param<"int64_t", "axis0">, Param<"int64_t", "axis1">]> {
  let summary = "a view with two dims exchanged; transpose under NumPy's name";
  let example = "swapaxes(tensor({{1, 2}}), 0, 1)";
  let gives = "[[1], [2]] i64[2, 1]";
  let shapes = "the dims change places";
  let dtypes = "every dtype";
  let method = 1;
  let rebinds = 1;
}
def Flip : Composite<"flip", [TensorParam, Param<"const Dims&", "dims">]> {
  let summary = "the elements in reverse order along dims";
  let example = "flip(arange(3), 0)";
  let gives = "[2, 1, 0] i64[3]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let method = 1;
}
def Fliplr : Composite<"fliplr", [TensorParam]> {
  let summary = "the columns in reverse order: flip of dim 1";
  let example = "fliplr(tensor({{1, 2}, {3, 4}}))";
  let gives = "[[2, 1], [4, 3]] i64[2, 2]";
  let shapes = "that of x, which has at least two dims";
  let dtypes = "every dtype";
  let method = 1;
}
def Flipud : Composite<"flipud", [TensorParam]> {
  let summary = "the rows in reverse order: flip of dim 0";
  let example = "flipud(tensor({{1, 2}, {3, 4}}))";
  let gives = "[[3, 4], [1, 2]] i64[2, 2]";
  let shapes = "that of x, which has at least one dim";
  let dtypes = "every dtype";
  let method = 1;
}
def Rot90 : Composite<"rot90", [TensorParam, Param<"int64_t", "k", "1">, Param<"const Dims&", "dims", "{0, 1}">]> {
  let summary = "k quarter turns in the plane of two dims, from the first towards the second";
  let example = "rot90(tensor({{1, 2}, {3, 4}}))";
  let gives = "[[2, 4], [1, 3]] i64[2, 2]";
  let shapes = "that of x, with the two sizes exchanged for odd k";
  let dtypes = "every dtype";
  let method = 1;
}
def Roll : Composite<"roll", [TensorParam, Param<"const Dims&", "shifts">, Param<"const Dims&", "dims", "{}">]> {
  let summary = "the elements moved on along dims; those that leave at the end come in at the front. Without dims in row-major order";
  let example = "roll(arange(4), 1)";
  let gives = "[3, 0, 1, 2] i64[4]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let method = 1;
}
def Repeat : Composite<"repeat", [TensorParam, Param<"const Dims&", "repeats">]> {
  let summary = "copies of x side by side, repeats[k] of them along dim k";
  let example = "repeat(tensor({1, 2}), {2, 2})";
  let gives = "[[1, 2, 1, 2], [1, 2, 1, 2]] i64[2, 4]";
  let shapes = "sizes times repeats, which may have more dims than x: those come in front";
  let dtypes = "every dtype";
  let method = 1;
}
def Tile : Composite<"tile", [TensorParam, Param<"const Dims&", "dims">]> {
  let summary = "copies of x side by side; like repeat, but dims may be fewer than those of x";
  let example = "tile(tensor({{1, 2}}), 2)";
  let gives = "[[1, 2, 1, 2]] i64[1, 4]";
  let shapes = "sizes times dims, aligned at the last";
  let dtypes = "every dtype";
  let method = 1;
}
def RepeatInterleave : Composite<"repeat_interleave", [TensorParam, Param<"int64_t", "repeats">,
    Param<"std::optional<int64_t>", "dim", "std::nullopt">]> {
  let summary = "each element `repeats` times, one after the other; without a dim of x in one dim";
  let example = "repeat_interleave(tensor({1, 2}), 2)";
  let gives = "[1, 1, 2, 2] i64[4]";
  let shapes = "the size of the dim times repeats";
  let dtypes = "every dtype";
  let method = 1;
}
def RepeatInterleaveEach : Composite<"repeat_interleave", [TensorParam, Param<"const Tensor&", "repeats">,
    Param<"std::optional<int64_t>", "dim", "std::nullopt">]> {
  let summary = "each element as often as `repeats` says for its position; without a dim of x in one dim";
  let example = "repeat_interleave(tensor({1, 2}), tensor({1, 2}))";
  let gives = "[1, 2, 2] i64[3]";
  let shapes = "repeats has the size of the dim, or one element; the dim becomes their sum, which the host reads";
  let dtypes = "every dtype; repeats integers";
  let method = 1;
}
def SlidingWindows : Composite<"sliding_windows", [TensorParam, Param<"int64_t", "dim">, Param<"int64_t", "size">, Param<"int64_t", "step", "1">]> {
  let pytorch = ["torch.Tensor.unfold"];
  let summary = "all pieces of `size` neighbours along a dim, a piece every `step` elements; each is a row of a new last dim";
  let example = "sliding_windows(arange(5), 0, 3, 2)";
  let gives = "[[0, 1, 2], [2, 3, 4]] i64[2, 3]";
  let shapes = "the dim becomes (its size - size) / step + 1, and a last dim of `size` is added";
  let dtypes = "every dtype";
  let method = 1;
}
def RepeatInterleavePositions : Composite<"repeat_interleave", [Param<"const Tensor&", "repeats">]> {
  let summary = "each position 0, 1, ... as often as `repeats` says";
  let example = "repeat_interleave(tensor({2, 0, 1}))";
  let gives = "[0, 0, 2] i64[3]";
  let shapes = "repeats [n] gives one dim with the sum of repeats, which the host reads";
  let dtypes = "integers, not negative; the result is i64";
  let gradient = "none";
}
def Pad : Composite<"pad", [TensorParam, Param<"const std::vector<int64_t>&", "pad">, Param<"std::string_view", "mode", "\"constant\"">,
    Param<"Scalar", "value", "0">]> {
  let summary = "elements added before and behind the last dims: {before last, behind last, before the one in front of it, ...}; negative ones are cut off";
  let description = "Mode \"constant\" adds `value`; \"reflect\" goes on as in a mirror at the edge, \"replicate\" repeats the edge, \"circular\" starts again from the other side.";
  let example = "pad(tensor({1, 2, 3}), {2, 1})";
  let gives = "[0, 0, 1, 2, 3, 0] i64[6]";
  let shapes = "each dim grows by its two entries";
  let dtypes = "every dtype";
  let method = 1;
}

//===--- Triangles and diagonals ---------------------------------------------------------------------===//

def Tril : Composite<"tril", [TensorParam, Param<"int64_t", "diagonal", "0">]> {
  let summary = "x up to a diagonal of its last two dims, 0 above it";
  let example = "tril(ones({2, 2}))";
  let gives = "[[1., 0.], [1., 1.]] f32[2, 2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let method = 1;
  let inPlace = 1;
}
def Triu : Composite<"triu", [TensorParam, Param<"int64_t", "diagonal", "0">]> {
  let summary = "x from a diagonal of its last two dims on, 0 below it";
  let example = "triu(ones({2, 2}))";
  let gives = "[[1., 1.], [0., 1.]] f32[2, 2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let method = 1;
  let inPlace = 1;
}
def Diagonal : Composite<"diagonal", [TensorParam, Param<"int64_t", "offset", "0">, Param<"int64_t", "dim1", "0">, Param<"int64_t", "dim2", "1">]> {
  let summary = "a view of a diagonal of two dims; offsets above 0 lie over the main one";
  let example = "diagonal(tensor({{1, 2}, {3, 4}}))";
  let gives = "[1, 4] i64[2]";
  let shapes = "the two dims vanish, the length of the diagonal comes last";
  let dtypes = "every dtype";
  let method = 1;
}
def Diag : Composite<"diag", [TensorParam, Param<"int64_t", "diagonal", "0">]> {
  let summary = "a diagonal of a matrix as a view, or a matrix with a diagonal";
  let example = "diag(tensor({1, 2}))";
  let gives = "[[1, 0], [0, 2]] i64[2, 2]";
  let shapes = "x [n, m] gives the diagonal's length; [n] gives a square";
  let dtypes = "every dtype";
  let method = 1;
}
def DiagEmbed : Composite<"diag_embed", [TensorParam, Param<"int64_t", "offset", "0">, Param<"int64_t", "dim1", "-2">,
    Param<"int64_t", "dim2", "-1">]> {
  let summary = "matrices with the last dim of x on a diagonal, 0 elsewhere";
  let example = "diag_embed(tensor({{1, 2}}))";
  let gives = "[[[1, 0], [0, 2]]] i64[1, 2, 2]";
  let shapes = "the last dim becomes two of size n + |offset|";
  let dtypes = "every dtype";
  let method = 1;
}

//===--- Scans, sorts and searches -------------------------------------------------------------------===//

def Cumsum : Composite<"cumsum", [TensorParam, Param<"int64_t", "dim">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "sums of the elements up to each along a dim, converted to `dtype` first";
  let example = "cumsum(tensor({1, 2, 3}), 0)";
  let gives = "[1, 3, 6] i64[3]";
  let shapes = "that of x";
  let dtypes = "every dtype; integers and bool give i64 unless dtype is given";
  let method = 1;
  let inPlace = 1;
}
def Cumprod : Composite<"cumprod", [TensorParam, Param<"int64_t", "dim">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "products of the elements up to each along a dim, converted to `dtype` first";
  let example = "cumprod(tensor({1, 2, 3}), 0)";
  let gives = "[1, 2, 6] i64[3]";
  let shapes = "that of x";
  let dtypes = "every dtype; integers and bool give i64 unless dtype is given";
  let method = 1;
  let inPlace = 1;
}
def Logcumsumexp : Composite<"logcumsumexp", [TensorParam, Param<"int64_t", "dim">]> {
  let summary = "logarithms of the sums of exponentials of the elements up to each along a dim";
  let example = "logcumsumexp(zeros({3}), 0)";
  let gives = "[0.0000, 0.6931, 1.0986] f32[3]";
  let shapes = "that of x";
  let dtypes = "f32 f64 bf16";
  let method = 1;
}
def Cummax : Composite<"cummax", [TensorParam, Param<"int64_t", "dim">]> {
  let summary = "the greatest element up to each along a dim, and its position: the last of equal ones";
  let returns = "ValuesAndIndices";
  let example = "cummax(tensor({1, 3, 2}), 0).values";
  let gives = "[1, 3, 3] i64[3]";
  let shapes = "those of x";
  let dtypes = "every dtype";
  let method = 1;
}
def Cummin : Composite<"cummin", [TensorParam, Param<"int64_t", "dim">]> {
  let summary = "the least element up to each along a dim, and its position: the last of equal ones";
  let returns = "ValuesAndIndices";
  let example = "cummin(tensor({2, 1, 3}), 0).indices";
  let gives = "[0, 1, 1] i64[3]";
  let shapes = "those of x";
  let dtypes = "every dtype";
  let method = 1;
}
def Diff : Composite<"diff", [TensorParam, Param<"int64_t", "n", "1">, Param<"int64_t", "dim", "-1">, Param<"const Tensor&", "prepend", "{}">,
    Param<"const Tensor&", "append", "{}">]> {
  let summary = "differences of neighbours along a dim, n times, with other tensors in front and behind";
  let example = "diff(tensor({1, 4, 9}))";
  let gives = "[3, 5] i64[2]";
  let shapes = "n elements less along the dim";
  let dtypes = "every dtype; bool is compared";
  let method = 1;
}
def Sort : Composite<"sort", [TensorParam, Param<"int64_t", "dim", "-1">, Param<"bool", "descending", "false">, Param<"bool", "stable", "false">]> {
  let summary = "the elements in order along a dim, and their positions; equal ones stay in order in any case, NaN is the greatest";
  let returns = "ValuesAndIndices";
  let example = "sort(tensor({3, 1, 2})).values";
  let gives = "[1, 2, 3] i64[3]";
  let shapes = "those of x";
  let dtypes = "every dtype";
  let method = 1;
}
def Argsort : Composite<"argsort", [TensorParam, Param<"int64_t", "dim", "-1">, Param<"bool", "descending", "false">,
    Param<"bool", "stable", "false">]> {
  let summary = "the positions of the elements in order along a dim; equal ones stay in order in any case, NaN is the greatest";
  let example = "argsort(tensor({3, 1, 2}))";
  let gives = "[1, 2, 0] i64[3]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let gradient = "none";
  let method = 1;
}
def Topk : Composite<"topk", [TensorParam, Param<"int64_t", "k">, Param<"int64_t", "dim", "-1">, Param<"bool", "largest", "true">,
    Param<"bool", "sorted", "true">]> {
  let summary = "the k greatest elements of a dim, or the least, in order, and their positions";
  let returns = "ValuesAndIndices";
  let example = "topk(tensor({3, 1, 2}), 2).values";
  let gives = "[3, 2] i64[2]";
  let shapes = "those of x with k elements along the dim";
  let dtypes = "every dtype";
  let method = 1;
}
def Kthvalue : Composite<"kthvalue", [TensorParam, Param<"int64_t", "k">, Param<"int64_t", "dim", "-1">, Param<"bool", "keepdim", "false">]> {
  let summary = "the k-th least element of a dim, counted from 1, and its position";
  let returns = "ValuesAndIndices";
  let example = "kthvalue(tensor({3, 1, 2}), 2).values";
  let gives = "2 i64[]";
  let shapes = "those of x without the dim, or with 1 there";
  let dtypes = "every dtype";
  let method = 1;
}
def Median : Composite<"median", [TensorParam]> {
  let summary = "the median of all elements, the lower one of two; NaN where one is";
  let example = "median(tensor({3, 1, 2}))";
  let gives = "2 i64[]";
  let shapes = "[]";
  let dtypes = "every dtype";
  let method = 1;
}
def MedianAlong : Composite<"median", [TensorParam, Param<"int64_t", "dim">, Param<"bool", "keepdim", "false">]> {
  let summary = "the median of a dim, the lower one of two, and its position; NaN where one is";
  let returns = "ValuesAndIndices";
  let example = "median(tensor({{3, 1, 2}}), 1).indices";
  let gives = "[2] i64[1]";
  let shapes = "those of x without the dim, or with 1 there";
  let dtypes = "every dtype";
  let method = 1;
}
def Searchsorted : Composite<"searchsorted", [Param<"const Tensor&", "sorted_sequence">, Param<"const Arg&", "x">, Param<"bool", "right", "false">]> {
  let summary = "where values belong in an ascending sequence: before the elements equal to them, or with `right` behind them";
  let example = "searchsorted(tensor({1, 3, 5}), tensor({3, 6}))";
  let gives = "[1, 3] i64[2]";
  let shapes = "that of x; the sequence has one dim, or all dims of x but the last";
  let dtypes = "every dtype";
  let gradient = "none";
}
def Bucketize : Composite<"bucketize", [TensorParam, Param<"const Tensor&", "boundaries">, Param<"bool", "right", "false">]> {
  let summary = "in which interval of ascending boundaries values lie";
  let example = "bucketize(tensor({3, 6}), tensor({1, 3, 5}))";
  let gives = "[1, 3] i64[2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let gradient = "none";
  let method = 1;
}

//===--- Classes -------------------------------------------------------------------------------------===//

def OneHot : Composite<"one_hot", [TensorParam, Param<"int64_t", "num_classes", "-1">]> {
  let summary = "rows of zeros with a one at the class; -1 classes: as many as the greatest class needs, which the host reads";
  let example = "one_hot(tensor({0, 2}), 3)";
  let gives = "[[1, 0, 0], [0, 0, 1]] i64[2, 3]";
  let shapes = "[...] gives [..., num_classes]";
  let dtypes = "i64, not negative";
  let gradient = "none";
}
def NllLoss : Composite<"nll_loss", [TensorParam, Param<"const Tensor&", "target">, Param<"const Tensor&", "weight", "{}">,
    Param<"int64_t", "ignore_index", "-100">, Param<"Reduce", "reduction", "Reduce::mean">]> {
  let summary = "negative log-likelihood of target classes, given log-probabilities over dim 1";
  let description = "Targets are classes in 0 .. C - 1 or ignore_index, which counts for nothing. The mean is over the weights of the targets.";
  let example = "nll_loss(tensor({{-1.f, -2.f}}), tensor({1}))";
  let gives = "2. f32[]";
  let formula = "-weight[target] * x[target]";
  let shapes = "x [N, C, ...] (or [C]), target [N, ...] (or []) and weight [C] give the target's shape, or one element after `reduction`";
  let dtypes = "f32 f64 bf16; target i64";
}

#endif
