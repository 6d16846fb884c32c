// Differences and integrals along a dim, distances of rows, norms kept below a limit.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

Tensor part(const Tensor& x, int dim, int64_t start,
            int64_t end = std::numeric_limits<int64_t>::max()) {
  return slice(x, dim, start, end);
}

// The weights of three neighbours at distances a and b whose weighted sum is the slope at one.
struct Weights {
  Tensor first, second, third;
};
Weights in_the_middle(const Tensor& a, const Tensor& b) {
  return {-b / (a * (a + b)), (b - a) / (a * b), a / (b * (a + b))};
}
Weights at_the_front(const Tensor& a, const Tensor& b) {
  return {-(2 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b))};
}
Weights at_the_end(const Tensor& a, const Tensor& b) {
  return {b / (a * (a + b)), -(a + b) / (a * b), (a + 2 * b) / (b * (a + b))};
}

// `x` holds places along `dim`, three of them in a row are neighbours from `start` on.
Tensor slope(const Tensor& x, int dim, int64_t start, int64_t count, const Weights& w) {
  auto shifted = [&](int64_t by) { return part(x, dim, start + by, start + by + count); };
  return w.first * shifted(0) + w.second * shifted(1) + w.third * shifted(2);
}

// `steps` are the distances of neighbours, alike in all dims but `dim`.
Tensor slopes(const Tensor& x, int dim, const Tensor& steps, int64_t edge_order) {
  const int64_t n = x.size(dim);
  auto step = [&](int64_t from, int64_t count) { return part(steps, dim, from, from + count); };
  auto one_sided = [&](int64_t at) {
    return (part(x, dim, at + 1, at + 2) - part(x, dim, at, at + 1)) / step(at, 1);
  };
  std::vector<Tensor> parts;
  if (edge_order == 1) {
    parts.push_back(one_sided(0));
  } else {
    parts.push_back(slope(x, dim, 0, 1, at_the_front(step(0, 1), step(1, 1))));
  }
  if (n > 2)
    parts.push_back(slope(x, dim, 0, n - 2, in_the_middle(step(0, n - 2), step(1, n - 2))));
  if (edge_order == 1) {
    parts.push_back(one_sided(n - 2));
  } else {
    parts.push_back(slope(x, dim, n - 3, 1, at_the_end(step(n - 3, 1), step(n - 2, 1))));
  }
  return concatenate(parts, dim);
}

// Equal steps need no weights by division.
Tensor even_slopes(const Tensor& x, int dim, double step, int64_t edge_order) {
  const int64_t n = x.size(dim);
  auto at = [&](int64_t k) { return part(x, dim, k, k + 1); };
  std::vector<Tensor> parts;
  parts.push_back(edge_order == 1 ? at(1) - at(0) : -1.5 * at(0) + 2 * at(1) - 0.5 * at(2));
  if (n > 2) parts.push_back((part(x, dim, 2) - part(x, dim, 0, n - 2)) / 2);
  parts.push_back(edge_order == 1 ? at(n - 1) - at(n - 2)
                                  : 0.5 * at(n - 3) - 2 * at(n - 2) + 1.5 * at(n - 1));
  return concatenate(parts, dim) / step;
}

// What all forms of gradient start with: the dims, counted from the front.
std::vector<int> slope_dims(const Arg& x, const Dims& dim, int64_t edge_order) {
  const Meta& m = require_tensor(x, "gradient").meta;
  if (edge_order != 1 && edge_order != 2)
    refuse("gradient", ErrorKind::value,
           "edge_order must be 1 or 2, got " + std::to_string(edge_order), x.loc());
  std::vector<int> dims;
  for (int k = 0; k < (dim.empty() ? m.rank : dim.size()); k++)
    dims.push_back(dim.empty() ? k : normalize_dim(dim[k], m.rank, "gradient", x.loc()));
  for (size_t k = 0; k < dims.size(); k++) {
    if (m.rank == 0 || m.sizes[dims[k]] < edge_order + 1)
      refuse("gradient", ErrorKind::shape,
             "each dim must have at least edge_order + 1 elements, got " + describe(m), x.loc());
    if (std::count(dims.begin(), dims.end(), dims[k]) > 1)
      refuse("gradient", ErrorKind::index, "dims must differ, got " + dim.str(), x.loc());
  }
  return dims;
}

