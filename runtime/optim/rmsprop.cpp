#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

RMSprop::RMSprop(const std::vector<Tensor>& parameters, RMSpropOptions o, Loc loc) {
  add_param_group(parameters, o, loc);
}
RMSprop::RMSprop(const std::vector<Group>& all, Loc loc) { add_groups(all, loc); }

// A comparison that holds refuses NaN too.
void RMSprop::check_options(const RMSpropOptions& o, const Loc& loc) const {
  require(o.lr >= 0, "RMSprop", "lr must be >= 0", o.lr, loc);
  require(o.alpha >= 0 && o.alpha <= 1, "RMSprop", "alpha must be in 0 .. 1", o.alpha, loc);
  require(o.eps >= 0, "RMSprop", "eps must be >= 0", o.eps, loc);
  require(o.momentum >= 0, "RMSprop", "momentum must be >= 0", o.momentum, loc);
  require(o.weight_decay >= 0, "RMSprop", "weight_decay must be >= 0", o.weight_decay, loc);
}

Optimizer::Names RMSprop::state_names(const RMSpropOptions& o) const {
  static constexpr const char* kPlain[] = {"square_avg"};
  static constexpr const char* kMomentum[] = {"square_avg", "momentum_buffer"};
  static constexpr const char* kCentered[] = {"square_avg", "grad_avg"};
  static constexpr const char* kBoth[] = {"square_avg", "momentum_buffer", "grad_avg"};
  if (o.momentum != 0) return o.centered ? Names(kBoth) : Names(kMomentum);
  return o.centered ? Names(kCentered) : Names(kPlain);
}

void RMSprop::update(const RMSpropOptions& o, size_t k, const Tensor& parameter,
                     const Tensor& gradient, int64_t) {
  Tensor g = o.maximize ? -gradient : gradient;
  if (o.weight_decay != 0) g = g + parameter * o.weight_decay;
  Tensor& square_avg = state(k, 0);
  square_avg.mul_(o.alpha);
  square_avg.add_(g * g * (1 - o.alpha));
  Tensor variance = square_avg;
  if (o.centered) {
    Tensor& grad_avg = state(k, o.momentum != 0 ? 2 : 1);
    grad_avg.lerp_(g, 1 - o.alpha);
    variance = square_avg - grad_avg * grad_avg;
  }
  Tensor move = g / (sqrt(variance) + o.eps);
  if (o.momentum != 0) {
    Tensor& buffer = state(k, 1);
    buffer.mul_(o.momentum);
    buffer.add_(move);
    move = buffer;
  }
  parameter.sub_(move * o.lr);
}

} // namespace weft::optim
