// The functions of torch.linalg: operands are checked, their batch dims broadcast, and the side
// that is solved for comes to the left.

#include "runtime/composite/linalg.h"

#include "runtime/core/determinant_part.h"
#include "runtime/core/refusal.h"
#include "runtime/core/rules.h"

#include <limits>

namespace weft {

using composite::linear_solution;
using composite::refuse;
using composite::require_square;
using composite::system_of;
using composite::transposed;
using composite::triangular_solution;

namespace composite {

Tensor triangular_solution(const Tensor& a, const Tensor& b, bool upper, bool unitriangular,
                           const Loc& loc) {
  const int64_t structure[] = {upper, unitriangular};
  Arg matrix(a, loc), side(b, loc);
  return primitive(Op::triangular_solution, {&matrix, &side}, {}, structure, {}, loc);
}

Tensor linear_solution(const Tensor& a, const Tensor& b, const Loc& loc) {
  Arg matrix(a, loc), side(b, loc);
  return primitive(Op::linear_solution, {&matrix, &side}, {}, {}, {}, loc);
}

const Meta& require_matrices(const char* op, const Arg& x) {
  const Meta& m = require_tensor(x, op).meta;
  if (m.dtype != f32 && m.dtype != f64)
    refuse(op, ErrorKind::dtype, "the matrices must be f32 or f64, got " + describe(m), x.loc());
  if (m.rank < 2) refuse(op, ErrorKind::shape, "x must be matrices, got " + describe(m), x.loc());
  return m;
}

const Meta& require_square(const char* op, const Arg& x) {
  const Meta& m = require_tensor(x, op).meta;
  if (m.dtype != f32 && m.dtype != f64)
    refuse(op, ErrorKind::dtype, "the matrices must be f32 or f64, got " + describe(m), x.loc());
  if (m.rank < 2 || m.sizes[m.rank - 1] != m.sizes[m.rank - 2])
    refuse(op, ErrorKind::shape, "the matrices must be square, got " + describe(m), x.loc());
  return m;
}

bool is_vector_for(const Meta& m, const Meta& n) {
  bool is_vector = n.rank == 1 || n.rank == m.rank - 1;
  for (int k = 0; n.rank > 1 && is_vector && k < n.rank; k++)
    is_vector = n.sizes[k] == m.sizes[k];
  return is_vector;
}

System system_of(const char* op, const Arg& a, const Tensor& b, bool left) {
  const Meta m = require_matrices(op, a);
  const Meta n = require_tensor(Arg(b, a.loc()), op).meta;
  if (m.dtype != n.dtype)
    refuse(op, ErrorKind::dtype,
           "operands must have one dtype, got " + describe(m) + " and " + describe(n), a.loc());
  Meta batch = m, sides = n;
  const int side = n.rank - (left ? 2 : 1);
  bool fits = n.rank >= 2 && n.sizes[side] == m.sizes[m.rank - 2];
  if (fits) {
    batch.rank = static_cast<uint8_t>(m.rank - 2);
    fits = broadcast_into(batch, n.sizes, n.rank - 2);
  }
  if (!fits)
    refuse(op, ErrorKind::shape,
           std::string("b must be matrices with as many ") + (left ? "rows" : "columns") +
               " as those of a, and batch dims must broadcast, got " + describe(m) + " and " +
               describe(n),
           a.loc());
  const auto with_batch = [&](const Tensor& t, const Meta& own) {
    Shape shape = batch.shape();
    shape.push_back(own.sizes[own.rank - 2]);
    shape.push_back(own.sizes[own.rank - 1]);
    return expand(t, shape);
  };
  return {with_batch(a.tensor(), m), with_batch(b, sides)};
}

} // namespace composite

namespace {

Tensor identity_like(const Meta& m, const Loc& loc) {
  return expand(eye(m.sizes[m.rank - 1], m.dtype, m.device, loc), m.shape());
}

Tensor determinant(const char* op, const Arg& x, DeterminantPart part) {
  require_square(op, x);
  const int64_t structure[] = {static_cast<int64_t>(part)};
  return primitive(Op::determinant, {&x}, {}, structure, {}, x.loc());
}

std::pair<Tensor, Tensor> sign_and_logarithm(const char* op, const Arg& x) {
  require_tensor(x, op);
  const Tensor held = x.tensor(); // the first call would let go of a temporary
  const Arg both(held, x.loc());
  Tensor sign = determinant(op, both, DeterminantPart::sign);
  return {std::move(sign), determinant(op, both, DeterminantPart::logarithm)};
}

} // namespace

Tensor cholesky(const Arg& x, bool upper) {
  OpScope scope(x.loc());
  require_square("cholesky", x);
  const RefusalWords words("cholesky: the matrices must be positive definite, got one that is not");
  Arg lower(upper ? transposed(x.tensor()) : x.tensor(), x.loc());
  Tensor y = primitive(Op::cholesky_factor, {&lower}, {}, {}, {}, x.loc());
  return upper ? transposed(y) : y;
}

Tensor cholesky_solve(const Arg& b, const Tensor& l, bool upper) {
  OpScope scope(b.loc());
  require_tensor(b, "cholesky_solve");
  require_square("cholesky_solve", Arg(l, b.loc()));
  auto [factor, side] = system_of("cholesky_solve", Arg(l, b.loc()), b.tensor(), true);
  Tensor lower = upper ? transposed(factor) : factor, other = upper ? factor : transposed(factor);
  Tensor half = triangular_solution(lower, side, false, false, b.loc());
  return triangular_solution(other, half, true, false, b.loc());
}

Tensor solve(const Arg& a, const Tensor& b, bool left) {
  OpScope scope(a.loc());
  const Meta m = require_square("solve", a);
  const Meta n = require_tensor(Arg(b, a.loc()), "solve").meta;
  const bool is_vector = composite::is_vector_for(m, n);
  if (is_vector && !left)
    refuse("solve", ErrorKind::value,
           "b must be matrices where left is false, got " + describe(n) + " for " + describe(m),
           a.loc());
  const RefusalWords words("solve: the matrices must be invertible, got one that is singular");
  auto [matrix, side] = system_of("solve", a, is_vector ? unsqueeze(b, -1) : b, left);
  if (!left) return transposed(linear_solution(transposed(matrix), transposed(side), a.loc()));
  Tensor y = linear_solution(matrix, side, a.loc());
  return is_vector ? squeeze(y, {-1}) : y;
}

Tensor solve_triangular(const Arg& a, const Tensor& b, bool upper, bool left, bool unitriangular) {
  OpScope scope(a.loc());
  require_square("solve_triangular", a);
  auto [matrix, side] = system_of("solve_triangular", a, b, left);
  if (left) return triangular_solution(matrix, side, upper, unitriangular, a.loc());
  return transposed(
      triangular_solution(transposed(matrix), transposed(side), !upper, unitriangular, a.loc()));
}

Tensor inv(const Arg& x) {
  OpScope scope(x.loc());
  const Meta m = require_square("inv", x);
  const RefusalWords words("inv: the matrices must be invertible, got one that is singular");
  return linear_solution(x.tensor(), identity_like(m, x.loc()), x.loc());
}

Tensor det(const Arg& x) {
  OpScope scope(x.loc());
  return determinant("det", x, DeterminantPart::value);
}

std::pair<Tensor, Tensor> slogdet(const Arg& x) {
  OpScope scope(x.loc());
  return sign_and_logarithm("slogdet", x);
}

Tensor logdet(const Arg& x) {
  OpScope scope(x.loc());
  auto [sign, logarithm] = sign_and_logarithm("logdet", x);
  return where(sign < 0, std::numeric_limits<double>::quiet_NaN(), logarithm);
}

} // namespace weft
