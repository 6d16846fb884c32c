#include "weft/optim.h"

#include "weft/ops.h"

namespace weft::optim {

SGD::SGD(std::vector<Tensor> parameters, SGDOptions options, Loc loc)
    : Optimizer(std::move(parameters),
                options.momentum != 0 ? std::vector<std::string>{"momentum_buffer"}
                                      : std::vector<std::string>{},
                loc),
      options(options) {
  check_options(loc);
}

// A comparison that holds refuses NaN too.
void SGD::check_options(const Loc& loc) const {
  require(options.lr >= 0, "SGD", "lr must be >= 0", options.lr, loc);
  require(options.momentum >= 0, "SGD", "momentum must be >= 0", options.momentum, loc);
  require(options.weight_decay >= 0, "SGD", "weight_decay must be >= 0", options.weight_decay, loc);
  require(!options.nesterov || options.momentum > 0, "SGD", "momentum must be > 0 with nesterov",
          options.momentum, loc);
}

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
