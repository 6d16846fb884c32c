// Adam and AdamW, which differ in where the decay of weights goes.
#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

namespace {

// A comparison that holds refuses NaN too.
template <class Options, class Require>
void check_moments(const Options& o, const char* name, Require require, const Loc& loc) {
  require(o.lr >= 0, name, "lr must be >= 0", o.lr, loc);
  require(o.beta1 >= 0 && o.beta1 < 1, name, "beta1 must be in [0, 1)", o.beta1, loc);
  require(o.beta2 >= 0 && o.beta2 < 1, name, "beta2 must be in [0, 1)", o.beta2, loc);
  require(o.eps >= 0, name, "eps must be >= 0", o.eps, loc);
  require(o.weight_decay >= 0, name, "weight_decay must be >= 0", o.weight_decay, loc);
}

} // namespace

Adam::Adam(std::vector<Tensor> parameters, AdamOptions options, Loc loc)
    : Optimizer(std::move(parameters), {"exp_avg", "exp_avg_sq"}, loc), options(options) {
  check_options(loc);
}

void Adam::check_options(const Loc& loc) const { check_moments(options, "Adam", require, loc); }

void Adam::update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) {
  Tensor g = gradient;
  if (options.weight_decay != 0) g = g + parameter * options.weight_decay;
  adamw_step(parameter, g, state(k, 0), state(k, 1), options.lr, options.beta1, options.beta2,
             options.eps, 0, step);
}

AdamW::AdamW(std::vector<Tensor> parameters, AdamWOptions options, Loc loc)
    : Optimizer(std::move(parameters), {"exp_avg", "exp_avg_sq"}, loc), options(options) {
  check_options(loc);
}

void AdamW::check_options(const Loc& loc) const { check_moments(options, "AdamW", require, loc); }

void AdamW::update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) {
  adamw_step(parameter, gradient, state(k, 0), state(k, 1), options.lr, options.beta1,
             options.beta2, options.eps, options.weight_decay, step);
}

} // namespace weft::optim
