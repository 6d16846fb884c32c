// Images of other sizes: each dim by itself, a weighted sum of the elements next to a place.

#include "runtime/composite/composite.h"

#include <cmath>

namespace weft {

namespace {

using composite::refuse;

enum class Mode { nearest, nearest_exact, linear, cubic, area };

struct Form {
  const char* name;
  Mode mode;
  int spatial; // 0: any
};
constexpr Form kForms[] = {
    {"nearest", Mode::nearest, 0},  {"nearest-exact", Mode::nearest_exact, 0},
    {"linear", Mode::linear, 1},    {"bilinear", Mode::linear, 2},
    {"trilinear", Mode::linear, 3}, {"bicubic", Mode::cubic, 2},
    {"area", Mode::area, 0},
};

// How one dim changes. Places are computed in the precision of the elements, as they decide which
// element is the nearest.
struct DimChange {
  int64_t from, to;
  double scale; // 0: from / to
  bool align_corners;
};

template <class T> T step_of(const DimChange& c) {
  if (c.align_corners)
    return c.to > 1 ? static_cast<T>(c.from - 1) / static_cast<T>(c.to - 1) : T(0);
  return c.scale > 0 ? static_cast<T>(1 / c.scale) : static_cast<T>(c.from) / static_cast<T>(c.to);
}

// The elements whose weighted sum a new one is: some an element, and their weights.
struct Taps {
  std::vector<Tensor> positions, weights; // i64 and f64; no weights where there is one tap

  Taps(int count, int64_t places) {
    for (int k = 0; k < count; k++) {
      positions.push_back(empty({places}, i64));
      if (count > 1) weights.push_back(empty({places}, f64));
    }
  }
  int64_t& position(int k, int64_t i) { return static_cast<int64_t*>(start(positions, k))[i]; }
  double& weight(int k, int64_t i) { return static_cast<double*>(start(weights, k))[i]; }

private:
  static void* start(const std::vector<Tensor>& list, int k) {
    return list[static_cast<size_t>(k)].impl()->data();
  }
};

// Keys, Cubic convolution interpolation, 1981, with a = -0.75.
void cubic_weights(double t, double (&w)[4]) {
  constexpr double a = -0.75;
  auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  w[0] = far(t + 1);
  w[1] = near(t);
  w[2] = near(1 - t);
  w[3] = far(2 - t);
}

template <class T> Taps taps_of(Mode mode, const DimChange& c) {
  const T step = step_of<T>(c);
  int count = mode == Mode::linear ? 2 : mode == Mode::cubic ? 4 : 1;
  Taps taps(count, c.to);
  auto inside = [&](int64_t p) { return std::clamp<int64_t>(p, 0, c.from - 1); };
  for (int64_t i = 0; i < c.to; i++) {
    const T number = static_cast<T>(i);
    if (count == 1) {
      T at = mode == Mode::nearest ? number * step : (number + T(0.5)) * step;
      taps.position(0, i) = inside(static_cast<int64_t>(std::floor(at)));
      continue;
    }
    T at = c.align_corners ? number * step : (number + T(0.5)) * step - T(0.5);
    if (mode == Mode::linear) at = std::max(at, T(0));
    auto first = static_cast<int64_t>(std::floor(at));
    double share = static_cast<double>(at - static_cast<T>(first));
    double weights[4] = {1 - share, share};
    if (mode == Mode::cubic) cubic_weights(share, weights);
    for (int k = 0; k < count; k++) {
      taps.position(k, i) = inside(mode == Mode::cubic ? first + k - 1 : first + k);
      taps.weight(k, i) = weights[k];
    }
  }
  return taps;
}

Tensor resampled(const Tensor& x, int dim, Mode mode, const DimChange& c) {
  if (c.from == c.to && (c.scale == 0 || c.scale == 1)) return x;
  Taps taps = x.dtype() == f64 ? taps_of<double>(mode, c) : taps_of<float>(mode, c);
  Shape along = Ints::filled(x.rank(), 1);
  along[dim] = c.to;
  Tensor y;
  for (size_t k = 0; k < taps.positions.size(); k++) {
    Tensor part = index_select(x, dim, taps.positions[k].to(x.device()));
    if (!taps.weights.empty())
      part = std::move(part) * reshape(taps.weights[k], along).to(x.dtype()).to(x.device());
    y = y.defined() ? std::move(y) + std::move(part) : part;
  }
  return y;
}

} // namespace

Tensor interpolate(const Arg& x, const Dims& size, const std::vector<double>& scale_factor,
                   std::string_view mode, bool align_corners) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "interpolate").meta;
  auto form = std::find_if(std::begin(kForms), std::end(kForms),
                           [&](const Form& f) { return mode == f.name; });
  int spatial = m.rank - 2;
  if (form == std::end(kForms) || spatial < 1 || spatial > 3 ||
      (form->spatial && form->spatial != spatial))
    refuse("interpolate", ErrorKind::value,
           "mode must be nearest, nearest-exact or area, linear for 1 spatial dim, bilinear or "
           "bicubic "
           "for 2 or trilinear for 3, got " +
               std::string(mode) + " for " + describe(m),
           x.loc());
  bool is_weighted = form->mode == Mode::linear || form->mode == Mode::cubic;
  if (is_weighted || form->mode == Mode::area) composite::require_floating("interpolate", x);
  auto has_one_a_dim = [&](size_t n) { return n == 1 || n == static_cast<size_t>(spatial); };
  bool by_size = !size.empty(), by_scale = !scale_factor.empty();
  if (by_size == by_scale || !has_one_a_dim(by_size ? size.size() : scale_factor.size()))
    refuse("interpolate", ErrorKind::value,
           "either size or scale_factor must be given, one number or one a dim, got " + size.str() +
               " and " + std::to_string(scale_factor.size()) + " factors",
           x.loc());
  Dims sizes;
  Shape result = m.shape();
  std::vector<DimChange> changes;
  for (int k = 0; k < spatial; k++) {
    int64_t from = m.sizes[k + 2];
    double factor =
        !by_scale ? 0 : scale_factor[scale_factor.size() == 1 ? 0 : static_cast<size_t>(k)];
    double scaled = std::floor(static_cast<double>(from) * factor);
    int64_t to = by_size                          ? size[size.size() == 1 ? 0 : k]
                 : scaled >= 1 && scaled < 0x1p40 ? static_cast<int64_t>(scaled)
                                                  : 0;
    if (from < 1 || to < 1)
      refuse("interpolate", ErrorKind::shape,
             "old and new sizes must be positive, got " + std::to_string(to) + " for " +
                 describe(m),
             x.loc());
    sizes.push_back(to);
    result[k + 2] = to;
    changes.push_back({from, to, factor, align_corners && is_weighted});
  }
  composite::require_possible("interpolate", result, m.dtype, x.loc());
  if (form->mode == Mode::area) {
    auto* pool = spatial == 1   ? adaptive_avg_pool1d
                 : spatial == 2 ? adaptive_avg_pool2d
                                : adaptive_avg_pool3d;
    return pool(x, sizes);
  }
  Tensor y = is_weighted ? composite::widened(x) : x.tensor();
  for (int k = spatial; k-- > 0;)
    y = resampled(y, k + 2, form->mode, changes[static_cast<size_t>(k)]);
  return y.to(m.dtype);
}

} // namespace weft
