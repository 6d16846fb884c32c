// Which elements there are: positions of some, distinct ones, the most frequent one, counts.
#ifndef WEFT_IR_OPS_SELECTION_TD
#define WEFT_IR_OPS_SELECTION_TD

include "ir/ops/composite.td"

defvar kHostReads = "How many there are is read by the host: a compiled region computes what it has up to here.";

//===--- By value ---------------------------------------------------------------------------------------===//

def Argwhere : Composite<"argwhere", [TensorParam]> {
  let summary = "the indices of the elements that are not 0, a row each; nonzero under NumPy's name";
  let description = kHostReads;
  let example = "argwhere(tensor({0, 2, 3}))";
  let gives = "[[1], [2]] i64[2, 1]";
  let shapes = "[n, rank of x] for n such elements";
  let dtypes = "every dtype";
  let gradient = "none";
  let method = 1;
}
def MaskedScatter : Composite<"masked_scatter", [TensorParam, Param<"const Tensor&", "mask">, Param<"const Tensor&", "source">]> {
  let summary = "x with the elements of source, in row-major order, where a mask holds";
  let description = "Fewer elements of source than places are an error.";
  let example = "masked_scatter(zeros({3}), tensor({true, false, true}), tensor({5.f, 6.f}))";
  let gives = "[5., 0., 6.] f32[3]";
  let shapes = "x and mask broadcast";
  let dtypes = "every dtype, one for x and source";
  let method = 1;
  let inPlace = 1;
}
def Msort : Composite<"msort", [TensorParam]> {
  let summary = "the elements in order along dim 0; NaN is the greatest";
  let example = "msort(tensor({{3, 1}, {2, 4}}))";
  let gives = "[[2, 1], [3, 4]] i64[2, 2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let method = 1;
}

//===--- Distinct elements ------------------------------------------------------------------------------===//

class DistinctForm<string mnemonic, list<Param> more> : Composite<mnemonic, !listconcat([TensorParam], more)> {
  let description = !strconcat("NaN equals nothing. ", kHostReads);
  let shapes = "[n] for n distinct elements, or n positions of the dim";
  let dtypes = "every dtype";
  let method = 1;
}
class DistinctWith<string mnemonic, list<Param> first> : DistinctForm<mnemonic, !listconcat(first, [Param<"bool", "return_counts", "false">,
    Param<"std::optional<int64_t>", "dim", "std::nullopt">])> {
  let returns = "std::vector<Tensor>";
}
def Unique : DistinctForm<"unique", []> {
  let summary = "the distinct elements in order";
  let example = "unique(tensor({3, 1, 3}))";
  let gives = "[1, 3] i64[2]";
}
def UniqueWith : DistinctWith<"unique", [Param<"bool", "sorted">, Param<"bool", "return_inverse", "false">]> {
  let summary = "the distinct elements in order, or positions of a dim; then, where asked for, which of them each element of x is, and how often each appears";
  let example = "unique(tensor({3, 1, 3}), true, true)[1]";
  let gives = "[1, 0, 1] i64[3]";
}
def UniqueConsecutive : DistinctForm<"unique_consecutive", []> {
  let summary = "the elements without those that equal the one before them";
  let example = "unique_consecutive(tensor({3, 3, 1, 3}))";
  let gives = "[3, 1, 3] i64[3]";
}
def UniqueConsecutiveWith : DistinctWith<"unique_consecutive", [Param<"bool", "return_inverse">]> {
  let summary = "unique_consecutive, of elements or of positions of a dim; then, where asked for, which of them each element of x is, and how many equal ones it stands for";
  let example = "unique_consecutive(tensor({3, 3, 1}), false, true)[1]";
  let gives = "[2, 1] i64[2]";
}

//===--- Counts -----------------------------------------------------------------------------------------===//

def Bincount : Composite<"bincount", [TensorParam, Param<"const Tensor&", "weights", "{}">, Param<"int64_t", "minlength", "0">]> {
  let summary = "how often each number from 0 on appears, or the sum of its weights";
  let description = "The greatest number is read by the host: a compiled region computes what it has up to here.";
  let example = "bincount(tensor({0, 2, 2}))";
  let gives = "[1, 0, 2] i64[3]";
  let shapes = "[n] gives [max(minlength, greatest element + 1)]";
  let dtypes = "integers that are not negative; weights f32, else they count in f64";
  let gradient = "none";
  let method = 1;
}
def Histc : Composite<"histc", [TensorParam, Param<"int64_t", "bins", "100">, Param<"double", "min", "0">, Param<"double", "max", "0">]> {
  let summary = "how many elements lie in each of `bins` intervals of one width from min to max; those beyond count nowhere";
  let description = "Where min and max are equal, they are the least and the greatest element.";
  let example = "histc(tensor({1.f, 2.f, 1.f}), 4, 0, 3)";
  let gives = "[0., 2., 1., 0.] f32[4]";
  let shapes = "[bins]";
  let dtypes = "floating";
  let gradient = "none";
  let method = 1;
}
def Mode : Composite<"mode", [TensorParam, Param<"int64_t", "dim", "-1">, Param<"bool", "keepdim", "false">]> {
  let summary = "the most frequent element of a dim, the least of several, and the last position it has";
  let returns = "ValuesAndIndices";
  let example = "mode(tensor({1, 3, 3, 1, 3})).values";
  let gives = "3 i64[]";
  let shapes = "those of x without the dim, or with 1 there";
  let dtypes = "every dtype";
  let method = 1;
}

#endif
