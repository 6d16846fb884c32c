// Parts of a copy are replaced through views of it, whose history gives the gradients.

#include "runtime/composite/backward_slice.h"
#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

// x with `src` in the place of the view that `part` takes of it.
template <class Part>
Tensor replaced(const char* op, const Arg& x, const Tensor& src, const Part& part) {
  OpScope scope(x.loc(), op);
  const DType dtype = require_tensor(x, op).meta.dtype;
  const Meta& m = composite::require_defined(op, "src", src, x.loc());
  Tensor y = x.tensor().clone(x.loc()), place = part(y);
  if (m.shape() != place.shape() || m.dtype != dtype)
    refuse(op, ErrorKind::shape,
           "src must have the dtype of x and the shape of what it replaces, " +
               describe(place.impl()->meta) + ", got " + describe(m),
           x.loc());
  place.copy_(src);
  return y;
}

} // namespace

Tensor select_scatter(const Arg& x, const Tensor& src, int64_t dim, int64_t index) {
  return replaced("select_scatter", x, src, [&](const Tensor& y) { return select(y, dim, index); });
}

Tensor slice_scatter(const Arg& x, const Tensor& src, int64_t dim, std::optional<int64_t> start,
                     std::optional<int64_t> end, int64_t step) {
  OpScope scope(x.loc());
  using Limits = std::numeric_limits<int64_t>;
  if (step >= 0)
    return replaced("slice_scatter", x, src, [&](const Tensor& y) {
      return slice(y, dim, start.value_or(0), end.value_or(Limits::max()), step);
    });
  const Meta& m = require_tensor(x, "slice_scatter").meta;
  const int d = normalize_dim(dim, m.rank, "slice_scatter", x.loc());
  const composite::Backward back(m.rank ? m.sizes[d] : 0, start.value_or(Limits::max()),
                                 end.value_or(Limits::min()), step);
  const bool has_dim = src.defined() && d < src.rank(); // else `replaced` says what is wrong
  return replaced("slice_scatter", x, has_dim ? flip(src, d) : src,
                  [&](const Tensor& y) { return slice(y, d, back.first, back.end(), back.step); });
}

Tensor diagonal_scatter(const Arg& x, const Tensor& src, int64_t offset, int64_t dim1,
                        int64_t dim2) {
  return replaced("diagonal_scatter", x, src,
                  [&](const Tensor& y) { return diagonal(y, offset, dim1, dim2); });
}

Tensor index_reduce(const Arg& x, int64_t dim, const Tensor& index, const Tensor& source,
                    std::string_view reduce, bool include_self) {
  OpScope scope(x.loc());
  constexpr const char* kName = "index_reduce";
  const Meta m = require_tensor(x, kName).meta;
  const int d = normalize_dim(dim, m.rank, kName, x.loc());
  const Meta ms = composite::require_defined(kName, "source", source, x.loc());
  Tensor list = composite::at_least_1d(composite::as_index(kName, index, x.loc()));
  Tensor from = composite::at_least_1d(source), to = composite::at_least_1d(x.tensor());
  Shape wanted = to.shape();
  if (list.rank() == 1) wanted[d] = list.size(0);
  if (list.rank() != 1 || from.shape() != wanted || ms.dtype != m.dtype)
    refuse(kName, ErrorKind::shape,
           "index must be a list and source have x's dtype and the shape " + wanted.str() +
               ", got " + describe(list.impl()->meta) + " and " + describe(ms),
           x.loc());
  if (reduce == "sum")
    refuse(kName, ErrorKind::value, "reduce must be prod, mean, amax or amin, got sum", x.loc());
  Tensor at = composite::spread_index(list, from.shape(), d);
  return reshape(scatter_reduce(to, d, at, from, reduce, include_self), m.shape());
}

} // namespace weft
