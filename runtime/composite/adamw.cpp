#include "runtime/composite/composite.h"

#include <cmath>

namespace weft {

void adamw_step(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                const Tensor& exp_avg_sq, double lr, double beta1, double beta2, double eps,
                double weight_decay, int64_t step, Loc loc) {
  OpScope scope(loc);
  NoGrad no_grad;
  auto t = static_cast<double>(step);
  double correction1 = 1 - std::pow(beta1, t), correction2 = std::sqrt(1 - std::pow(beta2, t));
  param.mul_(1 - lr * weight_decay);
  exp_avg.mul_(beta1).add_(grad * (1 - beta1));
  exp_avg_sq.mul_(beta2).add_(grad * grad * (1 - beta2));
  Tensor scale = sqrt(exp_avg_sq) / correction2 + eps;
  param.sub_(exp_avg / std::move(scale) * (lr / correction1));
}

} // namespace weft
