// Elements read by index: gather and what is built on it.

#include "runtime/composite/index_operands.h"
#include "runtime/core/checked_size.h"
#include "runtime/core/refusal.h"
#include "runtime/core/rules.h"

namespace weft {

using composite::as_index;
using composite::at_least_1d;
using composite::gather_along;
using composite::refuse;

namespace {

constexpr const char* kRefusedPosition =
    "index_select: every index must be a position of the dim, got one that is not";

// Sizes that broadcast to one another but for `dim`.
Shape broadcast_but(int dim, const Shape& a, const Shape& b, const Loc& loc) {
  Shape all = a;
  for (int k = 0; k < a.size(); k++) {
    if (k == dim || a[k] == b[k]) continue;
    if (a[k] != 1 && b[k] != 1)
      refuse("take_along_dim", ErrorKind::shape,
             "sizes must broadcast but for dim " + std::to_string(dim) + ", got " + a.str() +
                 " and " + b.str(),
             loc);
    all[k] = a[k] == 1 ? b[k] : a[k];
  }
  return all;
}

Tensor wrapped(const char* words, const Tensor& index, int64_t size, const Loc& loc) {
  const RefusalWords scope(words);
  return wrapped_index(Arg(index, loc), size);
}

} // namespace

Tensor gather(const Arg& x, int64_t dim, const Tensor& index) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "gather").meta;
  int d = normalize_dim(dim, m.rank, "gather", x.loc());
  Tensor at = as_index("gather", index, x.loc());
  Shape shape = at.shape();
  const RefusalWords words(
      "gather: every index must be a position of the dim, got one that is not");
  Tensor y = gather_along(at_least_1d(x.tensor()), d, at_least_1d(at), x.loc());
  return y.rank() == shape.size() ? y : reshape(y, shape);
}

Tensor index_select(const Arg& x, int64_t dim, const Tensor& index) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "index_select").meta;
  int d = normalize_dim(dim, m.rank, "index_select", x.loc());
  Tensor list = as_index("index_select", index, x.loc());
  if (list.rank() > 1 || (m.rank == 0 && list.numel() != 1))
    refuse("index_select", ErrorKind::shape,
           std::string("index must be a list") + (m.rank ? "" : " of one position") + ", got " +
               describe(list.impl()->meta) + " for " + describe(m),
           x.loc());
  Tensor from = at_least_1d(x.tensor());
  const RefusalWords words(kRefusedPosition);
  // Where nothing is read, nothing else looks at the list.
  if (from.numel() == 0 && list.numel()) list = checked_index(list, from.size(d), 0);
  Tensor y = gather_along(from, d, composite::spread_index(list, from.shape(), d), x.loc());
  return m.rank ? y : reshape(y, {});
}

Tensor take(const Arg& x, const Tensor& index) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "take").meta;
  Tensor at = as_index("take", index, x.loc());
  at = wrapped("take: every index must be in -{limit} .. {limit} - 1, got one that is not", at,
               m.numel(), x.loc());
  Tensor y = gather_along(reshape(x, {m.numel()}), 0, reshape(at, {at.numel()}), x.loc());
  return reshape(y, index.shape());
}

std::vector<Tensor> unravel_index(const Arg& indices, const Shape& shape) {
  OpScope scope(indices.loc());
  require_tensor(indices, "unravel_index");
  const std::optional<uint64_t> count = checked_bytes(shape, 1);
  if (!count)
    refuse("unravel_index", ErrorKind::shape,
           "sizes must be at least 0 and their product at most 2^62, got " + shape.str(),
           indices.loc());
  Tensor rest = as_index("unravel_index", indices.tensor(), indices.loc());
  const RefusalWords words(
      "unravel_index: every index must be in 0 .. {limit} - 1, got one that is not");
  rest = checked_index(std::move(rest), static_cast<int64_t>(*count));
  std::vector<Tensor> positions(shape.size());
  for (int d = shape.size() - 1; d > 0; d--) {
    const int64_t size = std::max<int64_t>(shape[d], 1);
    positions[d] = remainder(rest, size);
    rest = floor_divide(rest, size);
  }
  if (!positions.empty()) positions[0] = rest;
  return positions;
}

