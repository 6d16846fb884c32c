// batch_norm, instance_norm, group_norm and rms_norm. Sums are kept in f32 for bf16, and the result
// is rounded once.

#include "runtime/composite/composite.h"
#include "runtime/composite/parts.h"
#include "runtime/composite/rows.h"
#include "runtime/core/region_hook.h"

namespace weft {

namespace {

using composite::refuse;

// [1, C, 1, ...]: what the elements of a channel share.
Tensor along_channels(const Tensor& t, int rank) {
  Shape shape = Ints::filled(rank, 1);
  shape[1] = t.numel();
  return reshape(composite::widened(t), shape);
}

struct Scaling {
  const Tensor &weight, &bias;
};

Tensor scaled(Tensor y, const Scaling& s, int rank) {
  if (s.weight.defined()) y = std::move(y) * along_channels(s.weight, rank);
  if (s.bias.defined()) y = std::move(y) + along_channels(s.bias, rank);
  return y;
}

struct Running {
  const Tensor &mean, &var;
  double momentum;

  // Moves both towards what a batch had; `variance` is that of a sample.
  void update(const Tensor& batch_mean, const Tensor& variance) const {
    NoGrad no_grad;
    auto move = [&](const Tensor& running, const Tensor& seen) {
      if (!running.defined()) return;
      running.mul_(1 - momentum).add_(reshape(seen, running.shape()) * momentum);
    };
    move(mean, batch_mean);
    move(var, variance);
  }
};

// Checks what batch_norm and instance_norm take, and returns the number of channels.
int64_t check_channels(const char* op, const Arg& x, const Running& r, const Scaling& s) {
  composite::require_floating(op, x);
  const Meta& m = x.impl()->meta;
  if (m.rank < 2)
    refuse(op, ErrorKind::shape,
           "x must have a dim of samples and one of channels, got " + describe(m), x.loc());
  Shape channels{m.sizes[1]};
  if (r.mean.defined() != r.var.defined())
    refuse(op, ErrorKind::value,
           "running_mean and running_var must both be given or neither, got one", x.loc());
  composite::require_shape(op, "running_mean", r.mean, channels, x.loc());
  composite::require_shape(op, "running_var", r.var, channels, x.loc());
  composite::require_shape(op, "weight", s.weight, channels, x.loc());
  composite::require_shape(op, "bias", s.bias, channels, x.loc());
  return m.sizes[1];
}

// (x - mean) / sqrt(var + eps) with numbers known before: one product and one sum an element.
Tensor normalized_by(const char* op, const Arg& x, const Running& r, const Scaling& s, double eps) {
  composite::require_given(op, "running_mean", r.mean, x.loc());
  composite::require_given(op, "running_var", r.var, x.loc());
  int rank = x.impl()->meta.rank;
  Tensor factor = rsqrt(composite::widened(r.var) + eps);
  if (s.weight.defined()) factor = std::move(factor) * composite::widened(s.weight);
  Tensor offset = -composite::widened(r.mean) * factor;
  if (s.bias.defined()) offset = std::move(offset) + composite::widened(s.bias);
  const Tensor factors = along_channels(factor, rank), offsets = along_channels(offset, rank);
  // The same bits in one pass over memory, or, where a compiler sees it, without the factor 1.
  if (!current_session) return addcmul(offsets, composite::widened(x), factors);
  return composite::widened(x) * factors + offsets;
}

struct Moments {
  Tensor centred, mean, variance; // variance of the elements themselves, not of a sample
};

Moments moments_of(const Tensor& x, const Dims& dims) {
  Tensor m = mean(x, dims, true);
  Tensor centred = x - m;
  Tensor variance = mean(centred * centred, dims, true);
  return {centred, m, variance};
}

double elements_of(const Meta& m, int first) {
  double n = 1;
  for (int k = first; k < m.rank; k++)
    n *= static_cast<double>(m.sizes[k]);
  return n;
}

Dims dims_from(int first, int rank) {
  Dims dims;
  for (int k = first; k < rank; k++)
    dims.push_back(k);
  return dims;
}

} // namespace

Tensor batch_norm(const Arg& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps) {
  OpScope scope(x.loc());
  Running running{running_mean, running_var, momentum};
  Scaling scaling{weight, bias};
  check_channels("batch_norm", x, running, scaling);
  const Meta m = x.impl()->meta;
  if (!training) {
    auto normalized = [&](const Tensor& part) {
      return normalized_by("batch_norm", part, running, scaling, eps).to(m.dtype);
    };
    if (!is_half(m.dtype)) return normalized(x.tensor());
    return composite::in_parts(x.tensor(), 1, {&running_mean, &running_var, &weight, &bias},
                               normalized);
  }
  double n = static_cast<double>(m.sizes[0]) * elements_of(m, 2);
  if (n == 1)
    refuse("batch_norm", ErrorKind::shape,
           "there must be more than one value a channel in training, got " + describe(m), x.loc());
  Dims dims = dims_from(2, m.rank);
  dims.push_back(0);
  Moments seen = moments_of(composite::widened(x), dims);
  running.update(seen.mean, seen.variance * (n / (n - 1)));
  Tensor y = std::move(seen.centred) * rsqrt(std::move(seen.variance) + eps);
  return scaled(std::move(y), scaling, m.rank).to(m.dtype);
}

Tensor instance_norm(const Arg& x, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, bool use_input_stats,
                     double momentum, double eps) {
  OpScope scope(x.loc());
  Running running{running_mean, running_var, momentum};
  Scaling scaling{weight, bias};
  check_channels("instance_norm", x, running, scaling);
  const Meta m = x.impl()->meta;
  if (!use_input_stats) return normalized_by("instance_norm", x, running, scaling, eps).to(m.dtype);
  double n = elements_of(m, 2);
  if (n == 1 || m.rank == 2)
    refuse("instance_norm", ErrorKind::shape,
           "there must be more than one value a sample and channel, got " + describe(m), x.loc());
  const auto each = static_cast<int64_t>(n);
  if (!running_mean.defined()) {
    Tensor rows =
        composite::normalized_rows("instance_norm", x.tensor(), each, kernels::RowNorm::deviation,
                                   eps, {weight, bias, each, m.sizes[1]});
    if (rows.defined()) return rows;
  }
  Moments seen = moments_of(composite::widened(x), dims_from(2, m.rank));
  if (running_mean.defined() || running_var.defined()) {
    NoGrad no_grad;
    running.update(mean(seen.mean, 0), mean(seen.variance, 0) * (n / (n - 1)));
  }
  Tensor y = std::move(seen.centred) * rsqrt(std::move(seen.variance) + eps);
  return scaled(std::move(y), scaling, m.rank).to(m.dtype);
}

Tensor group_norm(const Arg& x, int64_t num_groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  OpScope scope(x.loc());
  int64_t channels = check_channels("group_norm", x, {{}, {}, 0}, {weight, bias});
  const Meta m = x.impl()->meta;
  if (num_groups < 1 || channels % num_groups)
    refuse("group_norm", ErrorKind::value,
           "num_groups must divide the number of channels, got " + std::to_string(num_groups) +
               " for " + describe(m),
           x.loc());
  double n = elements_of(m, 2) * static_cast<double>(channels / num_groups);
  if (elements_of(m, 2) == 0)
    refuse("group_norm", ErrorKind::shape, "channels must have elements, got " + describe(m),
           x.loc());
  if (n * static_cast<double>(m.sizes[0]) == 1)
    refuse("group_norm", ErrorKind::shape,
           "there must be more than one value a group, got " + describe(m), x.loc());
  if (m.numel() == 0) return scaled(composite::widened(x), {weight, bias}, m.rank).to(m.dtype);
  const Tensor rows = composite::normalized_rows(
      "group_norm", x.tensor(), static_cast<int64_t>(n), kernels::RowNorm::deviation, eps,
      {weight, bias, static_cast<int64_t>(elements_of(m, 2)), num_groups});
  if (rows.defined()) return rows;
  const Dims dims = dims_from(1, m.rank); // a sample's channels share the weights' dim
  return composite::in_parts(x.tensor(), dims, {&weight, &bias}, [&](const Tensor& part) {
    Tensor wide = composite::widened(part);
    Moments seen = moments_of(reshape(wide, {part.size(0), num_groups, -1}), 2);
    Tensor y = std::move(seen.centred) * rsqrt(std::move(seen.variance) + eps);
    return scaled(reshape(std::move(y), part.shape()), {weight, bias}, m.rank).to(m.dtype);
  });
}

Tensor rms_norm(const Arg& x, const Shape& normalized_shape, const Tensor& weight,
                std::optional<double> eps) {
  OpScope scope(x.loc());
  composite::require_floating("rms_norm", x);
  const Meta m = x.impl()->meta;
  int first = m.rank - normalized_shape.size();
  bool fits = normalized_shape.size() > 0 && first >= 0;
  for (int k = 0; fits && k < normalized_shape.size(); k++)
    fits = m.sizes[first + k] == normalized_shape[k];
  if (!fits)
    refuse("rms_norm", ErrorKind::shape,
           "normalized_shape must be that of the last dims, got " + normalized_shape.str() +
               " for " + describe(m),
           x.loc());
  composite::require_shape("rms_norm", "weight", weight, normalized_shape, x.loc());
  const double least = m.dtype == DType::f64 ? std::numeric_limits<double>::epsilon()
                                             : std::numeric_limits<float>::epsilon();
  const Tensor rows = composite::normalized_rows(
      "rms_norm", x.tensor(), static_cast<int64_t>(elements_of(m, first)),
      kernels::RowNorm::root_square, eps.value_or(least), {weight, Tensor()});
  if (rows.defined()) return rows;
  const Dims dims = dims_from(first, m.rank);
  return composite::in_parts(x.tensor(), dims, {&weight}, [&](const Tensor& part) {
    Tensor wide = composite::widened(part);
    Tensor y = wide * rsqrt(mean(wide * wide, dims, true) + eps.value_or(least));
    if (weight.defined()) y = std::move(y) * weight;
    return y.to(m.dtype);
  });
}

} // namespace weft
