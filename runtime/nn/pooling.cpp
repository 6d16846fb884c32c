#include "weft/nn_layers.h"

namespace weft::nn {

template <int N> Tensor MaxPool<N>::forward(const Tensor& x) {
  const MaxPoolOptions& o = options_;
  auto* op = N == 1 ? max_pool1d : N == 2 ? max_pool2d : max_pool3d;
  return op(x, kernel_, o.stride, o.padding, o.dilation, o.ceil_mode);
}

template <int N> Tensor AdaptiveMaxPool<N>::forward(const Tensor& x) {
  auto* op = N == 1 ? adaptive_max_pool1d : N == 2 ? adaptive_max_pool2d : adaptive_max_pool3d;
  return op(x, output_size_);
}

template <int N> Tensor AvgPool<N>::forward(const Tensor& x) {
  const AvgPoolOptions& o = options_;
  if constexpr (N == 1)
    return avg_pool1d(x, kernel_, o.stride, o.padding, o.ceil_mode, o.count_include_pad);
  auto* op = N == 2 ? avg_pool2d : avg_pool3d;
  return op(x, kernel_, o.stride, o.padding, o.ceil_mode, o.count_include_pad, std::nullopt);
}

template <int N> Tensor AdaptiveAvgPool<N>::forward(const Tensor& x) {
  auto* op = N == 1 ? adaptive_avg_pool1d : N == 2 ? adaptive_avg_pool2d : adaptive_avg_pool3d;
  return op(x, output_size_);
}

template <int N> Tensor LPPool<N>::forward(const Tensor& x) {
  auto* op = N == 1 ? lp_pool1d : N == 2 ? lp_pool2d : lp_pool3d;
  return op(x, norm_type_, kernel_, stride_, ceil_mode_);
}

template <int N>
Tensor MaxUnpool<N>::forward(const Tensor& x, const Tensor& indices, const Dims& output_size) {
  auto* op = N == 1 ? max_unpool1d : N == 2 ? max_unpool2d : max_unpool3d;
  return op(x, indices, kernel_, stride_, padding_, output_size);
}

template class MaxPool<1>;
template class MaxPool<2>;
template class MaxPool<3>;
template class AdaptiveMaxPool<1>;
template class AdaptiveMaxPool<2>;
template class AdaptiveMaxPool<3>;
template class AvgPool<1>;
template class AvgPool<2>;
template class AvgPool<3>;
template class AdaptiveAvgPool<1>;
template class AdaptiveAvgPool<2>;
template class AdaptiveAvgPool<3>;
template class LPPool<1>;
template class LPPool<2>;
template class LPPool<3>;
template class MaxUnpool<1>;
template class MaxUnpool<2>;
template class MaxUnpool<3>;

} // namespace weft::nn
