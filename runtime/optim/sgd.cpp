#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

SGD::SGD(std::vector<Tensor> parameters, SGDOptions options, Loc loc)
    : Optimizer(std::move(parameters),
                options.momentum != 0 ? std::vector<std::string>{"momentum_buffer"}
                                      : std::vector<std::string>{},
                loc),
      options(options) {}

void SGD::update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t) {
  Tensor g = gradient;
  if (options.weight_decay != 0) g = g + parameter * options.weight_decay;
  if (options.momentum != 0) {
    // The first step leaves the gradient itself in the buffer, which starts at zero.
    Tensor& buffer = state(k, 0);
    buffer.mul_(options.momentum);
    buffer.add_(g);
    g = options.nesterov ? g + buffer * options.momentum : buffer;
  }
  parameter.sub_(g * options.lr);
}

} // namespace weft::optim
