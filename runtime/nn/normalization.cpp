#include "weft/nn_layers.h"

#include "runtime/core/fail_at.h"

#include <fmt/format.h>

namespace weft::nn {

namespace {

void check_channels(const char* layer, int64_t channels, const Loc& loc) {
  if (channels < 1)
    fail_at(ErrorKind::value,
            fmt::format("{}: the number of channels must be positive, got {}", layer, channels),
            loc);
}

// Ranks that a layer over N dims takes.
void check_rank(const char* layer, int n, const Tensor& x, int least, int most) {
  if (x.rank() < least || x.rank() > most)
    fail_at(ErrorKind::shape,
            fmt::format("{}{}d: x must have {} or {} dims, got {}", layer, n, least, most,
                        x.shape().str()),
            {});
}

} // namespace

detail::ChannelNorm::ChannelNorm(const char* layer, int64_t channels, bool affine, bool tracks,
                                 DType dtype, const Loc& loc) {
  LocScope scope(loc);
  check_channels(layer, channels, loc);
  if (affine) {
    weight = parameter("weight", ones({channels}, dtype), loc);
    bias = parameter("bias", zeros({channels}, dtype), loc);
  }
  if (!tracks) return;
  running_mean = buffer("running_mean", zeros({channels}, dtype), loc);
  running_var = buffer("running_var", ones({channels}, dtype), loc);
  num_batches_tracked = buffer("num_batches_tracked", zeros({}, i64), loc);
}

template <int N> Tensor BatchNorm<N>::forward(const Tensor& x) {
  check_rank("BatchNorm", N, x, N == 1 ? 2 : N + 2, N + 2);
  bool is_tracked = running_mean.defined();
  double momentum = options_.momentum.value_or(0);
  if (is_training() && is_tracked) {
    NoGrad no_grad;
    num_batches_tracked.add_(1);
    if (!options_.momentum) momentum = 1 / num_batches_tracked.item<double>();
  }
  return batch_norm(x, running_mean, running_var, weight, bias, is_training() || !is_tracked,
                    momentum, options_.eps);
}

template <int N> Tensor InstanceNorm<N>::forward(const Tensor& x) {
  check_rank("InstanceNorm", N, x, N + 1, N + 2);
  bool lacks_samples = x.rank() == N + 1;
  Tensor samples = lacks_samples ? unsqueeze(x, 0) : x;
  Tensor y =
      instance_norm(samples, running_mean, running_var, weight, bias,
                    is_training() || !running_mean.defined(), options_.momentum, options_.eps);
  return lacks_samples ? squeeze(y, 0) : y;
}

GroupNorm::GroupNorm(int64_t num_groups, int64_t channels, double eps, bool affine, DType dtype,
                     Loc loc)
    : groups_(num_groups), eps_(eps) {
  LocScope scope(loc);
  check_channels("GroupNorm", channels, loc);
  if (num_groups < 1 || channels % num_groups)
    fail_at(ErrorKind::value,
            fmt::format("GroupNorm: num_groups must divide the number of channels, got {} for {}",
                        num_groups, channels),
            loc);
  if (!affine) return;
  weight = parameter("weight", ones({channels}, dtype), loc);
  bias = parameter("bias", zeros({channels}, dtype), loc);
}

Tensor GroupNorm::forward(const Tensor& x) { return group_norm(x, groups_, weight, bias, eps_); }

RMSNorm::RMSNorm(const Shape& shape, std::optional<double> eps, bool affine, DType dtype, Loc loc)
    : shape_(shape), eps_(eps) {
  LocScope scope(loc);
  if (!affine) return;
  weight = parameter("weight", ones(shape, dtype), loc);
}

Tensor RMSNorm::forward(const Tensor& x) { return rms_norm(x, shape_, weight, eps_); }

template class BatchNorm<1>;
template class BatchNorm<2>;
template class BatchNorm<3>;
template class InstanceNorm<1>;
template class InstanceNorm<2>;
template class InstanceNorm<3>;

Tensor LocalResponseNorm::forward(const Tensor& x) {
  return local_response_norm(x, size_, alpha_, beta_, k_);
}

} // namespace weft::nn
