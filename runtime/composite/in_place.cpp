// Forms in place that are more than another form's result written back.

#include "runtime/composite/composite.h"
#include "runtime/core/unwritten.h"

namespace weft {

void polygamma_into(const Arg& x, int64_t n) {
  composite::require_floating("polygamma_", x);
  const Tensor old = unwritten(x.tensor(), x.loc());
  x.tensor().copy_(Arg(polygamma(n, Arg(old, x.loc())), x.loc()));
}

void fill_diagonal_into(const Arg& x, Scalar value, bool wrap) {
  OpScope scope(x.loc(), "fill_diagonal_");
  const Meta m = require_tensor(x, "fill_diagonal_").meta;
  bool fits = m.rank >= 2;
  for (int k = 1; k < m.rank; k++)
    fits &= m.rank == 2 || m.sizes[k] == m.sizes[0];
  if (!fits)
    composite::refuse(
        "fill_diagonal_", ErrorKind::shape,
        "x must be a matrix, or have at least three dims of one size, got " + describe(m), x.loc());
  const int64_t rows = m.sizes[0], columns = m.sizes[1];
  const bool again = wrap && m.rank == 2 && columns > 0;
  // Below its end the diagonal leaves one row out.
  for (int64_t row = 0; row == 0 || (again && row < rows); row += columns + 1) {
    Tensor line = diagonal(slice(x.tensor(), 0, row));
    while (line.rank() > 1)
      line = diagonal(line, 0, 0, -1); // of the next dim and what was found so far
    line.fill_(value, x.loc());
  }
}

Tensor put(const Arg& x, const Tensor& index, const Tensor& source, bool accumulate) {
  LocScope scope(x.loc());
  const Meta m = require_tensor(x, "put").meta;
  composite::require_given("put", "index", index, x.loc());
  composite::require_given("put", "source", source, x.loc());
  if (index.numel() != source.numel() || source.dtype() != m.dtype)
    composite::refuse("put", ErrorKind::shape,
                      "source must have x's dtype and as many elements as index, got " +
                          describe(source.impl()->meta) + ", " + describe(m) + " and " +
                          describe(index.impl()->meta),
                      x.loc());
  if (index.dtype() == boolean || is_floating(index.dtype()))
    composite::refuse("put", ErrorKind::dtype,
                      "index must be of integers, got " + describe(index.impl()->meta), x.loc());
  Tensor list = index_put(reshape(x, {-1}), {reshape(index, {-1})},
                          Arg(reshape(source, {-1}), x.loc()), accumulate);
  return reshape(list, m.shape());
}

} // namespace weft
