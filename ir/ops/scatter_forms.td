// A tensor with a part of it replaced, and lines of one folded into it.
#ifndef WEFT_IR_OPS_SCATTER_FORMS_TD
#define WEFT_IR_OPS_SCATTER_FORMS_TD

include "ir/ops/composite.td"

def ReplacementParam : Param<"const Tensor&", "src">;

class PartReplaced<string mnemonic, list<Param> where> : Composite<mnemonic, !listconcat([TensorParam, ReplacementParam], where)> {
  let dtypes = "every dtype";
  let method = 1;
}
def SelectScatter : PartReplaced<"select_scatter", [Param<"int64_t", "dim">, Param<"int64_t", "index">]> {
  let summary = "x with src at one position of a dim";
  let example = "select_scatter(zeros({2, 2}), tensor({1.f, 2.f}), 0, 1)";
  let gives = "[[0., 0.], [1., 2.]] f32[2, 2]";
  let shapes = "that of x; src is like x without the dim";
}
def SliceScatter : PartReplaced<"slice_scatter", [Param<"int64_t", "dim", "0">, Param<"std::optional<int64_t>", "start", "std::nullopt">,
    Param<"std::optional<int64_t>", "end", "std::nullopt">, Param<"int64_t", "step", "1">]> {
  let summary = "x with src in the place of a slice";
  let example = "slice_scatter(arange(5), tensor({7, 8}), 0, 1, 4, 2)";
  let gives = "[0, 7, 2, 8, 4] i64[5]";
  let shapes = "that of x; src has that of the slice";
}
def DiagonalScatter : PartReplaced<"diagonal_scatter", [Param<"int64_t", "offset", "0">, Param<"int64_t", "dim1", "0">, Param<"int64_t", "dim2", "1">]> {
  let summary = "x with src in the place of a diagonal";
  let example = "diagonal_scatter(zeros({2, 2}), tensor({1.f, 2.f}))";
  let gives = "[[1., 0.], [0., 2.]] f32[2, 2]";
  let shapes = "that of x; src has that of the diagonal";
}
def IndexReduce : Composite<"index_reduce", [TensorParam, Param<"int64_t", "dim">, Param<"const Tensor&", "index">, Param<"const Tensor&", "source">,
    Param<"std::string_view", "reduce">, Param<"bool", "include_self", "true">]> {
  let summary = "slices of source joined with those of x at the positions of a dim that index names";
  let description = "reduce is \"prod\", \"mean\", \"amax\" or \"amin\"; include_self says whether the elements of x take part.";
  let example = "index_reduce(tensor({1.f, 7.f}), 0, tensor({0, 0}), tensor({5.f, 6.f}), \"amax\")";
  let gives = "[6., 7.] f32[2]";
  let shapes = "that of x; index [n], and source is like x with n along the dim";
  let dtypes = "every dtype, one for x and source";
  let method = 1;
  let inPlace = 1;
}

#endif
