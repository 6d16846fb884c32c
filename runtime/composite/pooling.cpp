// Averages over windows and parts. A mean over windows is a convolution with ones, divided by what
// was counted; parts of equal length are a reshape.

#include "runtime/composite/index_operands.h"
#include "runtime/composite/pool_windows.h"

#include <cmath>

namespace weft {

namespace {

using composite::PoolArguments;
using composite::refuse;

// How many elements each window counts along one dim: a number, or one a place.
Tensor counts_along(const Window& w, int64_t size, bool with_padding) {
  Tensor start = arange(w.places(size)) * w.stride - w.begin;
  int64_t low = with_padding ? -w.begin : 0, high = with_padding ? size + w.begin : size;
  return minimum(start + w.kernel, high) - maximum(start, low);
}

Tensor averaged(const char* op, const Arg& x, int spatial, const PoolArguments& a,
                bool with_padding, std::optional<int64_t> divisor) {
  OpScope scope(x.loc(), op);
  composite::require_floating(op, x);
  const DeviceScope place = composite::beside(x);
  WindowList windows = composite::pool_windows(op, x, spatial, a);
  if (divisor && *divisor == 0)
    refuse(op, ErrorKind::value, "divisor_override must not be 0, got 0", x.loc());
  const Meta m = x.impl()->meta;
  Tensor wide = composite::widened(x);
  Shape planes{-1, 1}, ones_shape{1, 1}, sizes = m.shape();
  int64_t samples = 1, kernel = 1;
  bool is_even = true; // each window counts its whole kernel
  for (int k = 0; k < m.rank - spatial; k++)
    samples *= m.sizes[k];
  planes[0] = samples;
  std::vector<int64_t> structure{1};
  windows.write(structure);
  for (int k = 0; k < spatial; k++) {
    const Window& w = windows.dims[k];
    int at = m.rank - spatial + k;
    if (spatial == 3 && m.sizes[at] < w.kernel)
      refuse(op, ErrorKind::shape,
             "the kernel must fit x without padding, got " + a.kernel.str() + " for " + describe(m),
             x.loc());
    planes.push_back(m.sizes[at]);
    ones_shape.push_back(w.kernel);
    kernel *= w.kernel;
    sizes[at] = w.places(m.sizes[at]);
    is_even = is_even && (w.begin == 0 || with_padding) && w.end <= w.begin;
  }
  Arg image(reshape(wide, planes), x.loc()), weights(ones(ones_shape, wide.dtype()), x.loc());
  Tensor total =
      reshape(primitive(Op::convolution, {&image, &weights}, {}, structure, {}, x.loc()), sizes);
  if (divisor || is_even)
    return (std::move(total) / static_cast<double>(divisor.value_or(kernel))).to(m.dtype);
  for (int k = 0; k < spatial; k++) {
    Shape along = Ints::filled(m.rank, 1);
    int at = m.rank - spatial + k;
    along[at] = sizes[at];
    Tensor counts = counts_along(windows.dims[k], m.sizes[at], with_padding);
    total = std::move(total) / reshape(std::move(counts), along).to(wide.dtype());
  }
  return total.to(m.dtype);
}

// The means over n parts of a dim, which may overlap by an element.
Tensor part_means(const Tensor& x, int dim, int64_t n, const Loc& loc) {
  int64_t size = x.size(dim);
  if (n == 1) return mean(x, dim, true);
  if (n > 0 && size % n == 0) {
    Shape split = x.shape();
    split.resize(split.size() + 1);
    std::copy_backward(split.begin() + dim, split.end() - 1, split.end());
    split[dim] = n;
    split[dim + 1] = size / n;
    return mean(reshape(x, split), dim + 1);
  }
  if (n == 0) return slice(x, dim, 0, 0);
  if (n > size) { // parts of one element or two: their first and their last
    auto share = [&](int64_t i) {
      return static_cast<int64_t>(static_cast<__int128>(i) * size / n);
    };
    Tensor first = composite::index_list(n, x.device(), loc, share);
    Tensor last = composite::index_list(n, x.device(), loc, [&](int64_t i) {
      return static_cast<int64_t>((static_cast<__int128>(i + 1) * size - 1) / n);
    });
    return (index_select(x, dim, first) + index_select(x, dim, last)) / 2;
  }
  if (n > composite::kMostPieces)
    refuse("adaptive_avg_pool", ErrorKind::value,
           "there must be at most 2^24 parts of different sizes, got " + std::to_string(n), loc);
  std::vector<Tensor> means;
  for (int64_t i = 0; i < n; i++)
    means.push_back(mean(slice(x, dim, i * size / n, ((i + 1) * size - 1) / n + 1), dim, true));
  return concatenate(means, dim);
}

Tensor adaptive_averaged(const char* op, const Arg& x, const Dims& output_size, int spatial) {
  OpScope scope(x.loc(), op);
  composite::require_floating(op, x);
  Dims parts = composite::pool_parts(op, x, output_size, spatial);
  DType dtype = x.impl()->meta.dtype;
  Tensor y = composite::widened(x);
  bool is_global = std::all_of(parts.begin(), parts.end(), [](int64_t n) { return n == 1; });
  if (is_global) {
    Dims dims;
    for (int k = 1; k <= spatial; k++)
      dims.push_back(-k);
    return mean(y, dims, true).to(dtype);
  }
  for (int k = spatial; k-- > 0;)
    y = part_means(y, y.rank() - spatial + k, parts[k], x.loc());
  return y.to(dtype);
}

} // namespace

Tensor avg_pool1d(const Arg& x, const Dims& kernel_size, const Dims& stride, const Dims& padding,
                  bool ceil_mode, bool count_include_pad) {
  return averaged("avg_pool1d", x, 1, {kernel_size, stride, padding, 1, ceil_mode},
                  count_include_pad, std::nullopt);
}
Tensor avg_pool2d(const Arg& x, const Dims& kernel_size, const Dims& stride, const Dims& padding,
                  bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) {
  return averaged("avg_pool2d", x, 2, {kernel_size, stride, padding, 1, ceil_mode},
                  count_include_pad, divisor_override);
}
Tensor avg_pool3d(const Arg& x, const Dims& kernel_size, const Dims& stride, const Dims& padding,
                  bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) {
  return averaged("avg_pool3d", x, 3, {kernel_size, stride, padding, 1, ceil_mode},
                  count_include_pad, divisor_override);
}

Tensor adaptive_avg_pool1d(const Arg& x, const Dims& output_size) {
  return adaptive_averaged("adaptive_avg_pool1d", x, output_size, 1);
}
Tensor adaptive_avg_pool2d(const Arg& x, const Dims& output_size) {
  return adaptive_averaged("adaptive_avg_pool2d", x, output_size, 2);
}
Tensor adaptive_avg_pool3d(const Arg& x, const Dims& output_size) {
  return adaptive_averaged("adaptive_avg_pool3d", x, output_size, 3);
}

namespace {

// The greatest magnitude in a window for the norm of infinite order, the least for its negative.
Tensor extreme_pooled(const Arg& x, bool greatest, const Dims& kernel_size, const Dims& stride,
                      bool ceil_mode, int spatial) {
  auto* pool = spatial == 1 ? max_pool1d : spatial == 2 ? max_pool2d : max_pool3d;
  const Tensor magnitudes = abs(x);
  const Tensor compared = greatest ? magnitudes : neg(magnitudes);
  const Tensor extremes = pool(Arg(compared, x.loc()), kernel_size, stride, 0, 1, ceil_mode);
  return greatest ? extremes : neg(extremes);
}

// The root of the sum of powers: their mean times the elements of a window.
Tensor power_pooled(const char* op, const Arg& x, double norm_type, const Dims& kernel_size,
                    const Dims& stride, bool ceil_mode, int spatial) {
  OpScope scope(x.loc(), op);
  composite::require_floating(op, x);
  if (norm_type == 0 || norm_type != norm_type)
    refuse(op, ErrorKind::value,
           "norm_type must be a number other than 0, got " + std::to_string(norm_type), x.loc());
  if (std::isinf(norm_type))
    return extreme_pooled(x, norm_type > 0, kernel_size, stride, ceil_mode, spatial);
  Tensor powers = pow(composite::widened(x), norm_type);
  Tensor means = averaged(op, Arg(powers, x.loc()), spatial, {kernel_size, stride, 0, 1, ceil_mode},
                          true, std::nullopt);
  double elements = 1;
  for (int k = 0; k < spatial; k++)
    elements *= static_cast<double>(kernel_size[kernel_size.size() == 1 ? 0 : k]);
  Tensor sums = std::move(means) * elements, is_zero = sums == 0;
  Tensor roots = pow(where(is_zero, 1, sums), 1 / norm_type);
  return where(is_zero, pow(sums.detach(), 1 / norm_type), roots).to(x.impl()->meta.dtype);
}

} // namespace

Tensor lp_pool1d(const Arg& x, double norm_type, const Dims& kernel_size, const Dims& stride,
                 bool ceil_mode) {
  return power_pooled("lp_pool1d", x, norm_type, kernel_size, stride, ceil_mode, 1);
}
Tensor lp_pool2d(const Arg& x, double norm_type, const Dims& kernel_size, const Dims& stride,
                 bool ceil_mode) {
  return power_pooled("lp_pool2d", x, norm_type, kernel_size, stride, ceil_mode, 2);
}
Tensor lp_pool3d(const Arg& x, double norm_type, const Dims& kernel_size, const Dims& stride,
                 bool ceil_mode) {
  return power_pooled("lp_pool3d", x, norm_type, kernel_size, stride, ceil_mode, 3);
}

Tensor local_response_norm(const Arg& x, int64_t size, double alpha, double beta, double k) {
  OpScope scope(x.loc());
  composite::require_floating("local_response_norm", x);
  const Meta m = x.impl()->meta;
  if (m.rank < 3 || size < 1 || size > kMostOfWindow)
    refuse("local_response_norm", ErrorKind::shape,
           "x must have at least 3 dims and size be in 1 .. 2^31, got " + describe(m) + " and " +
               std::to_string(size),
           x.loc());
  const DeviceScope place = composite::beside(x);
  Tensor t = x.tensor();
  if (m.numel() == 0) return t;
  // Channels are the only spatial dim of an image [N, 1, C, elements].
  Tensor wide = composite::widened(x);
  Tensor squares = reshape(wide * wide, {m.sizes[0], 1, m.sizes[1], -1});
  std::vector<int64_t> structure{1, 1, size / 2, (size - 1) / 2, 1, 1, 0, 0, 1};
  Arg image(squares, x.loc()), weights(ones({1, 1, size, 1}, wide.dtype()), x.loc());
  Tensor sums = primitive(Op::convolution, {&image, &weights}, {}, structure, {}, x.loc());
  Tensor means = reshape(std::move(sums), m.shape()) / static_cast<double>(size);
  return (wide / pow(means * alpha + k, beta)).to(m.dtype);
}

} // namespace weft