Tensor as_floating(const Arg& x) {
  return is_floating(x.impl()->meta.dtype) ? x.tensor() : x.tensor().to(f32, x.loc());
}

void require_one_a_dim(size_t given, size_t dims, const Loc& loc) {
  if (given != dims)
    refuse("gradient", ErrorKind::value,
           "there must be a spacing for each dim, got " + std::to_string(given) + " for " +
               std::to_string(dims),
           loc);
}

// Sums of neighbours, each times its distance, halved.
Tensor trapezoids(const char* op, const Arg& y, int dim, const Tensor& x, double dx) {
  Tensor values = y.tensor();
  Tensor pairs = part(values, dim, 1) + part(values, dim, 0, -1);
  if (!x.defined()) return std::move(pairs) * (dx / 2);
  const Meta& m = y.impl()->meta;
  Tensor places = x;
  if (places.rank() == 1) {
    if (places.numel() != m.sizes[dim])
      refuse(op, ErrorKind::shape,
             "x must have an element for each of the dim, got " + describe(places.impl()->meta) +
                 " for " + describe(m),
             y.loc());
    Shape along = Ints::filled(m.rank, 1);
    along[dim] = m.sizes[dim];
    places = reshape(places, along);
  }
  while (places.rank() < m.rank)
    places = unsqueeze(places, 0);
  const int own = dim + places.rank() - m.rank;
  return std::move(pairs) * (part(places, own, 1) - part(places, own, 0, -1)) / 2;
}

// The integral of no values, which keeps y's dtype.
bool has_none(const Arg& y, int dim) { return y.impl()->meta.sizes[dim] == 0; }
Tensor none_of(const Arg& y, int dim) { return sum(y.tensor(), dim).to(y.impl()->meta.dtype); }

// The dim of an integral.
int integral_dim(const char* op, const Arg& y, int64_t dim) {
  const Meta& m = require_tensor(y, op).meta;
  if (m.rank == 0) refuse(op, ErrorKind::shape, "y must have dims, got " + describe(m), y.loc());
  return normalize_dim(dim, m.rank, op, y.loc());
}

} // namespace

std::vector<Tensor> gradient(const Arg& x, double spacing, const Dims& dim, int64_t edge_order) {
  OpScope scope(x.loc());
  std::vector<Tensor> r;
  for (int d : slope_dims(x, dim, edge_order))
    r.push_back(even_slopes(as_floating(x), d, spacing, edge_order));
  return r;
}

std::vector<Tensor> gradient(const Arg& x, const std::vector<double>& spacing, const Dims& dim,
                             int64_t edge_order) {
  OpScope scope(x.loc());
  std::vector<int> dims = slope_dims(x, dim, edge_order);
  require_one_a_dim(spacing.size(), dims.size(), x.loc());
  std::vector<Tensor> r;
  for (size_t k = 0; k < dims.size(); k++)
    r.push_back(even_slopes(as_floating(x), dims[k], spacing[k], edge_order));
  return r;
}

