#include "weft/nn_init.h"

#include "runtime/core/fail_at.h"
#include "weft/device.h"
#include "weft/ops.h"

#include <fmt/format.h>

#include <cmath>

namespace weft::nn::init {

namespace {

[[noreturn]] void refuse(const char* op, const std::string& message, const Loc& loc) {
  fail_at(ErrorKind::value, fmt::format("{}: {}", op, message), loc);
}

// What every initialiser does: `values` writes into the tensor, unrecorded.
template <class Values>
Tensor fill(const char* op, const Tensor& t, const Loc& loc, Values values) {
  if (!t.defined()) refuse(op, "the tensor must be defined, got none", loc);
  LocScope scope(loc);
  NoGrad no_grad;
  DeviceScope place(t.device());
  values();
  return t;
}

Tensor draw_uniform(const Tensor& t, double low, double high, Generator* generator) {
  return uniform(generator ? *generator : default_generator(), t.shape(), low, high, t.dtype());
}
Tensor draw_normal(const Shape& shape, DType dtype, double mean, double std, Generator* generator) {
  return normal(generator ? *generator : default_generator(), shape, mean, std, dtype);
}

struct Fans {
  double in, out;
};

Fans fans_of(const char* op, const Tensor& t, const Loc& loc) {
  if (!t.defined() || t.rank() < 2)
    refuse(op,
           fmt::format("the tensor must have at least two dims, got {}",
                       t.defined() ? t.shape().str() : "none"),
           loc);
  double field = 1;
  for (int d = 2; d < t.rank(); d++)
    field *= static_cast<double>(t.size(d));
  return {static_cast<double>(t.size(1)) * field, static_cast<double>(t.size(0)) * field};
}

// The deviation of Kaiming's initialisers.
double kaiming_std(const char* op, const Tensor& t, const KaimingOptions& o, const Loc& loc) {
  Fans fans = fans_of(op, t, loc);
  if (o.mode != "fan_in" && o.mode != "fan_out")
    refuse(op, fmt::format("mode must be \"fan_in\" or \"fan_out\", got \"{}\"", o.mode), loc);
  return calculate_gain(o.nonlinearity, o.a, loc) /
         std::sqrt(o.mode == "fan_in" ? fans.in : fans.out);
}

double xavier_std(const char* op, const Tensor& t, double gain, const Loc& loc) {
  Fans fans = fans_of(op, t, loc);
  return gain * std::sqrt(2 / (fans.in + fans.out));
}

double normal_share_below(double x) { return (1 + std::erf(x / std::sqrt(2.0))) / 2; }

} // namespace

double calculate_gain(const std::string& nonlinearity, double param, Loc loc) {
  const std::string& n = nonlinearity;
  if (n == "linear" || n == "sigmoid" || n == "conv1d" || n == "conv2d" || n == "conv3d" ||
      n == "conv_transpose1d" || n == "conv_transpose2d" || n == "conv_transpose3d")
    return 1;
  if (n == "tanh") return 5.0 / 3;
  if (n == "relu") return std::sqrt(2.0);
  if (n == "leaky_relu") return std::sqrt(2 / (1 + param * param));
  if (n == "selu") return 0.75;
  refuse("calculate_gain",
         fmt::format("nonlinearity must be the name of a layer or an activation, got \"{}\"", n),
         loc);
}

Tensor uniform_(const Tensor& t, double a, double b, Generator* generator, Loc loc) {
  return fill("uniform_", t, loc, [&] { t.copy_(draw_uniform(t, a, b, generator)); });
}

Tensor normal_(const Tensor& t, double mean, double std, Generator* generator, Loc loc) {
  return fill("normal_", t, loc,
              [&] { t.copy_(draw_normal(t.shape(), t.dtype(), mean, std, generator)); });
}

// The inverse of the distribution function, of shares that lie uniformly between those of a and b.
Tensor trunc_normal_(const Tensor& t, double mean, double std, double a, double b,
                     Generator* generator, Loc loc) {
  if (!(a <= b)) refuse("trunc_normal_", fmt::format("a must be <= b, got {} and {}", a, b), loc);
  return fill("trunc_normal_", t, loc, [&] {
    double low = normal_share_below((a - mean) / std), high = normal_share_below((b - mean) / std);
    Tensor x = erfinv(draw_uniform(t, 2 * low - 1, 2 * high - 1, generator));
    t.copy_(clamp(x * (std * std::sqrt(2.0)) + mean, a, b));
  });
}

Tensor constant_(const Tensor& t, double value, Loc loc) {
  return fill("constant_", t, loc, [&] { t.fill_(value); });
}

Tensor ones_(const Tensor& t, Loc loc) {
  return fill("ones_", t, loc, [&] { t.fill_(1); });
}

Tensor zeros_(const Tensor& t, Loc loc) {
  return fill("zeros_", t, loc, [&] { t.fill_(0); });
}

Tensor eye_(const Tensor& t, Loc loc) {
  return fill("eye_", t, loc, [&] {
    if (t.rank() != 2)
      refuse("eye_", fmt::format("the tensor must have two dims, got {}", t.shape().str()), loc);
    t.copy_(eye(t.size(0), t.size(1), t.dtype()));
  });
}

Tensor dirac_(const Tensor& t, int64_t groups, Loc loc) {
  return fill("dirac_", t, loc, [&] {
    if (t.rank() < 3 || t.rank() > 5)
      refuse("dirac_", fmt::format("the tensor must have 3 to 5 dims, got {}", t.shape().str()),
             loc);
    if (groups < 1 || t.size(0) % groups)
      refuse("dirac_",
             fmt::format("groups must divide dim 0, got {} for {}", groups, t.shape().str()), loc);
    t.fill_(0);
    Tensor centre = t; // [out, in]
    while (centre.rank() > 2)
      centre = select(centre, 2, centre.size(2) / 2);
    int64_t rows = t.size(0) / groups;
    for (int64_t g = 0; g < groups; g++)
      slice(centre, 0, g * rows, (g + 1) * rows).copy_(eye(rows, t.size(1), t.dtype()));
  });
}

Tensor xavier_uniform_(const Tensor& t, double gain, Generator* generator, Loc loc) {
  double bound = std::sqrt(3.0) * xavier_std("xavier_uniform_", t, gain, loc);
  return uniform_(t, -bound, bound, generator, loc);
}

Tensor xavier_normal_(const Tensor& t, double gain, Generator* generator, Loc loc) {
  return normal_(t, 0, xavier_std("xavier_normal_", t, gain, loc), generator, loc);
}

Tensor kaiming_uniform_(const Tensor& t, const KaimingOptions& options, Generator* generator,
                        Loc loc) {
  double bound = std::sqrt(3.0) * kaiming_std("kaiming_uniform_", t, options, loc);
  return uniform_(t, -bound, bound, generator, loc);
}

Tensor kaiming_normal_(const Tensor& t, const KaimingOptions& options, Generator* generator,
                       Loc loc) {
  return normal_(t, 0, kaiming_std("kaiming_normal_", t, options, loc), generator, loc);
}

// Gram and Schmidt's rule; a second pass over each row takes away what rounding left.
Tensor orthogonal_(const Tensor& t, double gain, Generator* generator, Loc loc) {
  fans_of("orthogonal_", t, loc); // two dims or more
  return fill("orthogonal_", t, loc, [&] {
    if (t.numel() == 0) return;
    int64_t rows = t.size(0), columns = t.numel() / rows;
    const bool is_tall = rows > columns;
    if (is_tall) std::swap(rows, columns);
    DeviceScope on_cpu(Device::cpu());
    Tensor q = draw_normal({rows, columns}, f64, 0, 1, generator);
    for (int64_t r = 0; r < rows; r++) {
      Tensor row = select(q, 0, r), before = slice(q, 0, 0, r);
      for (int pass = 0; pass < 2 && r > 0; pass++)
        row.sub_(matmul(matmul(before, row), before));
      row.div_(vector_norm(row));
    }
    Tensor all = q * gain;
    t.copy_(reshape(is_tall ? transpose(all, 0, 1) : all, t.shape()).to(t.device()));
  });
}

Tensor sparse_(const Tensor& t, double sparsity, double std, Generator* generator, Loc loc) {
  return fill("sparse_", t, loc, [&] {
    if (t.rank() != 2)
      refuse("sparse_", fmt::format("the tensor must have two dims, got {}", t.shape().str()), loc);
    if (!(sparsity >= 0 && sparsity <= 1))
      refuse("sparse_", fmt::format("sparsity must be in 0 .. 1, got {}", sparsity), loc);
    auto zeros = static_cast<int64_t>(std::ceil(sparsity * static_cast<double>(t.size(0))));
    t.copy_(draw_normal(t.shape(), t.dtype(), 0, std, generator));
    // The ranks of random numbers are the rows in random order.
    Tensor order = argsort(argsort(draw_uniform(t, 0, 1, generator).to(f32), 0), 0);
    t.copy_(where(order < zeros, 0, t));
  });
}

} // namespace weft::nn::init
