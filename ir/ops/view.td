// Views: metadata only. The user's forms (reshape, transpose, indexing) are composites over these.
#ifndef WEFT_IR_OPS_VIEW_TD
#define WEFT_IR_OPS_VIEW_TD

include "ir/ops/base.td"

def ViewAs : View<"view"> {
  let example = "reshape(arange(4), {2, 2})";
  let gives = "[[0, 1], [2, 3]] i64[2, 2]";
  let summary = "the same elements in row-major order under another shape";
  let sizes = ["shape"];
  let shapes = "as many elements; dims that merge must be adjacent in memory";
  let index = "the element with the same row-major number";
}
def Permute : View<"permute"> {
  let example = "permute(arange(4).reshape({2, 2}), {1, 0})";
  let gives = "[[0, 2], [1, 3]] i64[2, 2]";
  let summary = "dims in another order";
  let structure = ["dims"];
  let shapes = "result dim k has the size of dim dims[k]";
  let index = "index[dims[k]] of the operand is index[k]";
}
def Slice : View<"slice"> {
  let example = "slice(arange(5), 0, 1, 4, 2)";
  let gives = "[1, 3] i64[2]";
  let summary = "every step-th element of one dim, from start on";
  let structure = ["dim"];
  let sizes = ["start", "length", "step"];
  let shapes = "dim `dim` has size length";
  let index = "start + step * index along the dim";
}
def Expand : View<"expand"> {
  let example = "expand(arange(2), {2, 2})";
  let gives = "[[0, 1], [0, 1]] i64[2, 2]";
  let summary = "dims of size 1 repeated, new dims in front";
  let sizes = ["shape"];
  let shapes = "each dim is 1 or the result's, aligned at the last";
  let index = "0 along repeated dims";
}
def StridedView : View<"strided_view"> {
  let example = "as_strided(arange(4), {3, 2}, {1, 1})";
  let gives = "[[0, 1], [1, 2], [2, 3]] i64[3, 2]";
  let isOurs = 1;
  let summary = "elements of a list from offset on, `strides` apart along the dims of `shape`; the same one may be seen many times";
  let sizes = ["offset", "shape", "strides"];
  let shapes = "`shape`; the operand has one dim";
  let index = "offset + the sum of index * stride over the dims";
}

#endif
