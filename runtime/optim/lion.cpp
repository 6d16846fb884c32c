#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

Lion::Lion(const std::vector<Tensor>& parameters, LionOptions o, Loc loc) {
  add_param_group(parameters, o, loc);
}
Lion::Lion(const std::vector<Group>& all, Loc loc) { add_groups(all, loc); }

// A comparison that holds refuses NaN too.
void Lion::check_options(const LionOptions& o, const Loc& loc) const {
  require(o.lr >= 0, "Lion", "lr must be >= 0", o.lr, loc);
  require(o.beta1 >= 0 && o.beta1 < 1, "Lion", "beta1 must be in [0, 1)", o.beta1, loc);
  require(o.beta2 >= 0 && o.beta2 < 1, "Lion", "beta2 must be in [0, 1)", o.beta2, loc);
  require(o.weight_decay >= 0, "Lion", "weight_decay must be >= 0", o.weight_decay, loc);
}

Optimizer::Names Lion::state_names(const LionOptions&) const {
  static constexpr const char* kNames[] = {"exp_avg"};
  return kNames;
}

void Lion::update(const LionOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
                  int64_t) {
  Tensor g = o.maximize ? -gradient : gradient;
  Tensor& exp_avg = state(k, 0);
  Tensor direction = sign(exp_avg * o.beta1 + g * (1 - o.beta1));
  parameter.mul_(1 - o.lr * o.weight_decay);
  parameter.sub_(direction * o.lr);
  exp_avg.mul_(o.beta2).add_(g * (1 - o.beta2));
}

} // namespace weft::optim
