#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

Adagrad::Adagrad(const std::vector<Tensor>& parameters, AdagradOptions o, Loc loc) {
  add_param_group(parameters, o, loc);
}
Adagrad::Adagrad(const std::vector<Group>& all, Loc loc) { add_groups(all, loc); }

// A comparison that holds refuses NaN too.
void Adagrad::check_options(const AdagradOptions& o, const Loc& loc) const {
  require(o.lr >= 0, "Adagrad", "lr must be >= 0", o.lr, loc);
  require(o.lr_decay >= 0, "Adagrad", "lr_decay must be >= 0", o.lr_decay, loc);
  require(o.weight_decay >= 0, "Adagrad", "weight_decay must be >= 0", o.weight_decay, loc);
  require(o.initial_accumulator_value >= 0, "Adagrad", "initial_accumulator_value must be >= 0",
          o.initial_accumulator_value, loc);
  require(o.eps >= 0, "Adagrad", "eps must be >= 0", o.eps, loc);
}

Optimizer::Names Adagrad::state_names(const AdagradOptions&) const {
  static constexpr const char* kNames[] = {"sum"};
  return kNames;
}

double Adagrad::initial_state(const AdagradOptions& o) const { return o.initial_accumulator_value; }

void Adagrad::update(const AdagradOptions& o, size_t k, const Tensor& parameter,
                     const Tensor& gradient, int64_t step) {
  Tensor g = o.maximize ? -gradient : gradient;
  if (o.weight_decay != 0) g = g + parameter * o.weight_decay;
  Tensor& sum_of_squares = state(k, 0);
  sum_of_squares.add_(g * g);
  double rate = o.lr / (1 + static_cast<double>(step - 1) * o.lr_decay);
  parameter.sub_(g / (sqrt(sum_of_squares) + o.eps) * rate);
}

} // namespace weft::optim
