#include "weft/nn_activations.h"

#include "runtime/core/fail_at.h"
#include "weft/ops.h"

#include <fmt/format.h>

namespace weft::nn {

Tensor CELU::forward(const Tensor& x) { return celu(x, alpha_); }
Tensor ELU::forward(const Tensor& x) { return elu(x, alpha_); }
Tensor GLU::forward(const Tensor& x) { return glu(x, dim_); }
Tensor Hardshrink::forward(const Tensor& x) { return hardshrink(x, lambd_); }
Tensor Hardsigmoid::forward(const Tensor& x) { return hardsigmoid(x); }
Tensor Hardswish::forward(const Tensor& x) { return hardswish(x); }
Tensor Hardtanh::forward(const Tensor& x) { return hardtanh(x, min_val_, max_val_); }
Tensor LeakyReLU::forward(const Tensor& x) { return leaky_relu(x, negative_slope_); }
Tensor LogSigmoid::forward(const Tensor& x) { return logsigmoid(x); }
Tensor LogSoftmax::forward(const Tensor& x) { return log_softmax(x, dim_); }
Tensor Mish::forward(const Tensor& x) { return mish(x); }
Tensor ReLU6::forward(const Tensor& x) { return relu6(x); }
Tensor SELU::forward(const Tensor& x) { return selu(x); }
Tensor Softmin::forward(const Tensor& x) { return softmin(x, dim_); }
Tensor Softplus::forward(const Tensor& x) { return softplus(x, beta_, threshold_); }
Tensor Softshrink::forward(const Tensor& x) { return softshrink(x, lambd_); }
Tensor Softsign::forward(const Tensor& x) { return softsign(x); }
Tensor Tanhshrink::forward(const Tensor& x) { return tanhshrink(x); }
Tensor Threshold::forward(const Tensor& x) { return threshold(x, threshold_, value_); }
Tensor RReLU::forward(const Tensor& x) { return rrelu(x, lower_, upper_, is_training()); }

Tensor Softmax2d::forward(const Tensor& x) {
  if (x.rank() != 3 && x.rank() != 4)
    fail_at(ErrorKind::shape,
            fmt::format("Softmax2d: x must have 3 or 4 dims, got {}", x.shape().str()), {});
  return softmax(x, -3);
}

PReLU::PReLU(int64_t num_parameters, double init, DType dtype, Loc loc) {
  LocScope scope(loc);
  if (num_parameters < 1)
    fail_at(ErrorKind::value,
            fmt::format("PReLU: num_parameters must be positive, got {}", num_parameters), loc);
  weight = parameter("weight", full({num_parameters}, init, dtype), loc);
}

Tensor PReLU::forward(const Tensor& x) { return prelu(x, weight); }

} // namespace weft::nn
