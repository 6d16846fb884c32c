// Orders of elements along a dim, and searches in them. A sort gives positions; values are
// gathered, so that gradients go back to where the values came from.

#include "runtime/composite/along.h"

namespace weft {

using composite::Along;
using composite::at_least_1d;
using composite::refuse;

ValuesAndIndices sort(const Arg& x, int64_t dim, bool descending, bool) {
  OpScope scope(x.loc());
  Along a("sort", x, dim);
  return a.many(a.positions(descending, a.size));
}

Tensor argsort(const Arg& x, int64_t dim, bool descending, bool) {
  OpScope scope(x.loc());
  Along a("argsort", x, dim);
  return reshape(a.positions(descending, a.size), a.shape);
}

ValuesAndIndices topk(const Arg& x, int64_t k, int64_t dim, bool largest, bool) {
  OpScope scope(x.loc());
  Along a("topk", x, dim);
  if (k < 0 || k > a.size)
    refuse("topk", ErrorKind::value,
           "k must be in 0 .. " + std::to_string(a.size) + ", got " + std::to_string(k) + " for " +
               describe(x.impl()->meta),
           x.loc());
  if (a.shape.empty() && k == 0) {
    Tensor none = a.positions(largest, 0);
    return {a.values(none), none};
  }
  return a.many(a.positions(largest, k));
}

ValuesAndIndices kthvalue(const Arg& x, int64_t k, int64_t dim, bool keepdim) {
  OpScope scope(x.loc());
  Along a("kthvalue", x, dim);
  if (k < 1 || k > a.size)
    refuse("kthvalue", ErrorKind::value,
           "k must be in 1 .. " + std::to_string(a.size) + ", got " + std::to_string(k) + " for " +
               describe(x.impl()->meta),
           x.loc());
  return a.one(narrow(a.positions(false, k), a.dim, k - 1, 1), keepdim);
}

ValuesAndIndices median(const Arg& x, int64_t dim, bool keepdim) {
  OpScope scope(x.loc());
  Along a("median", x, dim);
  if (a.size == 0)
    refuse("median", ErrorKind::shape,
           "there must be at least one element, got " + describe(x.impl()->meta), x.loc());
  const int64_t middle = (a.size - 1) / 2;
  Tensor at = narrow(a.positions(false, middle + 1), a.dim, middle, 1);
  if (is_floating(a.x.dtype())) { // the first NaN, where there is one
    Tensor greatest = argmax(a.x, a.dim, true), value = a.values(greatest).detach(x.loc());
    at = where(value != value, greatest, at);
  }
  return a.one(at, keepdim);
}

Tensor median(const Arg& x) {
  OpScope scope(x.loc());
  return composite::median_of_all("median", x, [](const Arg& list) { return median(list, 0); });
}

Tensor searchsorted(const Tensor& sorted_sequence, const Arg& x, bool right) {
  OpScope scope(x.loc());
  const Loc& loc = x.loc();
  const Meta& ms = composite::require_defined("searchsorted", "the sequence", sorted_sequence, loc);
  if (!x.defined()) refuse("searchsorted", ErrorKind::value, "x must be defined, got none", loc);
  DType own = ms.dtype;
  Tensor values;
  if (x.is_scalar()) {
    DType number = x.scalar().kind == Scalar::Kind::floating ? f32 : i64;
    own = promote_types(own, is_floating(own) ? own : number);
    values = full({}, x.scalar(), own, ms.device, loc);
  } else {
    own = promote_types(own, x.impl()->meta.dtype);
    values = x.tensor().to(own, loc);
  }
  const Shape shape = values.shape();
  bool fits = ms.rank == 1 || (ms.rank == shape.size() && ms.rank > 0);
  for (int k = 0; fits && ms.rank > 1 && k + 1 < ms.rank; k++)
    fits = ms.sizes[k] == shape[k];
  if (!fits)
    refuse("searchsorted", ErrorKind::shape,
           "the sequence must have one dim, or the dims of x but for the last, got " +
               describe(ms) + " for " + describe(values.impl()->meta),
           loc);
  const int64_t structure[] = {right};
  Arg sequence(sorted_sequence.to(own, loc), loc), wanted(at_least_1d(values), loc);
  return reshape(primitive(Op::search_sorted, {&sequence, &wanted}, {}, structure, {}, loc), shape);
}

Tensor bucketize(const Arg& x, const Tensor& boundaries, bool right) {
  OpScope scope(x.loc());
  const Meta& m = composite::require_defined("bucketize", "boundaries", boundaries, x.loc());
  if (m.rank != 1)
    refuse("bucketize", ErrorKind::shape, "boundaries must have one dim, got " + describe(m),
           x.loc());
  return searchsorted(boundaries, x, right);
}

} // namespace weft
