// Which elements there are: distinct ones, how many of each, elements put where a mask holds.

#include "runtime/composite/along.h"
#include "runtime/core/refusal.h"
#include "runtime/core/rules.h"

namespace weft {

using composite::Along;
using composite::gather_along;
using composite::refuse;

namespace {

// Runs of equal elements in a list of n.
struct Runs {
  Tensor first, of, counts; // of each run its first position and length; of each element its run
};

// `starts` holds where an element begins a run.
Runs runs_of(const Tensor& starts, const Loc& loc) {
  const int64_t n = starts.numel();
  Tensor first = reshape(composite::positions_of_nonzero(starts, loc), {-1});
  Tensor end = full({1}, n, i64, starts.device(), loc);
  return {first, cumsum(starts.to(i64), 0) - 1, diff(first, 1, -1, {}, end)};
}

// Of a list, or of rows: which differ from the one before.
Tensor starts_of(const Tensor& rows, const Loc& loc) {
  const int64_t n = rows.size(0);
  if (n == 0) return full({0}, true, boolean, rows.device(), loc);
  Tensor differs = slice(rows, 0, 1) != slice(rows, 0, 0, n - 1);
  if (rows.rank() > 1) differs = any(differs, 1);
  return concatenate({full({1}, true, boolean, rows.device(), loc), differs}, 0, loc);
}

// The positions of a dim as rows.
Tensor rows_of(const char* op, const Arg& x, int dim) {
  const Meta& m = x.impl()->meta;
  const int64_t n = m.sizes[dim];
  if (m.numel() == 0 && n != 0)
    refuse(op, ErrorKind::shape, "positions of a dim must have elements, got " + describe(m),
           x.loc());
  return reshape(movedim(x, dim, 0), {n, n ? m.numel() / n : 1});
}

// The order of rows by their first element, then the second, ...
Tensor order_of(const Tensor& rows, const Loc& loc) {
  Tensor order = composite::positions(rows.size(0), rows.device(), loc);
  for (int64_t k = rows.size(1); k-- > 0;) {
    Tensor column = gather_along(select(rows, 1, k), 0, order, loc);
    order = gather_along(order, 0, composite::sorted_positions(column, 0, false, rows.size(0), loc),
                         loc);
  }
  return order;
}

struct Distinct {
  Tensor values, inverse, counts;
  std::vector<Tensor> chosen(bool with_inverse, bool with_counts) const {
    std::vector<Tensor> r = {values};
    if (with_inverse) r.push_back(inverse);
    if (with_counts) r.push_back(counts);
    return r;
  }
};

Distinct distinct(const char* op, const Arg& x, bool in_order, std::optional<int64_t> dim) {
  OpScope scope(x.loc(), op);
  const Meta m = require_tensor(x, op).meta;
  const int d = dim ? normalize_dim(*dim, m.rank, op, x.loc()) : 0;
  const bool by_dim = dim && m.rank > 0;
  Tensor from = by_dim ? x.tensor() : reshape(x, {m.numel()});
  Tensor rows = by_dim ? rows_of(op, x, d) : from;
  Tensor order;
  if (in_order) {
    order = by_dim ? order_of(rows, x.loc())
                   : composite::sorted_positions(rows, 0, false, rows.size(0), x.loc());
    rows = index_select(rows, 0, order);
  }
  Runs runs = runs_of(starts_of(rows, x.loc()), x.loc());
  if (!in_order)
    return {index_select(from, d, runs.first), by_dim ? runs.of : reshape(runs.of, m.shape()),
            runs.counts};
  Tensor inverse = zeros_like(order);
  if (inverse.numel())
    inverse = composite::scatter_along(Op::scatter, inverse, 0, order, runs.of, x.loc());
  return {index_select(from, d, gather(order, 0, runs.first)),
          by_dim ? inverse : reshape(inverse, m.shape()), runs.counts};
}

} // namespace

Tensor masked_scatter(const Arg& x, const Tensor& mask, const Tensor& source) {
  OpScope scope(x.loc());
  const Loc& loc = x.loc();
  const Meta& m = require_tensor(x, "masked_scatter").meta;
  composite::require_mask("masked_scatter", mask, loc);
  const Meta& ms = composite::require_defined("masked_scatter", "source", source, loc);
  if (m.dtype != ms.dtype)
    refuse("masked_scatter", ErrorKind::dtype,
           "source must have the dtype of x, got " + describe(ms) + " for " + describe(m), loc);
  std::vector<Tensor> both = broadcast_tensors({x.tensor(), mask}, loc);
  Tensor holds = reshape(both[1], {-1});
  Tensor number = cumsum(holds, 0) - 1; // of the last place so far that holds; -1 before any does
  const RefusalWords words("masked_scatter: source must have an element for each place where the "
                           "mask holds, got fewer");
  number = clamp_min(checked_index(number, ms.numel(), -1), 0);
  Tensor from = ms.numel() ? reshape(source, {-1}) : zeros({1}, ms.dtype, ms.device);
  Tensor placed = reshape(gather_along(from, 0, number, loc), both[0].shape());
  return where(both[1], placed, both[0]);
}

Tensor msort(const Arg& x) {
  OpScope scope(x.loc());
  Along a("msort", x, 0);
  return a.many(a.positions(false, a.size)).values;
}

Tensor unique(const Arg& x) { return distinct("unique", x, true, std::nullopt).values; }

std::vector<Tensor> unique(const Arg& x, bool, bool return_inverse, bool return_counts,
                           std::optional<int64_t> dim) {
  return distinct("unique", x, true, dim).chosen(return_inverse, return_counts);
}

Tensor unique_consecutive(const Arg& x) {
  return distinct("unique_consecutive", x, false, std::nullopt).values;
}

std::vector<Tensor> unique_consecutive(const Arg& x, bool return_inverse, bool return_counts,
                                       std::optional<int64_t> dim) {
  return distinct("unique_consecutive", x, false, dim).chosen(return_inverse, return_counts);
}

Tensor bincount(const Arg& x, const Tensor& weights, int64_t minlength) {
  OpScope scope(x.loc());
  const Loc& loc = x.loc();
  const Meta& m = require_tensor(x, "bincount").meta;
  Tensor list = composite::as_index("bincount", x.tensor(), loc);
  if (m.rank != 1 || minlength < 0)
    refuse("bincount", ErrorKind::value,
           "x must have one dim and minlength not be negative, got " + describe(m) + " and " +
               std::to_string(minlength),
           loc);
  composite::require_shape("bincount", "weights", weights, m.shape(), loc);
  const DeviceScope place = composite::beside(x);
  if (m.numel() == 0) return zeros({minlength}, i64);
  const int64_t least = min(list).item<int64_t>(loc), most = max(list).item<int64_t>(loc);
  constexpr int64_t kMost = int64_t{1} << 62;
  if (least < 0 || most > kMost)
    refuse("bincount", ErrorKind::value,
           "elements must not be negative and at most 2^62, got " +
               std::to_string(least < 0 ? least : most),
           loc);
  const int64_t count = std::max(minlength, most + 1);
  const DType dtype = !weights.defined() ? i64 : weights.dtype() == f32 ? f32 : f64;
  NoGrad no_grad;
  Tensor shares = weights.defined() ? weights.to(dtype) : ones(m.shape(), i64);
  return composite::scatter_along(Op::scatter_add, zeros({count}, dtype), 0, list, shares, loc);
}

Tensor histc(const Arg& x, int64_t bins, double min, double max) {
  OpScope scope(x.loc());
  composite::require_floating("histc", x);
  const Meta& m = x.impl()->meta;
  if (bins < 1 || !(min <= max) || !(max - min < std::numeric_limits<double>::infinity()))
    refuse("histc", ErrorKind::value,
           "bins must be positive and min not above max, both finite, got " + std::to_string(bins) +
               ", " + std::to_string(min) + " and " + std::to_string(max),
           x.loc());
  const DeviceScope place = composite::beside(x);
  NoGrad no_grad;
  Tensor list = reshape(composite::widened(x), {-1});
  const DType computed = list.dtype();
  Tensor low = full({}, min, computed), high = full({}, max, computed);
  if (min == max && list.numel()) {
    const RefusalWords words("histc: min and max must be given for elements that are not finite, "
                             "got none");
    const double largest =
        computed == f64 ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
    Tensor finite = checked_range(list, -largest, largest);
    low = weft::min(finite), high = weft::max(finite);
  }
  Tensor is_point = low == high;
  low = where(is_point, low - 1, low), high = where(is_point, high + 1, high);
  Tensor inside = logical_and(list >= low, list <= high);
  const auto count = static_cast<double>(bins);
  Tensor at = (where(inside, list, low) - low) * count / (high - low);
  at = clamp_max(std::move(at).to(i64), bins - 1);
  Tensor counts =
      composite::scatter_along(Op::scatter_add, zeros({bins}, i64), 0, at, inside.to(i64), x.loc());
  return counts.to(m.dtype);
}

// The longest run of the elements in order, at its end.
ValuesAndIndices mode(const Arg& x, int64_t dim, bool keepdim) {
  OpScope scope(x.loc());
  Along a("mode", x, dim);
  if (a.size == 0)
    refuse("mode", ErrorKind::shape,
           "there must be at least one element, got " + describe(x.impl()->meta), x.loc());
  Tensor order = a.positions(false, a.size), sorted = a.values(order).detach(x.loc());
  Shape along = Ints::filled(a.x.rank(), 1), one = a.x.shape();
  along[a.dim] = a.size;
  one[a.dim] = 1;
  Tensor starts = concatenate({full(one, true, boolean, a.x.device()),
                               slice(sorted, a.dim, 1) != slice(sorted, a.dim, 0, a.size - 1)},
                              a.dim, x.loc());
  Tensor number = reshape(composite::positions(a.size, a.x.device(), x.loc()), along);
  Tensor length = number - cummax(where(starts, number, 0), a.dim).values;
  Tensor end = argmax(length, a.dim, true);
  return a.one(gather_along(order, a.dim, end, x.loc()), keepdim);
}

} // namespace weft
