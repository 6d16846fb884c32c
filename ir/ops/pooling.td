// Averages over windows and parts, and what all forms of pooling share.
#ifndef WEFT_IR_OPS_POOLING_TD
#define WEFT_IR_OPS_POOLING_TD

include "ir/ops/composite.td"

def KernelParam : Param<"const Dims&", "kernel_size">;
def StrideParam : Param<"const Dims&", "stride", "{}">;
def CeilParam : Param<"bool", "ceil_mode", "false">;

class PoolForm<string mnemonic, list<Param> parameters> : Composite<mnemonic, !listconcat([TensorParam], parameters)> {
  let shapes = "x [N, C, sizes...] or [C, sizes...]; (size + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1 places, rounded up where ceil_mode";
  let description = "Numbers are one, or one a dim. The stride is kernel_size unless given; padding is at most half of it.";
  let dtypes = "floating";
}
//===--- Averages -------------------------------------------------------------------------------===//

class AvgPool<string mnemonic, string dims, list<Param> more> : PoolForm<mnemonic, !listconcat([KernelParam, StrideParam,
    Param<"const Dims&", "padding", "0">, CeilParam, Param<"bool", "count_include_pad", "true">], more)> {
  let summary = "the mean of what each window sees, over " # dims;
  let description = "Numbers are one, or one a dim. The stride is kernel_size unless given; padding is at most half of it, and its zeros count unless count_include_pad is off.";
}
def DivisorParam : Param<"std::optional<int64_t>", "divisor_override", "std::nullopt">;
def AvgPool1d : AvgPool<"avg_pool1d", "one dim", []> {
  let example = "avg_pool1d(tensor({1.f, 3.f, 2.f, 0.f}).reshape({1, 1, 4}), 2)";
  let gives = "[[[2., 1.]]] f32[1, 1, 2]";
}
def AvgPool2d : AvgPool<"avg_pool2d", "two dims", [DivisorParam]> {
  let example = "avg_pool2d(ones({1, 1, 2, 2}), 2, 2, 1)";
  let gives = "[[[[0.2500, 0.2500], [0.2500, 0.2500]]]] f32[1, 1, 2, 2]";
}
def AvgPool3d : AvgPool<"avg_pool3d", "three dims", [DivisorParam]> {
  let example = "avg_pool3d(ones({1, 1, 2, 2, 2}), 2)";
  let gives = "[[[[[1.]]]]] f32[1, 1, 1, 1, 1]";
}

//===--- Parts ----------------------------------------------------------------------------------===//

class AdaptivePool<string mnemonic> : Composite<mnemonic, [TensorParam, Param<"const Dims&", "output_size">]> {
  let description = "One number, or one a dim; -1 keeps the size that x has. Part i of n goes from i * size / n, rounded down, to (i + 1) * size / n, rounded up.";
  let shapes = "x [N, C, sizes...] or [C, sizes...]; the spatial dims become output_size";
  let dtypes = "floating";
}
class AdaptiveAvg<string mnemonic, string dims> : AdaptivePool<mnemonic> {
  let summary = "means over the parts of " # dims;
}
def AdaptiveAvgPool1d : AdaptiveAvg<"adaptive_avg_pool1d", "one dim"> {
  let example = "adaptive_avg_pool1d(tensor({1.f, 2.f, 6.f}).reshape({1, 1, 3}), 2)";
  let gives = "[[[1.5000, 4.0000]]] f32[1, 1, 2]";
}
def AdaptiveAvgPool2d : AdaptiveAvg<"adaptive_avg_pool2d", "two dims"> {
  let example = "adaptive_avg_pool2d(ones({1, 1, 3, 3}), 1)";
  let gives = "[[[[1.]]]] f32[1, 1, 1, 1]";
}
def AdaptiveAvgPool3d : AdaptiveAvg<"adaptive_avg_pool3d", "three dims"> {
  let example = "adaptive_avg_pool3d(ones({1, 1, 3, 3, 3}), 1)";
  let gives = "[[[[[1.]]]]] f32[1, 1, 1, 1, 1]";
}
//===--- Beside pooling -------------------------------------------------------------------------===//

def LocalResponseNorm : Composite<"local_response_norm", [TensorParam, Param<"int64_t", "size">, Param<"double", "alpha", "1e-4">,
    Param<"double", "beta", "0.75">, Param<"double", "k", "1">]> {
  let summary = "x divided by a power of the mean square of `size` neighbouring channels";
  let description = "Krizhevsky et al., ImageNet classification with deep convolutional neural networks, 2012.";
  let example = "local_response_norm(ones({1, 1, 1}), 1, 3)";
  let gives = "[[[0.3536]]] f32[1, 1, 1]";
  let formula = "x / (k + alpha * mean of x^2 over channels c - size / 2 .. c + (size - 1) / 2)^beta";
  let shapes = "that of x [N, C, ...]";
  let dtypes = "floating";
}

#endif
