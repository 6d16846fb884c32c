// Images at places between their pixels: a weighted sum of the pixels around each place, gathered
// by their number in the plane. Coordinates are in pixels, x the last dim.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

enum class Mode { bilinear, nearest, bicubic };
enum class Beyond { zeros, border, reflection };

struct Sampling {
  Tensor planes; // [N, C, pixels]
  std::vector<int64_t> sizes;
  Beyond beyond;
  bool align_corners;
  Loc loc;
};

// -1 .. 1 as pixels: the centres or the edges of the outermost ones are at the ends.
Tensor in_pixels(const Tensor& place, int64_t size, bool align_corners) {
  const auto n = static_cast<double>(size);
  return align_corners ? (place + 1) * ((n - 1) / 2) : ((place + 1) * n - 1) / 2;
}

// Folded at both ends, as often as it takes.
Tensor reflected(const Tensor& at, int64_t size, bool align_corners) {
  const double least = align_corners ? 0 : -0.5;
  const double span = static_cast<double>(align_corners ? size - 1 : size);
  if (span == 0) return at * 0;
  Tensor distance = abs(at - least), turns = floor(distance / span).detach();
  Tensor rest = distance - turns * span;
  Tensor is_even = remainder(turns, 2) == 0;
  return where(is_even, rest + least, span - rest + least);
}

// A coordinate as the padding has it: one of the image, unless zeros lie beyond.
Tensor padded(const Sampling& s, const Tensor& at, size_t dim) {
  const int64_t size = s.sizes[dim];
  const auto last = static_cast<double>(size - 1);
  if (s.beyond == Beyond::border) return clamp(at, 0.0, last);
  if (s.beyond == Beyond::reflection) return clamp(reflected(at, size, s.align_corners), 0.0, last);
  return at;
}

// The pixels at whole coordinates, 0 beyond the image: [N, C, places].
Tensor pixels(const Sampling& s, const std::vector<Tensor>& whole) {
  Tensor number, inside;
  for (size_t k = 0; k < whole.size(); k++) {
    Tensor at = whole[k].to(i64);
    Tensor own = logical_and(at >= 0, at < s.sizes[k]);
    Tensor limited = clamp(at, 0, s.sizes[k] - 1);
    number = number.defined() ? number * s.sizes[k] + limited : limited;
    inside = inside.defined() ? logical_and(inside, own) : own;
  }
  Shape shape = s.planes.shape();
  shape[2] = number.size(1);
  Tensor found = composite::gather_along(s.planes, 2, expand(unsqueeze(number, 1), shape), s.loc);
  return where(unsqueeze(inside, 1), found, 0);
}

Tensor linear_sample(const Sampling& s, const std::vector<Tensor>& places) {
  const size_t dims = places.size();
  std::vector<Tensor> at, low;
  for (size_t k = 0; k < dims; k++) {
    at.push_back(padded(s, places[k], k));
    low.push_back(floor(at[k]).detach());
  }
  Tensor y;
  for (size_t corner = 0; corner < size_t{1} << dims; corner++) {
    std::vector<Tensor> whole;
    Tensor weight;
    for (size_t k = 0; k < dims; k++) {
      const bool is_high = corner >> k & 1;
      whole.push_back(is_high ? low[k] + 1 : low[k]);
      Tensor share = is_high ? at[k] - low[k] : low[k] + 1 - at[k];
      weight = weight.defined() ? weight * share : share;
    }
    Tensor part = pixels(s, whole) * unsqueeze(weight, 1);
    y = y.defined() ? y + part : part;
  }
  return y;
}

Tensor nearest_sample(const Sampling& s, const std::vector<Tensor>& places) {
  std::vector<Tensor> whole;
  for (size_t k = 0; k < places.size(); k++)
    whole.push_back(round(padded(s, places[k].detach(), k)));
  return pixels(s, whole);
}

