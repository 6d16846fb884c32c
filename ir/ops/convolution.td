// Convolution: the op, its two gradients, each of which is made of the other two, and the user's forms.
#ifndef WEFT_IR_OPS_CONVOLUTION_TD
#define WEFT_IR_OPS_CONVOLUTION_TD

include "ir/ops/composite.td"

//===--- Ops ------------------------------------------------------------------------------------===//

// windows: for each spatial dim stride, padding before and after, and dilation.
class ConvolutionOp<string mnemonic, dag tensors> : Structured<mnemonic, tensors> {
  let structure = ["groups", "windows"];
  let domain = Number;
  let api = 0;
  let method = 0;
}
def Convolution : ConvolutionOp<"convolution", (ins Weft_Tensor:$x, Weft_Tensor:$weight)> {
  let example = "conv1d(tensor({1.f, 2.f, 4.f}).reshape({1, 1, 3}), ones({1, 1, 2}))";
  let gives = "[[[3., 6.]]] f32[1, 1, 2]";
  let isOurs = 1;
  let summary = "sums over the windows of x, each weighted by the weights of an output channel";
  let shapes = "x [N, C, sizes...] and weight [O, C / groups, kernel...] give [N, O, places...] for 1 to 3 spatial dims";
  let reads = ["weight", "x"];
  let lowers = 1;
  let formula = "y[n, o, i] = sum over c, t of x[n, c, i * stride + t * dilation - padding] * weight[o, c, t]";
}
def ConvolutionInput : ConvolutionOp<"convolution_input", (ins Weft_Tensor:$dy, Weft_Tensor:$weight)> {
  let example = "conv_transpose1d(ones({1, 1, 2}), ones({1, 1, 2}))";
  let gives = "[[[1., 2., 1.]]] f32[1, 1, 3]";
  let isOurs = 1;
  let summary = "gradient of convolution with respect to x, which is the transposed convolution of dy";
  let sizes = ["input_sizes"];
  let shapes = "dy [N, O, places...] and weight [O, C / groups, kernel...] give [N, C, input_sizes...]";
  let reads = ["weight", "dy"];
}
def ConvolutionWeight : ConvolutionOp<"convolution_weight", (ins Weft_Tensor:$dy, Weft_Tensor:$x)> {
  let example = "Tensor w = ones({1, 1, 2}).requires_grad_(); conv1d(tensor({1.f, 2.f, 4.f}).reshape({1, 1, 3}), w).sum().backward(); w.grad()";
  let gives = "[[[3., 6.]]] f32[1, 1, 2]";
  let isOurs = 1;
  let summary = "gradient of convolution with respect to the weight";
  let sizes = ["kernel_sizes"];
  let shapes = "dy [N, O, places...] and x [N, C, sizes...] give [O, C / groups, kernel_sizes...]";
  let reads = ["x", "dy"];
}

//===--- The user's forms -----------------------------------------------------------------------===//

class ConvolutionForm<string mnemonic, string dims> : Composite<mnemonic, [TensorParam, Param<"const Tensor&", "weight">,
    Param<"const Tensor&", "bias", "{}">, Param<"const Dims&", "stride", "1">, Param<"const Padding&", "padding", "0">,
    Param<"const Dims&", "dilation", "1">, Param<"int64_t", "groups", "1">]> {
  let summary = "convolution over " # dims;
  let description = "stride, padding and dilation are one number or one a dim. \"valid\" pads nothing, \"same\" as much as keeps the sizes, for a stride of 1. Output channel group g sees input channel group g alone. x may lack the dim of samples.";
  let shapes = "x [N, C, sizes...], weight [O, C / groups, kernel...] and bias [O] give [N, O, (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1, ...]";
  let formula = "y[n, o, i] = bias[o] + sum over c, t of x[n, c, i * stride + t * dilation - padding] * weight[o, c, t]";
  let dtypes = "all but bool, one for all operands";
}
def Conv1d : ConvolutionForm<"conv1d", "one dim"> {
  let example = "conv1d(tensor({1.f, 2.f, 3.f}).reshape({1, 1, 3}), ones({1, 1, 2}))";
  let gives = "[[[3., 5.]]] f32[1, 1, 2]";
}
def Conv2d : ConvolutionForm<"conv2d", "two dims"> {
  let example = "conv2d(ones({1, 1, 2, 2}), ones({1, 1, 3, 3}), {}, 1, \"same\")";
  let gives = "[[[[4., 4.], [4., 4.]]]] f32[1, 1, 2, 2]";
}
def Conv3d : ConvolutionForm<"conv3d", "three dims"> {
  let example = "conv3d(ones({1, 1, 2, 2, 2}), ones({1, 1, 2, 2, 2}))";
  let gives = "[[[[[8.]]]]] f32[1, 1, 1, 1, 1]";
}

class TransposedForm<string mnemonic, string dims> : Composite<mnemonic, [TensorParam, Param<"const Tensor&", "weight">,
    Param<"const Tensor&", "bias", "{}">, Param<"const Dims&", "stride", "1">, Param<"const Dims&", "padding", "0">,
    Param<"const Dims&", "output_padding", "0">, Param<"int64_t", "groups", "1">, Param<"const Dims&", "dilation", "1">]> {
  let summary = "transposed convolution over " # dims # ": the gradient of a convolution with respect to its input";
  let description = "output_padding, below stride or dilation, chooses among the sizes that the convolution takes to x's. x may lack the dim of samples.";
  let shapes = "x [N, C, sizes...], weight [C, O / groups, kernel...] and bias [O] give [N, O, (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1, ...]";
  let dtypes = "all but bool, one for all operands";
}
def ConvTranspose1d : TransposedForm<"conv_transpose1d", "one dim"> {
  let example = "conv_transpose1d(tensor({1.f, 2.f}).reshape({1, 1, 2}), ones({1, 1, 2}))";
  let gives = "[[[1., 3., 2.]]] f32[1, 1, 3]";
}
def ConvTranspose2d : TransposedForm<"conv_transpose2d", "two dims"> {
  let example = "conv_transpose2d(ones({1, 1, 1, 2}), ones({1, 1, 1, 2}), {}, 2)";
  let gives = "[[[[1., 1., 1., 1.]]]] f32[1, 1, 1, 4]";
}
def ConvTranspose3d : TransposedForm<"conv_transpose3d", "three dims"> {
  let example = "conv_transpose3d(ones({1, 1, 1, 1, 1}), ones({1, 1, 1, 1, 2}))";
  let gives = "[[[[[1., 1.]]]]] f32[1, 1, 1, 1, 2]";
}

#endif
