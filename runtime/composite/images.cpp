// Images whose elements change places: windows as columns and back, channels as pixels.

#include "runtime/autograd/vjp_view.h"
#include "runtime/composite/apart.h"
#include "runtime/core/windows.h"

namespace weft {

namespace {

using composite::refuse;

// The windows of unfold and fold over an image of two dims.
struct Columns {
  const char* op;
  Window rows, columns;

  Columns(const char* name, const Arg& x, const Dims& kernel, const Dims& dilation,
          const Dims& padding, const Dims& stride)
      : op(name) {
    auto pair = [&](const char* what, const Dims& given, int64_t least) {
      Dims both = given.size() == 1 ? Dims({given[0], given[0]}) : given;
      auto fits = [&](int64_t n) { return n >= least && n <= kMostOfWindow; };
      if (both.size() != 2 || !fits(both[0]) || !fits(both[1]))
        refuse(op, ErrorKind::value,
               std::string(what) + " must be one number or 2, each from " + std::to_string(least) +
                   " to 2^31, got " + given.str(),
               x.loc());
      return both;
    };
    Dims k = pair("kernel_size", kernel, 1), d = pair("dilation", dilation, 1);
    Dims p = pair("padding", padding, 0), s = pair("stride", stride, 1);
    rows = {k[0], s[0], p[0], p[0], d[0]};
    columns = {k[1], s[1], p[1], p[1], d[1]};
  }
  int64_t taps() const { return rows.kernel * columns.kernel; }
  // What a tap sees of a padded dim: positions first, first + stride, ...
  static Tensor seen(const Tensor& padded, int dim, const Window& w, int64_t tap, int64_t places) {
    int64_t first = tap * w.dilation;
    return slice(padded, dim, first, first + (places - 1) * w.stride + 1, w.stride);
  }
};

// x between `before` and `behind` zeros of a dim.
Tensor padded(const Tensor& x, int dim, int64_t before, int64_t behind) {
  if (before == 0 && behind == 0) return x;
  Shape shape = x.shape();
  shape[dim] += before + behind;
  return place_slice(x, shape, dim, before, 1);
}

// A dim of `size` elements as [size / inner, inner].
Shape with_split(const Shape& shape, int dim, int64_t inner) {
  Shape split = shape;
  split.resize(shape.size() + 1);
  std::copy_backward(split.begin() + dim + 1, split.end() - 1, split.end());
  split[dim] = shape[dim] / inner;
  split[dim + 1] = inner;
  return split;
}

} // namespace

Tensor unfold(const Arg& x, const Dims& kernel_size, const Dims& dilation, const Dims& padding,
              const Dims& stride) {
  OpScope scope(x.loc());
  Columns c("unfold", x, kernel_size, dilation, padding, stride);
  const Meta m = require_tensor(x, "unfold").meta;
  bool lacks_samples = m.rank == 3;
  int64_t high = 0, wide = 0;
  if (lacks_samples || m.rank == 4) {
    high = c.rows.places(m.sizes[m.rank - 2]);
    wide = c.columns.places(m.sizes[m.rank - 1]);
  }
  if (high < 1 || wide < 1)
    refuse("unfold", ErrorKind::shape,
           "x must be an image [N, C, H, W] or [C, H, W] that the kernel fits, got " + describe(m),
           x.loc());
  const DeviceScope place = composite::beside(x);
  Tensor image = lacks_samples ? unsqueeze(x, 0) : x.tensor();
  image = padded(padded(image, 2, c.rows.begin, c.rows.end), 3, c.columns.begin, c.columns.end);
  std::vector<Tensor> taps;
  for (int64_t a = 0; a < c.rows.kernel; a++) {
    Tensor lines = Columns::seen(image, 2, c.rows, a, high);
    for (int64_t b = 0; b < c.columns.kernel; b++)
      taps.push_back(unsqueeze(Columns::seen(lines, 3, c.columns, b, wide), 2));
  }
  Tensor y = concatenate(taps, 2); // [N, C, taps, places...]
  y = reshape(y, {y.size(0), y.size(1) * c.taps(), high * wide});
  return lacks_samples ? squeeze(y, 0) : y;
}

Tensor fold(const Arg& x, const Dims& output_size, const Dims& kernel_size, const Dims& dilation,
            const Dims& padding, const Dims& stride) {
  OpScope scope(x.loc());
  Columns c("fold", x, kernel_size, dilation, padding, stride);
  const Meta m = require_tensor(x, "fold").meta;
  bool lacks_samples = m.rank == 2;
  Dims size = output_size.size() == 1 ? Dims({output_size[0], output_size[0]}) : output_size;
  bool fits = (lacks_samples || m.rank == 3) && size.size() == 2 && size[0] > 0 && size[1] > 0;
  int64_t high = fits ? c.rows.places(size[0]) : 0, wide = fits ? c.columns.places(size[1]) : 0;
  if (high < 1 || wide < 1 || m.sizes[m.rank - 1] != high * wide || m.sizes[m.rank - 2] % c.taps())
    refuse("fold", ErrorKind::shape,
           "x must be [N, C * " + std::to_string(c.taps()) + ", " + std::to_string(high * wide) +
               "], the places of the windows in an image of " + output_size.str() + ", got " +
               describe(m),
           x.loc());
  const DeviceScope place = composite::beside(x);
  Tensor columns = lacks_samples ? unsqueeze(x, 0) : x.tensor();
  Shape tall{columns.size(0), columns.size(1) / c.taps(), size[0] + 2 * c.rows.begin, wide};
  Shape whole = tall;
  whole[3] = size[1] + 2 * c.columns.begin;
  columns = reshape(columns, {tall[0], tall[1], c.taps(), high, wide});
  Tensor sum;
  for (int64_t a = 0; a < c.rows.kernel; a++)
    for (int64_t b = 0; b < c.columns.kernel; b++) {
      Tensor tap = select(columns, 2, a * c.columns.kernel + b);
      tap = place_slice(tap, tall, 2, a * c.rows.dilation, c.rows.stride);
      tap = place_slice(tap, whole, 3, b * c.columns.dilation, c.columns.stride);
      sum = sum.defined() ? std::move(sum) + std::move(tap) : tap;
    }
  sum = slice(sum, 2, c.rows.begin, c.rows.begin + size[0]);
  sum = slice(sum, 3, c.columns.begin, c.columns.begin + size[1]);
  return lacks_samples ? squeeze(sum, 0) : sum;
}

Tensor pixel_shuffle(const Arg& x, int64_t upscale_factor) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "pixel_shuffle").meta;
  const Tensor from = x.tensor();
  int64_t r = upscale_factor;
  if (m.rank < 3 || r < 1 || r > (int64_t{1} << 20) || m.sizes[m.rank - 3] % (r * r))
    refuse("pixel_shuffle", ErrorKind::shape,
           "x must be [..., C * r^2, H, W] for a positive factor r, got " + describe(m) + " and " +
               std::to_string(r),
           x.loc());
  int64_t height = m.sizes[m.rank - 2], width = m.sizes[m.rank - 1];
  Shape sizes = m.shape();
  sizes[m.rank - 3] /= r * r;
  sizes[m.rank - 2] *= r;
  sizes[m.rank - 1] *= r;
  // [N, r, r, H, W] to [N, H, r, W, r], where N are all dims before and the channels.
  int64_t groups = 1;
  for (int k = 0; k < m.rank - 2; k++)
    groups *= sizes[k];
  Tensor parts = reshape(from, {groups, r, r, height, width});
  return composite::apart_from(from, reshape(permute(parts, {0, 3, 1, 4, 2}), sizes), x.loc());
}

