#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

RMSprop::RMSprop(std::vector<Tensor> parameters, RMSpropOptions options, Loc loc)
    : Optimizer(std::move(parameters),
                options.momentum != 0 ? std::vector<std::string>{"square_avg", "momentum_buffer"}
                                      : std::vector<std::string>{"square_avg"},
                loc),
      options(options) {
  check_options(loc);
}

// A comparison that holds refuses NaN too.
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
