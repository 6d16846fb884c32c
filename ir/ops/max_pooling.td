// Maxima over windows: where they are, and the user's forms.
#ifndef WEFT_IR_OPS_MAX_POOLING_TD
#define WEFT_IR_OPS_MAX_POOLING_TD

include "ir/ops/pooling.td"

// windows: for each spatial dim its kernel; then for each stride, padding before and after, and dilation. Without any the windows cover
// their dims in `output_sizes` parts: part i of n goes from i * size / n, rounded down, to (i + 1) * size / n, rounded up.
def MaxPoolPositions : Structured<"max_pool_positions", (ins Weft_Tensor:$x)> {
  let example = "max_pool1d_with_indices(tensor({1.f, 3.f, 2.f}).reshape({1, 1, 3}), 2, 1).indices";
  let gives = "[[[1, 1]]] i64[1, 1, 2]";
  let isOurs = 1;
  let summary = "the number, in row-major order of the spatial dims, of the greatest element that each window sees";
  let description = "Of equal elements that of the first; NaN is the greatest, and of several the last counts.";
  let structure = ["windows"];
  let sizes = ["output_sizes"];
  let domain = Number;
  let result = IndexDType;
  let differentiable = 0;
  let api = 0;
  let method = 0;
  let shapes = "x [..., sizes...] gives [..., places...] for 1 to 3 spatial dims";
}

//===--- Windows --------------------------------------------------------------------------------===//

class MaxPool<string mnemonic, string dims> : PoolForm<mnemonic, [KernelParam, StrideParam, Param<"const Dims&", "padding", "0">,
    Param<"const Dims&", "dilation", "1">, CeilParam]> {
  let summary = "the greatest element that each window sees, over " # dims # "; padding is never it";
  let dtypes = "all but bool";
  let gradient = "to the element whose number `with_indices` returns";
}
class MaxPoolIndices<string mnemonic, string dims> : MaxPool<mnemonic, dims> {
  let summary = "maxima of windows over " # dims # ", and their numbers in row-major order of the spatial dims";
  let returns = "ValuesAndIndices";
}
def MaxPool1d : MaxPool<"max_pool1d", "one dim"> {
  let example = "max_pool1d(tensor({1.f, 3.f, 2.f, 0.f}).reshape({1, 1, 4}), 2)";
  let gives = "[[[3., 2.]]] f32[1, 1, 2]";
}
def MaxPool2d : MaxPool<"max_pool2d", "two dims"> {
  let example = "max_pool2d(arange(4).reshape({1, 1, 2, 2}), 2)";
  let gives = "[[[[3]]]] i64[1, 1, 1, 1]";
}
def MaxPool3d : MaxPool<"max_pool3d", "three dims"> {
  let example = "max_pool3d(arange(4).reshape({1, 1, 1, 2, 2}), {1, 2, 2})";
  let gives = "[[[[[3]]]]] i64[1, 1, 1, 1, 1]";
}
def MaxPool1dIndices : MaxPoolIndices<"max_pool1d_with_indices", "one dim"> {
  let example = "max_pool1d_with_indices(tensor({1.f, 3.f, 2.f, 0.f}).reshape({1, 1, 4}), 2).indices";
  let gives = "[[[1, 2]]] i64[1, 1, 2]";
}
def MaxPool2dIndices : MaxPoolIndices<"max_pool2d_with_indices", "two dims"> {
  let example = "max_pool2d_with_indices(arange(4).reshape({1, 1, 2, 2}), 2).indices";
  let gives = "[[[[3]]]] i64[1, 1, 1, 1]";
}
def MaxPool3dIndices : MaxPoolIndices<"max_pool3d_with_indices", "three dims"> {
  let example = "max_pool3d_with_indices(arange(4).reshape({1, 1, 1, 2, 2}), {1, 2, 2}).indices";
  let gives = "[[[[[3]]]]] i64[1, 1, 1, 1, 1]";
}

//===--- Parts ----------------------------------------------------------------------------------===//

class AdaptiveMax<string mnemonic, string dims> : AdaptivePool<mnemonic> {
  let summary = "maxima over the parts of " # dims;
}
class AdaptiveMaxIndices<string mnemonic, string dims> : AdaptivePool<mnemonic> {
  let summary = "maxima over the parts of " # dims # ", and their numbers in row-major order of the spatial dims";
  let returns = "ValuesAndIndices";
}
def AdaptiveMaxPool1d : AdaptiveMax<"adaptive_max_pool1d", "one dim"> {
  let example = "adaptive_max_pool1d(tensor({1.f, 2.f, 6.f}).reshape({1, 1, 3}), 2)";
  let gives = "[[[2., 6.]]] f32[1, 1, 2]";
}
def AdaptiveMaxPool2d : AdaptiveMax<"adaptive_max_pool2d", "two dims"> {
  let example = "adaptive_max_pool2d(arange(4).to(f32).reshape({1, 1, 2, 2}), 1)";
  let gives = "[[[[3.]]]] f32[1, 1, 1, 1]";
}
def AdaptiveMaxPool3d : AdaptiveMax<"adaptive_max_pool3d", "three dims"> {
  let example = "adaptive_max_pool3d(arange(4).to(f32).reshape({1, 1, 1, 2, 2}), 1)";
  let gives = "[[[[[3.]]]]] f32[1, 1, 1, 1, 1]";
}
def AdaptiveMaxPool1dIndices : AdaptiveMaxIndices<"adaptive_max_pool1d_with_indices", "one dim"> {
  let example = "adaptive_max_pool1d_with_indices(tensor({1.f, 2.f, 6.f}).reshape({1, 1, 3}), 2).indices";
  let gives = "[[[1, 2]]] i64[1, 1, 2]";
}
def AdaptiveMaxPool2dIndices : AdaptiveMaxIndices<"adaptive_max_pool2d_with_indices", "two dims"> {
  let example = "adaptive_max_pool2d_with_indices(arange(4).to(f32).reshape({1, 1, 2, 2}), 1).indices";
  let gives = "[[[[3]]]] i64[1, 1, 1, 1]";
}
def AdaptiveMaxPool3dIndices : AdaptiveMaxIndices<"adaptive_max_pool3d_with_indices", "three dims"> {
  let example = "adaptive_max_pool3d_with_indices(arange(4).to(f32).reshape({1, 1, 1, 2, 2}), 1).indices";
  let gives = "[[[[[3]]]]] i64[1, 1, 1, 1, 1]";
}

#endif
