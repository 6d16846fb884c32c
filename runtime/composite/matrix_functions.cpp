// Functions of matrices, and equations of tensors that are matrices under other shapes.

#include "runtime/composite/linalg.h"
#include "runtime/core/op_scope.h"
#include "runtime/core/refusal.h"

namespace weft {

using composite::refuse;

namespace {

int64_t product(const Shape& shape) {
  int64_t p = 1;
  for (int64_t size : shape)
    p *= size;
  return p;
}

/// x as square matrices whose rows are its first dims; the shape of the others goes to `rest`.
Tensor as_square(const char* op, const Tensor& x, int64_t first, Shape& rows, Shape& rest,
                 const Loc& loc) {
  const Shape shape = x.shape();
  rows = Shape(), rest = Shape();
  for (int k = 0; k < shape.size(); k++)
    (k < first ? rows : rest).push_back(shape[k]);
  if (first > x.rank() || product(rows) != product(rest))
    refuse(op, ErrorKind::shape,
           "the first " + std::to_string(first) +
               " dims must have as many elements as the others, got " + describe(x.impl()->meta),
           loc);
  return reshape(x, {product(rows), product(rest)});
}

} // namespace

Tensor matrix_exp(const Arg& x) {
  OpScope scope(x.loc());
  composite::require_square("matrix_exp", x);
  return primitive(Op::matrix_exponential, {&x}, {}, {}, {}, x.loc());
}

Tensor cholesky_inverse(const Arg& l, bool upper) {
  OpScope scope(l.loc());
  const Meta m = composite::require_square("cholesky_inverse", l);
  Tensor identity = expand(eye(m.sizes[m.rank - 1], m.dtype, m.device, l.loc()), m.shape());
  return cholesky_solve(Arg(identity, l.loc()), l.tensor(), upper);
}

Tensor vecdot(const Arg& x, const Arg& y, int64_t dim) {
  OpScope scope(x.loc());
  require_tensor(x, "vecdot");
  return sum(mul(x, y), {dim});
}

Tensor vander(const Arg& x, std::optional<int64_t> N) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "vander").meta;
  if (m.dtype == boolean)
    refuse("vander", ErrorKind::dtype, "x must be numbers, got " + describe(m), x.loc());
  Tensor a = unsqueeze(atleast_1d(x), -1);
  const int64_t n = N.value_or(a.size(-2));
  if (n < 2)
    refuse("vander", ErrorKind::value, "N must be at least 2, got " + std::to_string(n), x.loc());
  if (!is_floating(a.dtype())) a = a.to(i64);
  Shape shape = a.shape();
  shape[shape.size() - 1] = n - 1;
  return concatenate({ones_like(a), cumprod(expand(a, shape), -1)}, -1);
}

Tensor tensorinv(const Arg& x, int64_t ind) {
  OpScope scope(x.loc());
  require_tensor(x, "tensorinv");
  if (ind < 1)
    refuse("tensorinv", ErrorKind::value, "ind must be at least 1, got " + std::to_string(ind),
           x.loc());
  Shape rows, rest;
  const Tensor a = as_square("tensorinv", x.tensor(), ind, rows, rest, x.loc());
  const Meta& m = composite::require_square("tensorinv", Arg(a, x.loc()));
  const RefusalWords words("tensorinv: x must be invertible, got one that is singular");
  Tensor identity = eye(a.size(0), m.dtype, m.device, x.loc());
  for (int64_t size : rows)
    rest.push_back(size);
  return reshape(composite::linear_solution(a, identity, x.loc()), rest);
}

Tensor tensorsolve(const Arg& a, const Tensor& b, const Dims& dims) {
  OpScope scope(a.loc());
  require_tensor(a, "tensorsolve");
  require_tensor(Arg(b, a.loc()), "tensorsolve");
  Tensor moved = a.tensor();
  Dims last; // as many
  for (int k = 0; k < dims.size(); k++)
    last.push_back(k - dims.size());
  if (dims.size() > 0) moved = movedim(moved, dims, last);
  Shape rows, rest;
  const Tensor matrix = as_square("tensorsolve", moved, b.rank(), rows, rest, a.loc());
  if (product(b.shape()) != matrix.size(0))
    refuse("tensorsolve", ErrorKind::shape,
           "b must have as many elements as the first dims of a, got " + describe(b.impl()->meta) +
               " for " + describe(moved.impl()->meta),
           a.loc());
  const RefusalWords words("tensorsolve: a must be invertible, got one that is singular");
  auto [square, side] =
      composite::system_of("tensorsolve", Arg(matrix, a.loc()), reshape(b, {-1, 1}), true);
  return reshape(composite::linear_solution(square, side, a.loc()), rest);
}

} // namespace weft
