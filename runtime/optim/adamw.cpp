#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

AdamW::AdamW(std::vector<Tensor> parameters, AdamWOptions options, Loc loc)
    : Optimizer(std::move(parameters), {"exp_avg", "exp_avg_sq"}, loc), options(options) {
  check_options(loc);
}

// A comparison that holds refuses NaN too.
void AdamW::check_options(const Loc& loc) const {
  const AdamWOptions& o = options;
  require(o.lr >= 0, "AdamW", "lr must be >= 0", o.lr, loc);
  require(o.beta1 >= 0 && o.beta1 < 1, "AdamW", "beta1 must be in [0, 1)", o.beta1, loc);
  require(o.beta2 >= 0 && o.beta2 < 1, "AdamW", "beta2 must be in [0, 1)", o.beta2, loc);
  require(o.eps >= 0, "AdamW", "eps must be >= 0", o.eps, loc);
  require(o.weight_decay >= 0, "AdamW", "weight_decay must be >= 0", o.weight_decay, loc);
}

void AdamW::update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) {
  adamw_step(parameter, gradient, state(k, 0), state(k, 1), options.lr, options.beta1,
             options.beta2, options.eps, options.weight_decay, step);
}

} // namespace weft::optim
