// Adam and AdamW, which differ in where the decay of weights goes.
#include "weft/optim.h"

#include "weft/ops.h"

#include <cmath>

namespace weft::optim {

namespace {

constexpr const char* kMoments[] = {"exp_avg", "exp_avg_sq"};
constexpr const char* kMomentsAndGreatest[] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};

// A comparison that holds refuses NaN too.
template <class Options, class Require>
void check_moments(const Options& o, const char* name, Require require, const Loc& loc) {
  require(o.lr >= 0, name, "lr must be >= 0", o.lr, loc);
  require(o.beta1 >= 0 && o.beta1 < 1, name, "beta1 must be in [0, 1)", o.beta1, loc);
  require(o.beta2 >= 0 && o.beta2 < 1, name, "beta2 must be in [0, 1)", o.beta2, loc);
  require(o.eps >= 0, name, "eps must be >= 0", o.eps, loc);
  require(o.weight_decay >= 0, name, "weight_decay must be >= 0", o.weight_decay, loc);
}

// adamw_step with the greatest second moment so far in place of the present one.
template <class Options>
void amsgrad_step(const Options& o, const Tensor& parameter, const Tensor& g, Tensor* moments,
                  double weight_decay, int64_t step) {
  auto t = static_cast<double>(step);
  parameter.mul_(1 - o.lr * weight_decay);
  moments[0].mul_(o.beta1).add_(g * (1 - o.beta1));
  moments[1].mul_(o.beta2).add_(g * g * (1 - o.beta2));
  moments[2].copy_(maximum(moments[2], moments[1]));
  Tensor scale = sqrt(moments[2]) / std::sqrt(1 - std::pow(o.beta2, t)) + o.eps;
  parameter.sub_(moments[0] / std::move(scale) * (o.lr / (1 - std::pow(o.beta1, t))));
}

template <class Options>
void moments_step(const Options& o, const Tensor& parameter, const Tensor& g, Tensor* moments,
                  double weight_decay, int64_t step) {
  if (o.amsgrad) return amsgrad_step(o, parameter, g, moments, weight_decay, step);
  adamw_step(parameter, g, moments[0], moments[1], o.lr, o.beta1, o.beta2, o.eps, weight_decay,
             step);
}

} // namespace

Adam::Adam(const std::vector<Tensor>& parameters, AdamOptions o, Loc loc) {
  add_param_group(parameters, o, loc);
}
Adam::Adam(const std::vector<Group>& all, Loc loc) { add_groups(all, loc); }

void Adam::check_options(const AdamOptions& o, const Loc& loc) const {
  check_moments(o, "Adam", require, loc);
}

Optimizer::Names Adam::state_names(const AdamOptions& o) const {
  return o.amsgrad ? Names(kMomentsAndGreatest) : Names(kMoments);
}

void Adam::update(const AdamOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
                  int64_t step) {
  Tensor g = o.maximize ? -gradient : gradient;
  if (o.weight_decay != 0) g = g + parameter * o.weight_decay;
  moments_step(o, parameter, g, &state(k, 0), 0, step);
}

AdamW::AdamW(const std::vector<Tensor>& parameters, AdamWOptions o, Loc loc) {
  add_param_group(parameters, o, loc);
}
AdamW::AdamW(const std::vector<Group>& all, Loc loc) { add_groups(all, loc); }

void AdamW::check_options(const AdamWOptions& o, const Loc& loc) const {
  check_moments(o, "AdamW", require, loc);
}

Optimizer::Names AdamW::state_names(const AdamWOptions& o) const {
  return o.amsgrad ? Names(kMomentsAndGreatest) : Names(kMoments);
}

void AdamW::update(const AdamWOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
                   int64_t step) {
  moments_step(o, parameter, o.maximize ? -gradient : gradient, &state(k, 0), o.weight_decay, step);
}

} // namespace weft::optim
