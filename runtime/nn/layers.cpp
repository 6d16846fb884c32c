#include "weft/nn.h"

#include "runtime/autograd/tape.h"
#include "runtime/core/fail_at.h"
#include "weft/ops.h"

#include <fmt/format.h>

#include <cmath>

namespace weft::nn {

Linear::Linear(int64_t in, int64_t out, bool with_bias, DType dtype, Loc loc) {
  LocScope scope(loc);
  if (in < 0 || out < 0)
    fail_at(ErrorKind::value,
            fmt::format("Linear: sizes must not be negative, got {} and {}", in, out), loc);
  double bound = in ? 1 / std::sqrt(static_cast<double>(in)) : 0;
  weight = parameter("weight", uniform({out, in}, -bound, bound, dtype), loc);
  if (with_bias) bias = parameter("bias", uniform({out}, -bound, bound, dtype), loc);
}

Tensor Linear::forward(const Tensor& x) {
  if (!scales_->defined()) return linear(x, weight, bias);
  Tensor y = quantized_matmul(x, weight, *scales_);
  return bias.defined() ? std::move(y) + bias : y;
}

void Linear::quantize(int64_t bits, int64_t block, Loc loc) {
  LocScope scope(loc);
  if (scales_->defined())
    fail_at(ErrorKind::value,
            "quantize: the layer's weight must be floating, got one that is quantised already",
            loc);
  auto [codes, scales] = weft::quantize(weight, bits, block);
  freeze("weight", loc);
  set_data(weight, codes.clone(), loc);
  *scales_ = buffer("scales", scales.clone(), loc);
}

LayerNorm::LayerNorm(const Shape& shape, double eps, bool affine, bool with_bias, DType dtype,
                     Loc loc)
    : shape_(shape), eps_(eps) {
  LocScope scope(loc);
  if (!affine) return;
  weight = parameter("weight", ones(shape, dtype), loc);
  if (with_bias) bias = parameter("bias", zeros(shape, dtype), loc);
}

Tensor LayerNorm::forward(const Tensor& x) { return layer_norm(x, shape_, weight, bias, eps_); }

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (auto& [name, part] : children())
    y = (*part)(y);
  return y;
}

Tensor ReLU::forward(const Tensor& x) { return relu(x); }
Tensor GELU::forward(const Tensor& x) { return gelu(x, approximate_); }
Tensor SiLU::forward(const Tensor& x) { return silu(x); }
Tensor Tanh::forward(const Tensor& x) { return tanh(x); }
Tensor Sigmoid::forward(const Tensor& x) { return sigmoid(x); }
Tensor Softmax::forward(const Tensor& x) { return softmax(x, dim_); }

} // namespace weft::nn
