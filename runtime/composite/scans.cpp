// Scans along a dim.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::at_least_1d;
using composite::refuse;

namespace {

enum Fold : int64_t { kSum, kProduct, kLogSumExp }; // of the record `scan`

Tensor scan(const char* op, const Arg& x, int64_t dim, Fold fold, std::optional<DType> dtype) {
  OpScope scope(x.loc(), op);
  const Meta m = require_tensor(x, op).meta;
  const int64_t structure[] = {normalize_dim(dim, m.rank, op, x.loc()), fold, 0};
  // Integers give i64, as sums do; a narrower dtype or bool that is asked for is cast to at the
  // end.
  DType wanted = dtype.value_or(is_floating(m.dtype) ? m.dtype : i64);
  Tensor from = x.tensor().to(wanted, x.loc());
  if (!is_floating(wanted)) from = from.to(i64, x.loc());
  Arg all(at_least_1d(from), x.loc());
  Tensor y = primitive(Op::scan, {&all}, {}, structure, {}, x.loc());
  return reshape(y.to(wanted, x.loc()), m.shape());
}

ValuesAndIndices extreme_so_far(const char* op, const Arg& x, int64_t dim, bool least) {
  OpScope scope(x.loc(), op);
  const Meta m = require_tensor(x, op).meta;
  const int64_t structure[] = {normalize_dim(dim, m.rank, op, x.loc()), least};
  Tensor from = at_least_1d(x.tensor());
  Arg all(from, x.loc());
  Tensor at = primitive(Op::scan_position, {&all}, {}, structure, {}, x.loc());
  Tensor values = composite::gather_along(from, static_cast<int>(structure[0]), at, x.loc());
  return {reshape(values, m.shape()), reshape(at, m.shape())};
}

} // namespace

Tensor cumsum(const Arg& x, int64_t dim, std::optional<DType> dtype) {
  return scan("cumsum", x, dim, kSum, dtype);
}

Tensor cumprod(const Arg& x, int64_t dim, std::optional<DType> dtype) {
  return scan("cumprod", x, dim, kProduct, dtype);
}

Tensor logcumsumexp(const Arg& x, int64_t dim) {
  composite::require_floating("logcumsumexp", x);
  return scan("logcumsumexp", x, dim, kLogSumExp, std::nullopt);
}

ValuesAndIndices cummax(const Arg& x, int64_t dim) {
  return extreme_so_far("cummax", x, dim, false);
}

ValuesAndIndices cummin(const Arg& x, int64_t dim) {
  return extreme_so_far("cummin", x, dim, true);
}

Tensor diff(const Arg& x, int64_t n, int64_t dim, const Tensor& prepend, const Tensor& append) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "diff").meta;
  if (m.rank == 0)
    refuse("diff", ErrorKind::shape, "the tensor must have dims, got " + describe(m), x.loc());
  if (n < 0)
    refuse("diff", ErrorKind::value, "n must not be negative, got " + std::to_string(n), x.loc());
  int d = normalize_dim(dim, m.rank, "diff", x.loc());
  Tensor r = x.tensor();
  if (n == 0) return r.clone(x.loc()); // without what is prepended and appended, as in PyTorch
  std::vector<Tensor> parts = {r};
  if (prepend.defined()) parts.insert(parts.begin(), prepend);
  if (append.defined()) parts.push_back(append);
  if (parts.size() > 1) r = concatenate(parts, d, x.loc());
  for (; n > 0 && r.size(d) > 0; n--) {
    Tensor next = slice(r, d, 1), before = slice(r, d, 0, -1);
    r = r.dtype() == boolean ? next != before : next - before;
  }
  return r.is_same(x.tensor()) ? r.clone(x.loc()) : r; // where there was nothing to subtract
}

} // namespace weft
