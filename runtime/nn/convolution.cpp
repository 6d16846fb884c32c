#include "weft/nn_layers.h"

#include "runtime/core/fail_at.h"

#include <fmt/format.h>

#include <cmath>

namespace weft::nn {

namespace {

// The weight's shape: outer, inner / groups, then the kernel.
Shape weight_shape(const char* layer, int64_t outer, int64_t inner, const Dims& kernel, int spatial,
                   int64_t groups, const Loc& loc) {
  Dims sizes = kernel.size() == 1 ? Dims(Ints::filled(spatial, kernel[0])) : kernel;
  bool right = sizes.size() == spatial && outer > 0 && inner > 0 && groups > 0;
  for (int64_t size : sizes)
    right = right && size > 0;
  if (!right)
    fail_at(ErrorKind::value,
            fmt::format("{}: channels, groups and kernel_size, one number or {}, must be positive, "
                        "got {}, {}, {} and {}",
                        layer, spatial, outer, inner, groups, kernel.str()),
            loc);
  if (outer % groups || inner % groups)
    fail_at(ErrorKind::value,
            fmt::format("{}: channels must be multiples of groups, got {} and {} for {}", layer,
                        outer, inner, groups),
            loc);
  Shape shape{outer, inner / groups};
  for (int64_t size : sizes)
    shape.push_back(size);
  return shape;
}

// What a result is the sum of: +-1/sqrt of it bounds the first values (He et al., ICCV 2015, with
// the slope sqrt(5) that PyTorch uses).
double bound_of(const Shape& weight) {
  double terms = 1;
  for (int k = 1; k < weight.size(); k++)
    terms *= static_cast<double>(weight[k]);
  return 1 / std::sqrt(terms);
}

} // namespace

template <int N>
Conv<N>::Conv(int64_t in, int64_t out, const Dims& kernel_size, ConvOptions options, Loc loc)
    : options_(options) {
  LocScope scope(loc);
  Shape shape = weight_shape("Conv", out, in, kernel_size, N, options.groups, loc);
  double bound = bound_of(shape);
  weight = parameter("weight", uniform(shape, -bound, bound, options.dtype), loc);
  if (options.bias) bias = parameter("bias", uniform({out}, -bound, bound, options.dtype), loc);
}

template <int N> Tensor Conv<N>::forward(const Tensor& x) {
  const ConvOptions& o = options_;
  auto* op = N == 1 ? conv1d : N == 2 ? conv2d : conv3d;
  return op(x, weight, bias, o.stride, o.padding, o.dilation, o.groups);
}

template <int N>
ConvTranspose<N>::ConvTranspose(int64_t in, int64_t out, const Dims& kernel_size,
                                ConvTransposeOptions options, Loc loc)
    : options_(options) {
  LocScope scope(loc);
  Shape shape = weight_shape("ConvTranspose", in, out, kernel_size, N, options.groups, loc);
  double bound = bound_of(shape);
  weight = parameter("weight", uniform(shape, -bound, bound, options.dtype), loc);
  if (options.bias) bias = parameter("bias", uniform({out}, -bound, bound, options.dtype), loc);
}

template <int N> Tensor ConvTranspose<N>::forward(const Tensor& x) {
  const ConvTransposeOptions& o = options_;
  auto* op = N == 1 ? conv_transpose1d : N == 2 ? conv_transpose2d : conv_transpose3d;
  return op(x, weight, bias, o.stride, o.padding, o.output_padding, o.groups, o.dilation);
}

template class Conv<1>;
template class Conv<2>;
template class Conv<3>;
template class ConvTranspose<1>;
template class ConvTranspose<2>;
template class ConvTranspose<3>;

} // namespace weft::nn
