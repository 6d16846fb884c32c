// Composites that move the elements of images: windows as columns, channels as pixels.
#ifndef WEFT_IR_OPS_IMAGES_TD
#define WEFT_IR_OPS_IMAGES_TD

include "ir/ops/composite.td"

class Columns<string mnemonic, list<Param> sizes> : Composite<mnemonic, !listconcat([TensorParam], sizes, [Param<"const Dims&", "kernel_size">,
    Param<"const Dims&", "dilation", "1">, Param<"const Dims&", "padding", "0">, Param<"const Dims&", "stride", "1">])> {
  let dtypes = "all but bool";
}
def Unfold : Columns<"unfold", []> {
  let summary = "what each window of an image sees, as a column";
  let example = "unfold(arange(4).reshape({1, 1, 2, 2}), {1, 2})";
  let gives = "[[[0, 2], [1, 3]]] i64[1, 2, 2]";
  let shapes = "x [N, C, H, W] gives [N, C * kernel elements, places]; x may lack the dim of samples";
}
def Fold : Columns<"fold", [Param<"const Dims&", "output_size">]> {
  let summary = "the sum of the columns of windows at their places in an image";
  let example = "fold(ones({1, 2, 2}), {1, 3}, {1, 2})";
  let gives = "[[[[1., 2., 1.]]]] f32[1, 1, 1, 3]";
  let shapes = "x [N, C * kernel elements, places] gives [N, C, output_size...]; x may lack the dim of samples";
}

class Shuffle<string mnemonic, Param factor> : Composite<mnemonic, [TensorParam, factor]> {
  let dtypes = "every dtype";
}
def PixelShuffle : Shuffle<"pixel_shuffle", Param<"int64_t", "upscale_factor">> {
  let summary = "groups of channels as pixels: r^2 channels become r rows and r columns";
  let example = "pixel_shuffle(arange(4).reshape({1, 4, 1, 1}), 2)";
  let gives = "[[[[0, 1], [2, 3]]]] i64[1, 1, 2, 2]";
  let shapes = "x [..., C * upscale_factor * upscale_factor, H, W] gives [..., C, H * upscale_factor, W * upscale_factor]";
}
def PixelUnshuffle : Shuffle<"pixel_unshuffle", Param<"int64_t", "downscale_factor">> {
  let summary = "pixels as groups of channels: the inverse of pixel_shuffle";
  let example = "pixel_unshuffle(arange(4).reshape({1, 1, 2, 2}), 2)";
  let gives = "[[[[0]], [[1]], [[2]], [[3]]]] i64[1, 4, 1, 1]";
  let shapes = "x [..., C, H * downscale_factor, W * downscale_factor] gives [..., C * downscale_factor * downscale_factor, H, W]";
}
def ChannelShuffle : Shuffle<"channel_shuffle", Param<"int64_t", "groups">> {
  let summary = "channels in the order in which groups of them take turns";
  let example = "channel_shuffle(arange(4).reshape({1, 4, 1}), 2)";
  let gives = "[[[0], [2], [1], [3]]] i64[1, 4, 1]";
  let shapes = "that of x [N, C * groups, ...]";
}

#endif