Tensor pixel_unshuffle(const Arg& x, int64_t downscale_factor) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "pixel_unshuffle").meta;
  const Tensor from = x.tensor();
  int64_t r = downscale_factor;
  if (m.rank < 3 || r < 1 || r > (int64_t{1} << 20) || m.sizes[m.rank - 2] % r ||
      m.sizes[m.rank - 1] % r)
    refuse("pixel_unshuffle", ErrorKind::shape,
           "x must be [..., C, H * r, W * r] for a positive factor r, got " + describe(m) +
               " and " + std::to_string(r),
           x.loc());
  Shape sizes = m.shape();
  int64_t groups = 1;
  for (int k = 0; k < m.rank - 2; k++)
    groups *= sizes[k];
  sizes[m.rank - 3] *= r * r;
  sizes[m.rank - 2] /= r;
  sizes[m.rank - 1] /= r;
  Tensor parts = reshape(from, {groups, sizes[m.rank - 2], r, sizes[m.rank - 1], r});
  return composite::apart_from(from, reshape(permute(parts, {0, 2, 4, 1, 3}), sizes), x.loc());
}

Tensor channel_shuffle(const Arg& x, int64_t groups) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "channel_shuffle").meta;
  const Tensor from = x.tensor();
  if (m.rank < 3 || groups < 1 || m.sizes[1] % groups)
    refuse("channel_shuffle", ErrorKind::shape,
           "x must be [N, C, ...] with C a multiple of groups, got " + describe(m) + " and " +
               std::to_string(groups),
           x.loc());
  Shape sizes = m.shape();
  Tensor parts = reshape(
      from, with_split(sizes, 1,
                       std::max<int64_t>(1, sizes[1] / groups))); // [N, groups, C / groups, ...]
  return composite::apart_from(from, reshape(transpose(parts, 1, 2), sizes), x.loc());
}

} // namespace weft
