#include "weft/nn_layers.h"

namespace weft::nn {

Tensor Dropout::forward(const Tensor& x) { return dropout(x, p_, is_training()); }

template <int N> Tensor FeatureDropout<N>::forward(const Tensor& x) {
  auto* op = N == 1 ? dropout1d : N == 2 ? dropout2d : dropout3d;
  return op(x, p_, is_training());
}
template class FeatureDropout<1>;
template class FeatureDropout<2>;
template class FeatureDropout<3>;

Tensor AlphaDropout::forward(const Tensor& x) { return alpha_dropout(x, p_, is_training()); }
Tensor FeatureAlphaDropout::forward(const Tensor& x) {
  return feature_alpha_dropout(x, p_, is_training());
}

} // namespace weft::nn
