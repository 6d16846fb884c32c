// More composites of networks: random activations and dropout, bags of embeddings, pooling by powers and back, sampling of images.
#ifndef WEFT_IR_OPS_NETWORK_FORMS_TD
#define WEFT_IR_OPS_NETWORK_FORMS_TD

include "ir/ops/max_pooling.td"
include "ir/ops/networks.td"

//===--- Random layers ----------------------------------------------------------------------------------===//

def Rrelu : Network<"rrelu", [TensorParam, Param<"double", "lower", "0.125">, Param<"double", "upper", "0.3333333333333333">,
    Param<"bool", "training", "false">]> {
  let summary = "x where it is not negative, else x times a slope: a random one of lower .. upper in training, else the one in the middle";
  let example = "rrelu(tensor({-1.f, 2.f}), 0.25, 0.75)";
  let gives = "[-0.5000, 2.0000] f32[2]";
  let shapes = "that of x";
  let method = 1;
  let inPlace = 1;
}
def GumbelSoftmax : Network<"gumbel_softmax", [Param<"const Arg&", "logits">, Param<"double", "tau", "1">, Param<"bool", "hard", "false">,
    Param<"double", "eps", "1e-10">, Param<"int64_t", "dim", "-1">]> {
  let summary = "softmax of logits with random numbers of the Gumbel distribution added, divided by tau";
  let description = "With `hard` the greatest becomes 1 and the others 0, with the gradient of the soft ones. eps counts for nothing. Jang, Gu and Poole, 2017.";
  let example = "gumbel_softmax(tensor({0.f, 1000.f}))";
  let gives = "[0., 1.] f32[2]";
  let shapes = "that of logits";
}
class AlphaDropoutForm<string mnemonic> : Network<mnemonic, [TensorParam, Param<"double", "p", "0.5">, Param<"bool", "training", "false">]> {
  let description = "What is dropped becomes selu's limit, and all is scaled and shifted so that mean and variance stay. Klambauer et al., 2017.";
  let shapes = "that of x";
}
def AlphaDropout : AlphaDropoutForm<"alpha_dropout"> {
  let summary = "dropout that keeps the mean 0 and the variance 1 of what selu gives";
  let example = "alpha_dropout(ones({2}), 0.5)";
  let gives = "[1., 1.] f32[2]";
  let inPlace = 1;
}
def FeatureAlphaDropout : AlphaDropoutForm<"feature_alpha_dropout"> {
  let summary = "alpha_dropout of whole channels";
  let example = "feature_alpha_dropout(ones({1, 2}), 0.5)";
  let gives = "[[1., 1.]] f32[1, 2]";
  let shapes = "that of x, which is [N, C, ...]";
  let inPlace = 1;
}
def FeatureDropoutForm : Network<"feature_dropout", [TensorParam, Param<"double", "p", "0.5">, Param<"bool", "training", "true">]> {
  let summary = "x with channels replaced by 0 with probability p, the others divided by 1 - p";
  let example = "feature_dropout(ones({1, 2}), 0)";
  let gives = "[[1., 1.]] f32[1, 2]";
  let shapes = "that of x, which is [N, C, ...]";
  let inPlace = 1;
}

//===--- Embeddings -------------------------------------------------------------------------------------===//

def EmbeddingBag : Composite<"embedding_bag", [Param<"const Tensor&", "input">, Param<"const Tensor&", "weight">, Param<"const Tensor&", "offsets", "{}">,
    Param<"std::string_view", "mode", "\"mean\"">, Param<"const Tensor&", "per_sample_weights", "{}">, Param<"bool", "include_last_offset", "false">,
    Param<"std::optional<int64_t>", "padding_idx", "std::nullopt">, Param<"std::optional<double>", "max_norm", "std::nullopt">,
    Param<"double", "norm_type", "2">]> {
  let summary = "sums, means or maxima of the rows of weight that the bags of input name; an empty bag gives 0";
  let description = "mode is \"sum\", \"mean\" or \"max\". A bag is a row of input, or for a list what lies between an offset and the next; with include_last_offset the last offset ends the last bag. Rows padding_idx count for nothing. per_sample_weights are factors of the rows, for sums. Rows that input names and whose norm is above max_norm are first scaled down to it, in weight itself.";
  let example = "embedding_bag(tensor({{0, 1}}), tensor({{1.f}, {3.f}}))";
  let gives = "[[2.]] f32[1, 1]";
  let shapes = "input [B, N], or [N] with offsets [B], and weight [rows, columns] give [B, columns]";
  let dtypes = "floating; input and offsets integers";
}

//===--- Pooling ----------------------------------------------------------------------------------------===//

