// More forms of shapes, pieces and stacks, by the names that NumPy and PyTorch have for them.
#ifndef WEFT_IR_OPS_SHAPE_FORMS_TD
#define WEFT_IR_OPS_SHAPE_FORMS_TD

include "ir/ops/sources.td"

class ShapeForm<string mnemonic, list<Param> more = []> : Composite<mnemonic, !listconcat([TensorParam], more)> {
  let dtypes = "every dtype";
  let method = 1;
}

//===--- Views ------------------------------------------------------------------------------------------===//

def TransposedMatrix : ShapeForm<"t"> {
  let summary = "a view of a matrix with rows and columns exchanged; a tensor of less dims is what it is";
  let example = "t(tensor({{1, 2}}))";
  let gives = "[[1], [2]] i64[2, 1]";
  let shapes = "[n, m] gives [m, n]";
  let rebinds = 1;
}
def AsStrided : ShapeForm<"as_strided", [Param<"const Shape&", "size">, Param<"const Dims&", "stride">,
    Param<"std::optional<int64_t>", "storage_offset", "std::nullopt">]> {
  let summary = "a view of the memory of x: elements `stride` apart along the dims of `size`, the first one at storage_offset";
  let description = "Strides and offset count elements. Several indices may show one element; such a view is read, not written to. x must fill its memory without gaps, in any order of its dims, and all elements must be x's: take the view of a whole tensor, not of a slice of its columns. Compiled regions that write through the view run eagerly.";
  let example = "as_strided(arange(4), {3, 2}, {1, 1})";
  let gives = "[[0, 1], [1, 2], [2, 3]] i64[3, 2]";
  let shapes = "`size`";
  let rebinds = 1;
}
def Moveaxis : ShapeForm<"moveaxis", [Param<"const Dims&", "source">, Param<"const Dims&", "destination">]> {
  let summary = "a view with dims at other places, the rest in order; movedim under NumPy's name";
  let example = "moveaxis(zeros({1, 2, 3}), 0, 2)";
  let gives = "[[[0.], [0.], [0.]], [[0.], [0.], [0.]]] f32[2, 3, 1]";
  let shapes = "dim source[k] comes to destination[k]";
}
def Swapdims : ShapeForm<"swapdims", [Param<"int64_t", "dim0">, Param<"int64_t", "dim1">]> {
  let summary = "a view with two dims exchanged; another name of transpose";
  let example = "swapdims(tensor({{1, 2}}), 0, 1)";
  let gives = "[[1], [2]] i64[2, 1]";
  let shapes = "the dims change places";
  let rebinds = 1;
}
def Ravel : ShapeForm<"ravel"> {
  let summary = "the elements in row-major order: a view where the memory layout allows it, else a copy";
  let example = "ravel(tensor({{1, 2}, {3, 4}}))";
  let gives = "[1, 2, 3, 4] i64[4]";
  let shapes = "[number of elements]";
}
def Unflatten : ShapeForm<"unflatten", [Param<"int64_t", "dim">, Param<"const Shape&", "sizes">]> {
  let summary = "dim `dim` as several, of which one size may be -1";
  let example = "unflatten(arange(4), 0, {2, -1})";
  let gives = "[[0, 1], [2, 3]] i64[2, 2]";
  let shapes = "[..., a b, ...] gives [..., a, b, ...]";
}
def AtLeast1d : ShapeForm<"atleast_1d"> {
  let summary = "a view of a 0-d tensor with one dim, any other as it is";
  let example = "atleast_1d(tensor(1))";
  let gives = "[1] i64[1]";
  let shapes = "[] gives [1]";
  let method = 0;
}
def AtLeast2d : ShapeForm<"atleast_2d"> {
  let summary = "a view with at least two dims: new ones come in front";
  let example = "atleast_2d(tensor({1, 2}))";
  let gives = "[[1, 2]] i64[1, 2]";
  let shapes = "[n] gives [1, n]";
  let method = 0;
}
def AtLeast3d : ShapeForm<"atleast_3d"> {
  let summary = "a view with at least three dims: of those of a list in the middle, else behind";
  let example = "atleast_3d(tensor({1, 2}))";
  let gives = "[[[1], [2]]] i64[1, 2, 1]";
  let shapes = "[n] gives [1, n, 1], [n, m] gives [n, m, 1]";
  let method = 0;
}

//===--- Diagonals --------------------------------------------------------------------------------------===//

def Diagflat : ShapeForm<"diagflat", [Param<"int64_t", "offset", "0">]> {
  let summary = "a matrix with the elements of x, in row-major order, on a diagonal";
  let example = "diagflat(tensor({{1}, {2}}))";
  let gives = "[[1, 0], [0, 2]] i64[2, 2]";
  let shapes = "n elements give a square of size n + |offset|";
}
def Trace : ShapeForm<"trace"> {
  let summary = "the sum of a matrix's main diagonal";
  let example = "trace(tensor({{1, 2}, {3, 4}}))";
  let gives = "5 i64[]";
  let shapes = "[n, m] gives []";
  let dtypes = "every dtype; integers and bool give i64";
}