// Keys, Cubic convolution interpolation, 1981, with a = -0.75: the weights of four pixels in a row.
std::vector<Tensor> cubic_weights(const Tensor& t) {
  constexpr double a = -0.75;
  auto near = [](const Tensor& x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  auto far = [](const Tensor& x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

// The padding is that of each pixel, not of the place.
Tensor cubic_sample(const Sampling& s, const std::vector<Tensor>& places) {
  std::vector<Tensor> low;
  std::vector<std::vector<Tensor>> weights;
  for (const Tensor& place : places) {
    low.push_back(floor(place).detach());
    weights.push_back(cubic_weights(place - low.back()));
  }
  Tensor y;
  for (size_t row = 0; row < 4; row++)
    for (size_t column = 0; column < 4; column++) {
      std::vector<Tensor> whole = {padded(s, low[0] + (static_cast<double>(row) - 1), 0),
                                   padded(s, low[1] + (static_cast<double>(column) - 1), 1)};
      Tensor part = pixels(s, whole) * unsqueeze(weights[0][row] * weights[1][column], 1);
      y = y.defined() ? y + part : part;
    }
  return y;
}

Mode mode_of(std::string_view word, int spatial, const Loc& loc) {
  if (word == "bilinear") return Mode::bilinear;
  if (word == "nearest") return Mode::nearest;
  if (word == "bicubic" && spatial == 2) return Mode::bicubic;
  refuse("grid_sample", ErrorKind::value,
         "mode must be bilinear, nearest or, of two spatial dims, bicubic, got " +
             std::string(word),
         loc);
}

Beyond beyond_of(std::string_view word, const Loc& loc) {
  if (word == "zeros") return Beyond::zeros;
  if (word == "border") return Beyond::border;
  if (word == "reflection") return Beyond::reflection;
  refuse("grid_sample", ErrorKind::value,
         "padding_mode must be zeros, border or reflection, got " + std::string(word), loc);
}

// The coordinates of the pixels' centres, from -1 to 1.
Tensor centres(int64_t size, bool align_corners, DType dtype) {
  if (size <= 1) return zeros({size}, dtype);
  Tensor r = linspace(-1, 1, size, dtype);
  return align_corners ? r : r * (static_cast<double>(size - 1) / static_cast<double>(size));
}

} // namespace

Tensor grid_sample(const Arg& x, const Tensor& grid, std::string_view mode,
                   std::string_view padding_mode, bool align_corners) {
  OpScope scope(x.loc());
  composite::require_floating("grid_sample", x);
  const Meta m = x.impl()->meta;
  const Meta& mg = composite::require_defined("grid_sample", "grid", grid, x.loc());
  const int spatial = m.rank - 2;
  bool fits = (spatial == 2 || spatial == 3) && mg.rank == m.rank && mg.sizes[0] == m.sizes[0] &&
              mg.sizes[m.rank - 1] == spatial;
  for (int k = 2; fits && k < m.rank; k++)
    fits = m.sizes[k] > 0;
  if (!fits || mg.dtype != m.dtype)
    refuse("grid_sample", ErrorKind::shape,
           "x must be [N, C, sizes...] of 2 or 3 spatial dims that are not empty, and grid [N, "
           "sizes..., their number] of its dtype, got " +
               describe(m) + " and " + describe(mg),
           x.loc());
  const Mode how = mode_of(mode, spatial, x.loc());
  const DeviceScope place = composite::beside(x);
  Tensor wide = composite::widened(x), points = composite::widened(Arg(grid, x.loc()));
  points = where(isnan(points), -1.0, points);
  Sampling s{flatten(wide, 2), {}, beyond_of(padding_mode, x.loc()), align_corners, x.loc()};
  std::vector<Tensor> places; // [N, places] along each dim of x
  for (int k = 0; k < spatial; k++) {
    s.sizes.push_back(m.sizes[k + 2]);
    Tensor own = flatten(select(points, -1, spatial - 1 - k), 1);
    places.push_back(in_pixels(own, s.sizes.back(), align_corners));
  }
  Tensor y = how == Mode::bilinear  ? linear_sample(s, places)
             : how == Mode::nearest ? nearest_sample(s, places)
                                    : cubic_sample(s, places);
  Shape shape = m.shape();
  for (int k = 0; k < spatial; k++)
    shape[k + 2] = mg.sizes[k + 1];
  return reshape(y, shape).to(m.dtype);
}

Tensor affine_grid(const Arg& theta, const Shape& size, bool align_corners) {
  OpScope scope(theta.loc());
  composite::require_floating("affine_grid", theta);
  const Meta m = theta.impl()->meta;
  const int spatial = size.size() - 2;
  bool fits = (spatial == 2 || spatial == 3) && m.rank == 3 && m.sizes[0] == size[0] &&
              m.sizes[1] == spatial && m.sizes[2] == spatial + 1;
  for (int64_t s : size)
    fits = fits && s > 0;
  if (!fits)
    refuse(
        "affine_grid", ErrorKind::shape,
        "theta must be [N, 2, 3] for a size [N, C, H, W], or [N, 3, 4] for [N, C, D, H, W], got " +
            describe(m) + " and " + size.str(),
        theta.loc());
  const DeviceScope place = composite::beside(theta);
  std::vector<Tensor> along;
  for (int k = 0; k < spatial; k++)
    along.push_back(centres(size[k + 2], align_corners, m.dtype));
  std::vector<Tensor> columns;
  for (const Tensor& t : meshgrid(along, "ij", theta.loc()))
    columns.insert(columns.begin(), reshape(t, {-1}));
  columns.push_back(ones_like(columns[0]));
  Tensor points = stack(columns, 1, theta.loc()); // [places, spatial + 1]
  Tensor y = matmul(points, transpose(theta, 1, 2));
  Shape shape{size[0]};
  for (int k = 0; k < spatial; k++)
    shape.push_back(size[k + 2]);
  shape.push_back(spatial);
  return reshape(y, shape);
}

} // namespace weft
