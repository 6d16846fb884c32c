// One dim of a tensor in order: what sorts, medians and the like share.
#pragma once

#include "runtime/composite/index_operands.h"

namespace weft::composite {

// A dim of a tensor that has one, though a 0-d tensor was given.
struct Along {
  Tensor x;
  Shape shape; // of what was given
  int dim;
  int64_t size;
  Loc loc;

  Along(const char* op, const Arg& given, int64_t along)
      : x(list_of(require_tensor(given, op), given)), shape(given.impl()->meta.shape()),
        dim(normalize_dim(along, shape.size(), op, given.loc())), size(x.size(dim)),
        loc(given.loc()) {}

  static Tensor list_of(const TensorImpl&, const Arg& given) { return at_least_1d(given.tensor()); }
  Tensor positions(bool descending, int64_t count) const {
    return sorted_positions(x, dim, descending, count, loc);
  }
  Tensor values(const Tensor& at) const { return gather_along(x, dim, at, loc); }
  // Positions with their values: of all of the dim, or of one element.
  ValuesAndIndices many(const Tensor& at) const {
    if (!shape.empty()) return {values(at), at};
    return {reshape(values(at), {}), reshape(at, {})};
  }
  ValuesAndIndices one(const Tensor& at, bool keepdim) const {
    Tensor found = values(at);
    if (shape.empty()) return {reshape(found, {}), reshape(at, {})};
    if (keepdim) return {found, at};
    return {squeeze(found, dim), squeeze(at, dim)};
  }
};

// What a median of a list gives of all elements of x. Where several equal it, they share its
// gradient.
template <class Median> Tensor median_of_all(const char* op, const Arg& x, Median median) {
  const Meta& m = require_tensor(x, op).meta;
  if (m.numel() == 0 && is_floating(m.dtype)) return mean(x); // NaN
  Tensor list = reshape(x, {m.numel()}), value = median(Arg(list, x.loc())).values;
  if (!list.requires_grad()) return value;
  value = value.detach(x.loc());
  Tensor is_median = logical_or(list == value, logical_and(isnan(list), isnan(value)));
  return max(where(is_median, list, -std::numeric_limits<double>::infinity()));
}

} // namespace weft::composite