//===--- Pieces -----------------------------------------------------------------------------------------===//

class Pieces<string mnemonic, list<Param> more> : ShapeForm<mnemonic, more> {
  let returns = "std::vector<Tensor>";
  let shapes = "that of x but for the dim";
}
def SectionsParam : Param<"int64_t", "sections">;
def IndicesParam : Param<"const std::vector<int64_t>&", "indices">;
def ZeroDimParam : Param<"int64_t", "dim", "0">;
def TensorSplit : Pieces<"tensor_split", [SectionsParam, ZeroDimParam]> {
  let summary = "`sections` views along a dim, the first ones longer by one where the size is no multiple";
  let example = "tensor_split(arange(5), 3)[1]";
  let gives = "[2, 3] i64[2]";
}
def TensorSplitAt : Pieces<"tensor_split", [IndicesParam, ZeroDimParam]> {
  let summary = "views along a dim that end where the next one starts: at the positions given";
  let example = "tensor_split(arange(5), std::vector<int64_t>{1, 3})[1]";
  let gives = "[1, 2] i64[2]";
}
class SplitAlong<string mnemonic, string dim> : Pieces<mnemonic, [SectionsParam]> {
  let summary = "`sections` views of one size along " # dim;
}
class SplitAlongAt<string mnemonic, string dim> : Pieces<mnemonic, [IndicesParam]> {
  let summary = "tensor_split at positions along " # dim;
}
def Hsplit : SplitAlong<"hsplit", "dim 1, or dim 0 of a list"> { let example = "hsplit(arange(4), 2)[1]"; let gives = "[2, 3] i64[2]"; }
def HsplitAt : SplitAlongAt<"hsplit", "dim 1, or dim 0 of a list"> { let example = "hsplit(arange(4), std::vector<int64_t>{1})[1]"; let gives = "[1, 2, 3] i64[3]"; }
def Vsplit : SplitAlong<"vsplit", "dim 0 of at least two"> { let example = "vsplit(tensor({{1}, {2}}), 2)[1]"; let gives = "[[2]] i64[1, 1]"; }
def VsplitAt : SplitAlongAt<"vsplit", "dim 0 of at least two"> { let example = "vsplit(tensor({{1}, {2}}), std::vector<int64_t>{1})[0]"; let gives = "[[1]] i64[1, 1]"; }
def Dsplit : SplitAlong<"dsplit", "dim 2 of at least three"> { let example = "dsplit(arange(2).reshape({1, 1, 2}), 2)[1]"; let gives = "[[[1]]] i64[1, 1, 1]"; }
def DsplitAt : SplitAlongAt<"dsplit", "dim 2 of at least three"> { let example = "dsplit(arange(2).reshape({1, 1, 2}), std::vector<int64_t>{1})[0]"; let gives = "[[[0]]] i64[1, 1, 1]"; }

//===--- Stacks -----------------------------------------------------------------------------------------===//

class StackForm<string mnemonic> : Composite<mnemonic, [TensorsParam]> {
  let shapes = "equal but for the dim along which sizes add up";
  let dtypes = "every dtype, promoted to one";
}
def Hstack : StackForm<"hstack"> {
  let summary = "tensors side by side: concatenated along dim 1, or dim 0 of lists";
  let example = "hstack({tensor({1}), tensor({2, 3})})";
  let gives = "[1, 2, 3] i64[3]";
}
def Vstack : StackForm<"vstack"> {
  let summary = "tensors one above the other: concatenated along dim 0, lists as rows";
  let example = "vstack({tensor({1, 2}), tensor({3, 4})})";
  let gives = "[[1, 2], [3, 4]] i64[2, 2]";
}
def RowStack : StackForm<"row_stack"> {
  let summary = "vstack under another name";
  let example = "row_stack({tensor({1, 2}), tensor({3, 4})})";
  let gives = "[[1, 2], [3, 4]] i64[2, 2]";
}
def Dstack : StackForm<"dstack"> {
  let summary = "tensors one behind the other: concatenated along dim 2 once they have three";
  let example = "dstack({tensor({1, 2}), tensor({3, 4})})";
  let gives = "[[[1, 3], [2, 4]]] i64[1, 2, 2]";
}
def ColumnStack : StackForm<"column_stack"> {
  let summary = "tensors side by side, lists as columns";
  let example = "column_stack({tensor({1, 2}), tensor({3, 4})})";
  let gives = "[[1, 3], [2, 4]] i64[2, 2]";
}

#endif
