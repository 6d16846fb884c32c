#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

SGD::SGD(const std::vector<Tensor>& parameters, SGDOptions o, Loc loc) {
  add_param_group(parameters, o, loc);
}
SGD::SGD(const std::vector<Group>& all, Loc loc) { add_groups(all, loc); }

// A comparison that holds refuses NaN too.
void SGD::check_options(const SGDOptions& o, const Loc& loc) const {
  require(o.lr >= 0, "SGD", "lr must be >= 0", o.lr, loc);
  require(o.momentum >= 0, "SGD", "momentum must be >= 0", o.momentum, loc);
  require(o.weight_decay >= 0, "SGD", "weight_decay must be >= 0", o.weight_decay, loc);
  require(!o.nesterov || o.momentum > 0, "SGD", "momentum must be > 0 with nesterov", o.momentum,
          loc);
  require(!o.nesterov || o.dampening == 0, "SGD", "dampening must be 0 with nesterov", o.dampening,
          loc);
}

Optimizer::Names SGD::state_names(const SGDOptions& o) const {
  static constexpr const char* kNames[] = {"momentum_buffer"};
  return o.momentum != 0 ? Names(kNames) : Names();
}

void SGD::update(const SGDOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
                 int64_t step) {
  Tensor g = o.maximize ? -gradient : gradient;
  if (o.weight_decay != 0) g = g + parameter * o.weight_decay;
  if (o.momentum != 0) {
    // The first step leaves the gradient itself in the buffer, which starts at zero.
    Tensor& buffer = state(k, 0);
    buffer.mul_(o.momentum);
    buffer.add_(o.dampening != 0 ? g * (step == 1 ? 1 : 1 - o.dampening) : g);
    g = o.nesterov ? g + buffer * o.momentum : buffer;
  }
  parameter.sub_(g * o.lr);
}

} // namespace weft::optim
