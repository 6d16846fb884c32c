#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

AdamW::AdamW(std::vector<Tensor> parameters, AdamWOptions options, Loc loc)
    : Optimizer(std::move(parameters), {"exp_avg", "exp_avg_sq"}, loc), options(options) {}

void AdamW::update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) {
  adamw_step(parameter, gradient, state(k, 0), state(k, 1), options.lr, options.beta1,
             options.beta2, options.eps, options.weight_decay, step);
}

} // namespace weft::optim