std::vector<Tensor> gradient(const Arg& x, const std::vector<Tensor>& spacing, const Dims& dim,
                             int64_t edge_order) {
  OpScope scope(x.loc());
  std::vector<int> dims = slope_dims(x, dim, edge_order);
  require_one_a_dim(spacing.size(), dims.size(), x.loc());
  const Meta m = x.impl()->meta;
  std::vector<Tensor> r;
  for (size_t k = 0; k < dims.size(); k++) {
    const int d = dims[k];
    composite::require_given("gradient", "every spacing", spacing[k], x.loc());
    composite::require_shape("gradient", "a spacing", spacing[k], {m.sizes[d]}, x.loc());
    Shape along = Ints::filled(m.rank, 1);
    along[d] = m.sizes[d] - 1;
    Tensor from = as_floating(x);
    Tensor steps = reshape(diff(spacing[k]), along).to(from.dtype());
    r.push_back(slopes(from, d, steps, edge_order));
  }
  return r;
}

Tensor trapezoid(const Arg& y, double dx, int64_t dim) {
  OpScope scope(y.loc());
  const int d = integral_dim("trapezoid", y, dim);
  if (has_none(y, d)) return none_of(y, d);
  return sum(trapezoids("trapezoid", y, d, {}, dx), d);
}

Tensor trapezoid(const Arg& y, const Tensor& x, int64_t dim) {
  OpScope scope(y.loc());
  const int d = integral_dim("trapezoid", y, dim);
  composite::require_given("trapezoid", "x", x, y.loc());
  if (has_none(y, d)) return none_of(y, d);
  return sum(trapezoids("trapezoid", y, d, x, 1), d - y.impl()->meta.rank);
}

Tensor cumulative_trapezoid(const Arg& y, double dx, int64_t dim) {
  OpScope scope(y.loc());
  const int d = integral_dim("cumulative_trapezoid", y, dim);
  return cumsum(trapezoids("cumulative_trapezoid", y, d, {}, dx), d);
}

Tensor cumulative_trapezoid(const Arg& y, const Tensor& x, int64_t dim) {
  OpScope scope(y.loc());
  const int d = integral_dim("cumulative_trapezoid", y, dim);
  composite::require_given("cumulative_trapezoid", "x", x, y.loc());
  return cumsum(trapezoids("cumulative_trapezoid", y, d, x, 1), d - y.impl()->meta.rank);
}

Tensor dist(const Arg& x, const Arg& other, double p) {
  OpScope scope(x.loc());
  return vector_norm(sub(x, other), p);
}

Tensor pdist(const Arg& x, double p) {
  OpScope scope(x.loc());
  composite::require_floating("pdist", x);
  const Meta& m = x.impl()->meta;
  if (m.rank != 2 || !(p >= 0))
    refuse("pdist", ErrorKind::value,
           "x must have two dims and p not be negative, got " + describe(m) + " and " +
               std::to_string(p),
           x.loc());
  const DeviceScope place = composite::beside(x);
  Tensor pairs = triu_indices(m.sizes[0], m.sizes[0], 1), rows = x.tensor();
  Tensor difference = index_select(rows, 0, pairs[0]) - index_select(rows, 0, pairs[1]);
  if (difference.numel() == 0) return sum(difference, -1);
  return vector_norm(difference, p, -1);
}

Tensor renorm(const Arg& x, double p, int64_t dim, double maxnorm) {
  OpScope scope(x.loc());
  composite::require_floating("renorm", x);
  const Meta& m = x.impl()->meta;
  if (m.rank < 2 || !(p > 0) || !(maxnorm >= 0))
    refuse("renorm", ErrorKind::value,
           "x must have at least two dims, p be positive and maxnorm not negative, got " +
               describe(m) + ", " + std::to_string(p) + " and " + std::to_string(maxnorm),
           x.loc());
  const int d = normalize_dim(dim, m.rank, "renorm", x.loc());
  Dims others;
  for (int k = 0; k < m.rank; k++)
    if (k != d) others.push_back(k);
  Tensor wide = composite::widened(x);
  if (m.numel() == 0) return wide.to(m.dtype).clone(x.loc());
  Tensor norm = vector_norm(wide, p, others, true);
  return (wide * where(norm > maxnorm, maxnorm / (norm + 1e-7), 1.0)).to(m.dtype);
}

} // namespace weft
