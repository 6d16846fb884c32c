// Quantiles and extremes of a dim.

#include "runtime/composite/along.h"
#include "runtime/core/refusal.h"

namespace weft {

using composite::Along;
using composite::refuse;

namespace {

enum class Between { linear, lower, higher, midpoint, nearest };

Between between_of(const char* op, std::string_view word, const Loc& loc) {
  constexpr std::pair<std::string_view, Between> kWords[] = {{"linear", Between::linear},
                                                             {"lower", Between::lower},
                                                             {"higher", Between::higher},
                                                             {"midpoint", Between::midpoint},
                                                             {"nearest", Between::nearest}};
  for (const auto& [name, between] : kWords)
    if (word == name) return between;
  refuse(op, ErrorKind::value,
         "interpolation must be linear, lower, higher, midpoint or nearest, got " +
             std::string(word),
         loc);
}

// The shares as a list of x's dtype.
Tensor shares_of(const char* op, const Arg& q, const Meta& m, const Loc& loc) {
  if (q.is_scalar()) {
    const double share = q.scalar().to_double();
    if (!(share >= 0 && share <= 1))
      refuse(op, ErrorKind::value, "q must be in 0 .. 1, got " + std::to_string(share), loc);
    return full({1}, share, m.dtype, m.device, loc);
  }
  const Meta& mq = require_tensor(q, op).meta;
  if (mq.rank > 1 || mq.dtype != m.dtype)
    refuse(op, ErrorKind::shape,
           "q must be a number or a list of x's dtype, got " + describe(mq) + " for " + describe(m),
           loc);
  const RefusalWords words("quantile: q must be in 0 .. 1, got one that is not");
  return checked_range(composite::at_least_1d(q.tensor()), 0.0, 1.0);
}

// Where the shares lie among the elements of the last dim, which are in order: [..., shares], in
// f64.
Tensor ranks_of(const Tensor& sorted, const Tensor& shares, bool skips_nan) {
  Tensor is_nan = isnan(sorted);
  if (skips_nan) {
    Tensor last = sum(logical_not(is_nan), -1, true) - 1;
    return clamp_min(shares * last.to(f64), 0);
  }
  const auto last = static_cast<double>(sorted.size(-1) - 1);
  return where(any(is_nan, -1, true), last, shares * last);
}

Tensor quantile_of(const char* op, const Arg& x, const Arg& q, std::optional<int64_t> dim,
                   bool keepdim, std::string_view interpolation, bool skips_nan) {
  OpScope scope(x.loc(), op);
  const Loc& loc = x.loc();
  const Meta m = require_tensor(x, op).meta;
  if (m.dtype != f32 && m.dtype != f64)
    refuse(op, ErrorKind::dtype, "x must be f32 or f64, got " + describe(m), loc);
  const Between between = between_of(op, interpolation, loc);
  const int d = dim ? normalize_dim(*dim, m.rank, op, loc) : 0;
  const bool by_dim = dim && m.rank > 0;
  if (m.numel() == 0)
    refuse(op, ErrorKind::shape, "there must be at least one element, got " + describe(m), loc);
  Tensor shares = shares_of(op, q, m, loc);
  Tensor sorted = sort(by_dim ? movedim(x, d, -1) : reshape(x, {-1}), -1).values;
  Tensor ranks = ranks_of(sorted.detach(loc), shares.to(f64), skips_nan);
  if (between == Between::lower) ranks = floor(ranks);
  if (between == Between::higher) ranks = ceil(ranks);
  if (between == Between::nearest) ranks = round(ranks);
  const int last = sorted.rank() - 1;
  Tensor below = ranks.detach(loc).to(i64);
  Tensor y = composite::gather_along(sorted, last, below, loc);
  if (between == Between::linear || between == Between::midpoint) {
    Tensor above = ceil(ranks.detach(loc)).to(i64);
    Tensor upper = composite::gather_along(sorted, last, above, loc);
    y = between == Between::midpoint ? lerp(y, upper, 0.5)
                                     : lerp(y, upper, (ranks - below.to(f64)).to(m.dtype));
  }
  y = movedim(y, -1, 0); // [shares, ...]
  Shape shape;
  if (!q.is_scalar() && q.impl()->meta.rank == 1) shape.push_back(q.impl()->meta.sizes[0]);
  for (int k = 0; k < m.rank; k++)
    if (by_dim && k != d)
      shape.push_back(m.sizes[k]);
    else if (keepdim)
      shape.push_back(1);
  return reshape(y, shape);
}

} // namespace

ValuesAndIndices nanmedian(const Arg& x, int64_t dim, bool keepdim) {
  OpScope scope(x.loc());
  Along a("nanmedian", x, dim);
  if (!is_floating(a.x.dtype())) return median(x, dim, keepdim);
  if (a.size == 0)
    refuse("nanmedian", ErrorKind::shape,
           "there must be at least one element, got " + describe(x.impl()->meta), x.loc());
  Tensor count = sum(logical_not(isnan(a.x)), a.dim, true);
  Tensor middle = floor_divide(clamp_min(count - 1, 0), 2);
  Tensor order = a.positions(false, a.size);
  return a.one(composite::gather_along(order, a.dim, middle, x.loc()), keepdim);
}

Tensor nanmedian(const Arg& x) {
  OpScope scope(x.loc());
  return composite::median_of_all("nanmedian", x,
                                  [](const Arg& list) { return nanmedian(list, 0); });
}

Tensor quantile(const Arg& x, const Arg& q, std::optional<int64_t> dim, bool keepdim,
                std::string_view interpolation) {
  return quantile_of("quantile", x, q, dim, keepdim, interpolation, false);
}

Tensor nanquantile(const Arg& x, const Arg& q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation) {
  return quantile_of("nanquantile", x, q, dim, keepdim, interpolation, true);
}

std::pair<Tensor, Tensor> aminmax(const Arg& x, std::optional<int64_t> dim, bool keepdim) {
  OpScope scope(x.loc());
  require_tensor(x, "aminmax");
  const Dims dims = dim ? Dims(*dim) : Dims();
  Tensor from = x.tensor();
  return {min(from, dims, keepdim), max(from, dims, keepdim)};
}

} // namespace weft
