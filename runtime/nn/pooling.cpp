#include "weft/nn_layers.h"

namespace weft::nn {

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

template class AvgPool<1>;
template class AvgPool<2>;
template class AvgPool<3>;
template class AdaptiveAvgPool<1>;
template class AdaptiveAvgPool<2>;
template class AdaptiveAvgPool<3>;

} // namespace weft::nn
