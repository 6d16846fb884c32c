// Composites that make tensors from numbers or from the sizes of others: grids, indices, combinations, matrices of blocks.
#ifndef WEFT_IR_OPS_SOURCES_TD
#define WEFT_IR_OPS_SOURCES_TD

include "ir/ops/composite.td"

def DeviceParam : Param<"std::optional<Device>", "device", "std::nullopt">;
def TensorsParam : Param<"const std::vector<Tensor>&", "tensors">;

//===--- From numbers ---------------------------------------------------------------------------------===//

def EmptyLike : Composite<"empty_like", [TensorParam, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "a tensor of unspecified elements with the shape of x, and its dtype unless another is given";
  let example = "empty_like(tensor({1, 2})).fill_(7)";
  let gives = "[7, 7] i64[2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let gradient = "none";
}
def Eye : Composite<"eye", [Param<"int64_t", "n">, Param<"DType", "dtype", "f32">, DeviceParam]> {
  let summary = "the identity matrix";
  let example = "eye(2)";
  let gives = "[[1., 0.], [0., 1.]] f32[2, 2]";
  let shapes = "[n, n]";
  let dtypes = "every dtype";
  let gradient = "none";
}
def EyeOfSizes : Composite<"eye", [Param<"int64_t", "n">, Param<"int64_t", "m">, Param<"DType", "dtype", "f32">, DeviceParam]> {
  let summary = "a matrix of ones on the main diagonal and zeros elsewhere";
  let example = "eye(2, 3, i64)";
  let gives = "[[1, 0, 0], [0, 1, 0]] i64[2, 3]";
  let shapes = "[n, m]";
  let dtypes = "every dtype";
  let gradient = "none";
}
def Logspace : Composite<"logspace", [Param<"double", "start">, Param<"double", "end">, Param<"int64_t", "steps">, Param<"double", "base", "10">,
    Param<"DType", "dtype", "f32">, DeviceParam]> {
  let summary = "the powers of base whose exponents are `steps` numbers at equal distances from start to end, both included";
  let example = "logspace(0, 2, 3)";
  let gives = "[ 1., 10., 100.] f32[3]";
  let shapes = "[steps]";
  let dtypes = "f32 f64 bf16 f16";
  let gradient = "none";
}

class TriangleIndices<string mnemonic> : Composite<mnemonic, [Param<"int64_t", "row">, Param<"int64_t", "col">, Param<"int64_t", "offset", "0">,
    Param<"DType", "dtype", "i64">, DeviceParam]> {
  let shapes = "[2, n] for n such elements of a matrix [row, col]";
  let dtypes = "i64 i32";
  let gradient = "none";
}
def TrilIndices : TriangleIndices<"tril_indices"> {
  let summary = "rows and columns of the elements up to a diagonal, row by row";
  let example = "tril_indices(2, 2)";
  let gives = "[[0, 1, 1], [0, 0, 1]] i64[2, 3]";
}
def TriuIndices : TriangleIndices<"triu_indices"> {
  let summary = "rows and columns of the elements from a diagonal on, row by row";
  let example = "triu_indices(2, 2)";
  let gives = "[[0, 0, 1], [0, 1, 1]] i64[2, 3]";
}

//===--- From tensors ---------------------------------------------------------------------------------===//

def BroadcastTensors : Composite<"broadcast_tensors", [TensorsParam]> {
  let summary = "views of the tensors, all of the shape that they broadcast to";
  let returns = "std::vector<Tensor>";
  let example = "broadcast_tensors({tensor({1, 2}), tensor({{3}, {4}})})[1]";
  let gives = "[[3, 3], [4, 4]] i64[2, 2]";
  let shapes = "operands broadcast to the results' shape";
  let dtypes = "every dtype";
}
def Meshgrid : Composite<"meshgrid", [TensorsParam, Param<"std::string_view", "indexing", "\"ij\"">]> {
  let summary = "the coordinates of a grid: views of the tensors, each repeated along the dims of the others";
  let description = "With indexing \"xy\" the first two dims change places.";
  let returns = "std::vector<Tensor>";
  let example = "meshgrid({tensor({1, 2}), tensor({3, 4})})[0]";
  let gives = "[[1, 1], [2, 2]] i64[2, 2]";
  let shapes = "[n] or [] each; the results have a dim for each tensor, of its number of elements";
  let dtypes = "every dtype, one for all tensors";
}
def CartesianProd : Composite<"cartesian_prod", [TensorsParam]> {
  let summary = "every choice of an element of each tensor, a row each; the last one changes fastest";
  let example = "cartesian_prod({tensor({1, 2}), tensor({3, 4})})";
  let gives = "[[1, 3], [1, 4], [2, 3], [2, 4]] i64[4, 2]";
  let shapes = "n tensors of one dim give [product of their sizes, n]; one tensor is what it is";
  let dtypes = "every dtype, one for all tensors";
}
def Combinations : Composite<"combinations", [TensorParam, Param<"int64_t", "r", "2">, Param<"bool", "with_replacement", "false">]> {
  let summary = "every choice of r elements, in their order, a row each";
  let example = "combinations(tensor({1, 2, 3}))";
  let gives = "[[1, 2], [1, 3], [2, 3]] i64[3, 2]";
  let shapes = "[n] gives [n choose r, r]";
  let dtypes = "every dtype";
  let method = 1;
}
def BlockDiag : Composite<"block_diag", [TensorsParam]> {
  let summary = "a matrix with the tensors along its diagonal, zeros elsewhere";
  let example = "block_diag({tensor({{1, 2}}), tensor(3)})";
  let gives = "[[1, 2, 0], [0, 0, 3]] i64[2, 3]";
  let shapes = "sizes add up; [n] counts as [1, n], [] as [1, 1]";
  let dtypes = "every dtype, promoted to one";
}

#endif