Tensor take_along_dim(const Arg& x, const Tensor& indices, std::optional<int64_t> dim) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "take_along_dim").meta;
  Tensor from = x.tensor(), at = as_index("take_along_dim", indices, x.loc());
  int d = 0;
  if (dim) {
    d = normalize_dim(*dim, m.rank, "take_along_dim", x.loc());
    from = at_least_1d(from), at = at_least_1d(at);
  } else {
    from = reshape(from, {from.numel()}), at = reshape(at, {at.numel()});
  }
  if (from.rank() != at.rank())
    refuse("take_along_dim", ErrorKind::shape,
           "indices must have the rank of x, got " + describe(at.impl()->meta) + " for " +
               describe(from.impl()->meta),
           x.loc());
  Shape shape = broadcast_but(d, from.shape(), at.shape(), x.loc());
  Shape of_index = shape;
  of_index[d] = at.size(d);
  at = wrapped("take_along_dim: every index must be in -{limit} .. {limit} - 1, got one that is "
               "not",
               at, from.size(d), x.loc());
  return gather_along(expand(from, shape), d, expand(at, of_index), x.loc());
}

// A row that is named twice is written twice alike. What refuses an index says so in the caller's
// words.
void composite::shorten_rows(const Tensor& weight, const Tensor& list, double most, double order,
                             const Loc& loc) {
  NoGrad no_grad;
  Tensor rows = gather_along(weight, 0, spread_index(list, {0, weight.size(1)}, 0), loc);
  Tensor norms = vector_norm(Arg(rows, loc), order, 1, true);
  Tensor shares = where(norms > most, most / (norms + 1e-7), 1.0);
  weight.index_put_({list}, rows * shares);
}

Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, Loc loc) {
  OpScope scope(loc);
  Tensor at = as_index("embedding", input, loc);
  const Meta m = composite::require_defined("embedding", "weight", weight, loc);
  if (m.rank != 2)
    refuse("embedding", ErrorKind::shape, "weight must have two dims, got " + describe(m), loc);
  const int64_t rows = m.sizes[0], columns = m.sizes[1];
  if (padding_idx && (*padding_idx < -rows || *padding_idx >= rows))
    refuse("embedding", ErrorKind::index,
           "padding_idx must be a row of weight, " + describe(m) + ", got " +
               std::to_string(*padding_idx),
           loc);
  Shape shape = at.shape();
  const RefusalWords words("embedding: every index must be a row of weight, got one that is not");
  Tensor list = reshape(at, {at.numel()});
  if (max_norm) composite::shorten_rows(weight, list, *max_norm, norm_type, loc);
  Tensor y = gather_along(weight, 0, composite::spread_index(list, {0, columns}, 0), loc);
  if (padding_idx && grad_enabled() && weight.requires_grad()) {
    int64_t row = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
    y = where(unsqueeze(list == row, 1), y.detach(loc), y);
  }
  shape.push_back(columns);
  return reshape(y, shape);
}

Tensor masked_select(const Arg& x, const Tensor& mask) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "masked_select").meta;
  const Meta& mm = composite::require_mask("masked_select", mask, x.loc()).impl()->meta;
  Meta all;
  all.rank = 0;
  if (!broadcast_into(all, m.sizes, m.rank) || !broadcast_into(all, mm.sizes, mm.rank))
    refuse("masked_select", ErrorKind::shape,
           "x and mask must broadcast, got " + describe(m) + " and " + describe(mm), x.loc());
  const Shape shape = all.shape();
  Tensor from = reshape(expand(x, shape), {all.numel()});
  Tensor at = composite::positions_of_nonzero(reshape(expand(mask, shape), {all.numel()}), x.loc());
  return gather_along(from, 0, reshape(at, {at.numel()}), x.loc());
}

Tensor nonzero(const Arg& x) {
  OpScope scope(x.loc());
  require_tensor(x, "nonzero");
  return composite::positions_of_nonzero(x.tensor(), x.loc());
}

std::vector<Tensor> where(const Arg& x) {
  OpScope scope(x.loc());
  require_tensor(x, "where");
  return unbind(composite::positions_of_nonzero(at_least_1d(x.tensor()), x.loc()), 1);
}

} // namespace weft
