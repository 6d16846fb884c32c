#include "weft/optim.h"

#include "weft/ops.h"

#include <cmath>

namespace weft::optim {

Adam::Adam(std::vector<Tensor> parameters, AdamOptions options, Loc loc)
    : Optimizer(std::move(parameters), {"exp_avg", "exp_avg_sq"}, loc), options(options) {
  check_options(loc);
}

// A comparison that holds refuses NaN too.
void Adam::check_options(const Loc& loc) const {
  const AdamOptions& o = options;
  require(o.lr >= 0, "Adam", "lr must be >= 0", o.lr, loc);
  require(o.beta1 >= 0 && o.beta1 < 1, "Adam", "beta1 must be in [0, 1)", o.beta1, loc);
  require(o.beta2 >= 0 && o.beta2 < 1, "Adam", "beta2 must be in [0, 1)", o.beta2, loc);
  require(o.eps >= 0, "Adam", "eps must be >= 0", o.eps, loc);
  require(o.weight_decay >= 0, "Adam", "weight_decay must be >= 0", o.weight_decay, loc);
}

void Adam::update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) {
  Tensor g = gradient;
  if (options.weight_decay != 0) g = g + parameter * options.weight_decay;
  adamw_step(parameter, g, state(k, 0), state(k, 1), options.lr, options.beta1, options.beta2,
             options.eps, 0, step);
}

RMSprop::RMSprop(std::vector<Tensor> parameters, RMSpropOptions options, Loc loc)
    : Optimizer(std::move(parameters),
                options.momentum != 0 ? std::vector<std::string>{"square_avg", "momentum_buffer"}
                                      : std::vector<std::string>{"square_avg"},
                loc),
      options(options) {
  check_options(loc);
}

void RMSprop::check_options(const Loc& loc) const {
  const RMSpropOptions& o = options;
  require(o.lr >= 0, "RMSprop", "lr must be >= 0", o.lr, loc);
  require(o.alpha >= 0 && o.alpha <= 1, "RMSprop", "alpha must be in 0 .. 1", o.alpha, loc);
  require(o.eps >= 0, "RMSprop", "eps must be >= 0", o.eps, loc);
  require(o.momentum >= 0, "RMSprop", "momentum must be >= 0", o.momentum, loc);
  require(o.weight_decay >= 0, "RMSprop", "weight_decay must be >= 0", o.weight_decay, loc);
}

void RMSprop::update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t) {
  Tensor g = gradient;
  if (options.weight_decay != 0) g = g + parameter * options.weight_decay;
  Tensor& square_avg = state(k, 0);
  square_avg.mul_(options.alpha);
  square_avg.add_(g * g * (1 - options.alpha));
  Tensor move = g / (sqrt(square_avg) + options.eps);
  if (options.momentum != 0) {
    Tensor& buffer = state(k, 1);
    buffer.mul_(options.momentum);
    buffer.add_(move);
    move = buffer;
  }
  parameter.sub_(move * options.lr);
}

} // namespace weft::optim