class LpPool<string mnemonic, string dims> : Composite<mnemonic, [TensorParam, Param<"double", "norm_type">, KernelParam, StrideParam, CeilParam]> {
  let summary = "the root of the sum of the powers of what each window sees, over " # dims;
  let description = "Numbers are one, or one a dim. The stride is kernel_size unless given.";
  let formula = "sum(x^norm_type)^(1 / norm_type)";
  let shapes = "x [N, C, sizes...] or [C, sizes...]; (size - kernel_size) / stride + 1 places, rounded up where ceil_mode";
  let dtypes = "floating";
}
def LpPool1d : LpPool<"lp_pool1d", "one dim"> {
  let example = "lp_pool1d(tensor({3.f, 4.f, 0.f, 1.f}).reshape({1, 1, 4}), 2, 2)";
  let gives = "[[[5., 1.]]] f32[1, 1, 2]";
}
def LpPool2d : LpPool<"lp_pool2d", "two dims"> {
  let example = "lp_pool2d(ones({1, 1, 2, 2}), 2, 2)";
  let gives = "[[[[2.]]]] f32[1, 1, 1, 1]";
}
def LpPool3d : LpPool<"lp_pool3d", "three dims"> {
  let example = "lp_pool3d(ones({1, 1, 1, 2, 2}), 2, {1, 2, 2})";
  let gives = "[[[[[2.]]]]] f32[1, 1, 1, 1, 1]";
}

class MaxUnpool<string mnemonic, string dims> : Composite<mnemonic, [TensorParam, Param<"const Tensor&", "indices">, KernelParam, StrideParam,
    Param<"const Dims&", "padding", "0">, Param<"const Dims&", "output_size", "{}">]> {
  let summary = "zeros with the maxima of a pooling over " # dims # " at the positions that it gave";
  let description = "Numbers are one, or one a dim. The stride is kernel_size unless given. output_size, of the spatial dims or of all, decides between the sizes that pool to those of x.";
  let shapes = "x and indices [N, C, sizes...] or [C, sizes...]; (size - 1) stride - 2 padding + kernel_size places unless output_size is given";
  let dtypes = "every dtype; indices i64";
}
def MaxUnpool1d : MaxUnpool<"max_unpool1d", "one dim"> {
  let example = "max_unpool1d(tensor({5.f}).reshape({1, 1, 1}), tensor({1}).reshape({1, 1, 1}), 2)";
  let gives = "[[[0., 5.]]] f32[1, 1, 2]";
}
def MaxUnpool2d : MaxUnpool<"max_unpool2d", "two dims"> {
  let example = "max_unpool2d(tensor({5.f}).reshape({1, 1, 1, 1}), tensor({3}).reshape({1, 1, 1, 1}), 2)";
  let gives = "[[[[0., 0.], [0., 5.]]]] f32[1, 1, 2, 2]";
}
def MaxUnpool3d : MaxUnpool<"max_unpool3d", "three dims"> {
  let example = "max_unpool3d(tensor({5.f}).reshape({1, 1, 1, 1, 1}), tensor({1}).reshape({1, 1, 1, 1, 1}), {1, 1, 2})";
  let gives = "[[[[[0., 5.]]]]] f32[1, 1, 1, 1, 2]";
}

//===--- Images -----------------------------------------------------------------------------------------===//

def Upsample : Composite<"upsample", [TensorParam, Param<"const Dims&", "size", "{}">, Param<"const std::vector<double>&", "scale_factor", "{}">,
    Param<"std::string_view", "mode", "\"nearest\"">, Param<"bool", "align_corners", "false">]> {
  let summary = "an image of another size; interpolate under an older name";
  let example = "upsample(tensor({0.f, 2.f}).reshape({1, 1, 2}), {4})";
  let gives = "[[[0., 0., 2., 2.]]] f32[1, 1, 4]";
  let shapes = "x [N, C, sizes...] of 1 to 3 spatial dims";
  let dtypes = "floating; nearest every dtype";
}
def AffineGrid : Composite<"affine_grid", [Param<"const Arg&", "theta">, Param<"const Shape&", "size">, Param<"bool", "align_corners", "false">]> {
  let summary = "the places that affine maps send the pixels of an image of that size to, for grid_sample";
  let description = "Coordinates are -1 .. 1 from edge to edge, or with align_corners from the centre of the first pixel to that of the last; x comes first.";
  let example = "affine_grid(tensor({1.f, 0.f, 0.f, 0.f, 1.f, 0.f}).reshape({1, 2, 3}), {1, 1, 1, 2})";
  let gives = "[[[[-0.5000, 0.0000], [ 0.5000, 0.0000]]]] f32[1, 1, 2, 2]";
  let shapes = "theta [N, 2, 3] and size [N, C, H, W] give [N, H, W, 2]; theta [N, 3, 4] and [N, C, D, H, W] give [N, D, H, W, 3]";
  let dtypes = "floating";
}
def GridSample : Composite<"grid_sample", [TensorParam, Param<"const Tensor&", "grid">, Param<"std::string_view", "mode", "\"bilinear\"">,
    Param<"std::string_view", "padding_mode", "\"zeros\"">, Param<"bool", "align_corners", "false">]> {
  let summary = "the elements of images at places between pixels";
  let description = "Places are as affine_grid gives them. mode is \"bilinear\", \"nearest\" or, of two spatial dims, \"bicubic\". Beyond the image are \"zeros\", its \"border\", or its \"reflection\". NaN counts as -1.";
  let example = "grid_sample(tensor({1.f, 3.f}).reshape({1, 1, 1, 2}), zeros({1, 1, 1, 2}))";
  let gives = "[[[[2.]]]] f32[1, 1, 1, 1]";
  let shapes = "x [N, C, H, W] and grid [N, h, w, 2] give [N, C, h, w]; x [N, C, D, H, W] and grid [N, d, h, w, 3] give [N, C, d, h, w]";
  let dtypes = "floating, one for x and grid";
}

#endif
