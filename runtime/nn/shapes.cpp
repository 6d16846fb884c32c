#include "weft/nn_shapes.h"

#include "runtime/core/fail_at.h"

#include <fmt/format.h>

#include <cmath>

namespace weft::nn {

Tensor Identity::forward(const Tensor& x) { return x; }
Tensor Flatten::forward(const Tensor& x) { return flatten(x, start_, end_); }
Tensor Unflatten::forward(const Tensor& x) { return unflatten(x, dim_, sizes_); }

Tensor Upsample::forward(const Tensor& x) {
  return interpolate(x, options_.size, options_.scale_factor, options_.mode,
                     options_.align_corners);
}
Tensor PixelShuffle::forward(const Tensor& x) { return pixel_shuffle(x, factor_); }
Tensor PixelUnshuffle::forward(const Tensor& x) { return pixel_unshuffle(x, factor_); }
Tensor ChannelShuffle::forward(const Tensor& x) { return channel_shuffle(x, groups_); }

Tensor Unfold::forward(const Tensor& x) {
  return unfold(x, kernel_, options_.dilation, options_.padding, options_.stride);
}
Tensor Fold::forward(const Tensor& x) {
  return fold(x, output_size_, kernel_, options_.dilation, options_.padding, options_.stride);
}

template <int N>
PadLayer<N>::PadLayer(const char* layer, const Dims& padding, const char* mode, double value,
                      const Loc& loc)
    : mode_(mode), value_(value) {
  if (padding.size() != 1 && padding.size() != 2 * N)
    fail_at(ErrorKind::value,
            fmt::format("{}{}d: padding must be one number or {}, got {}", layer, N, 2 * N,
                        padding.str()),
            loc);
  for (int k = 0; k < 2 * N; k++)
    padding_.push_back(padding[padding.size() == 1 ? 0 : k]);
}
template <int N> Tensor PadLayer<N>::forward(const Tensor& x) {
  return pad(x, padding_, mode_, value_);
}
template class PadLayer<1>;
template class PadLayer<2>;
template class PadLayer<3>;

Tensor CosineSimilarity::forward(const Tensor& x1, const Tensor& x2) {
  return cosine_similarity(x1, x2, dim_, eps_);
}

Tensor PairwiseDistance::forward(const Tensor& x1, const Tensor& x2) {
  return pairwise_distance(x1, x2, p_, eps_, keepdim_);
}

Bilinear::Bilinear(int64_t in1, int64_t in2, int64_t out, bool with_bias, DType dtype, Loc loc) {
  LocScope scope(loc);
  if (in1 < 1 || in2 < 1 || out < 1)
    fail_at(ErrorKind::value,
            fmt::format("Bilinear: sizes must be positive, got {}, {} and {}", in1, in2, out), loc);
  double bound = 1 / std::sqrt(static_cast<double>(in1));
  weight = parameter("weight", uniform({out, in1, in2}, -bound, bound, dtype), loc);
  if (with_bias) bias = parameter("bias", uniform({out}, -bound, bound, dtype), loc);
}

Tensor Bilinear::forward(const Tensor& x1, const Tensor& x2) {
  return bilinear(x1, x2, weight, bias);
}

} // namespace weft::nn
