// Factors by elimination and by reflections. What is made of them are other ops: a permutation
// gathers rows, and the product of reflections is I - V T V^T with one triangular solution for T.

#include "runtime/composite/decompositions.h"
#include "runtime/composite/linalg.h"
#include "runtime/core/op_scope.h"
#include "runtime/core/refusal.h"
#include "weft/autograd.h"

#include <algorithm>

namespace weft {

using composite::refuse;
using composite::require_matrices;
using composite::row_order;
using composite::rows_in_order;
using composite::transposed;
using composite::triangular_solution;

namespace composite {

Tensor row_order(const Tensor& pivots, int64_t rows, bool inverse, const Loc& loc) {
  const int64_t structure[] = {inverse}, sizes[] = {rows};
  Arg numbers(pivots.to(i64), loc);
  return primitive(Op::row_order, {&numbers}, {}, structure, sizes, loc);
}

Tensor rows_in_order(const Tensor& x, const Tensor& order) {
  return gather(x, -2, expand(unsqueeze(order, -1), x.shape()));
}

Packed packed_factors(const Tensor& rows) {
  const int64_t m = rows.size(-2) - 1, n = rows.size(-1);
  return {slice(rows, -2, 0, m), slice(select(rows, -2, m), -1, 0, std::min(m, n))};
}

} // namespace composite

namespace {

composite::Packed lu_factors(const char* op, const Arg& x, bool pivot, bool regular) {
  require_matrices(op, x);
  if (!pivot)
    refuse(op, ErrorKind::unsupported,
           "pivot must be true, got false: factors without exchanged "
           "rows lose all precision where a pivot is small",
           x.loc());
  const int64_t structure[] = {regular};
  return composite::packed_factors(primitive(Op::lu_factors, {&x}, {}, structure, {}, x.loc()));
}

Tensor unit_lower(const Tensor& x, int64_t columns) {
  return tril(slice(x, -1, 0, columns), -1) + eye(x.size(-2), columns, x.dtype(), x.device());
}

TriangularFactors unpacked(const Tensor& lu, const Tensor& pivots, const Loc& loc) {
  const int64_t m = lu.size(-2), k = std::min(m, lu.size(-1));
  Tensor order = row_order(pivots, m, false, loc);
  Tensor rows = unsqueeze(arange(m, i64, lu.device(), loc), -1);
  return {(rows == unsqueeze(order, -2)).to(lu.dtype()), unit_lower(lu, k),
          triu(slice(lu, -2, 0, k))};
}

const char* pivot_words(const char* op) {
  return op == std::string_view("lu_solve")
             ? "lu_solve: pivots must be numbers of rows from 1 on, got one that is not"
             : "lu_unpack: pivots must be numbers of rows from 1 on, got one that is not";
}

/// Throws unless pivots are what lu_factor gives beside these factors.
void require_pivots(const char* op, const Arg& lu, const Tensor& pivots) {
  const Meta& m = require_matrices(op, lu);
  const Meta& n = require_tensor(Arg(pivots, lu.loc()), op).meta;
  if (n.dtype != i32)
    refuse(op, ErrorKind::dtype, "pivots must be i32, got " + describe(n), lu.loc());
  bool fits = n.rank == m.rank - 1 &&
              n.sizes[n.rank - 1] == std::min(m.sizes[m.rank - 2], m.sizes[m.rank - 1]);
  for (int k = 0; fits && k + 2 < m.rank; k++)
    fits = n.sizes[k] == m.sizes[k];
  if (!fits)
    refuse(op, ErrorKind::shape,
           "pivots must be as many as the shorter side of each matrix, got " + describe(m) +
               " and " + describe(n),
           lu.loc());
}

/// The product of reflections, I - V T V^T: V has a 1 in each column, the vector under it, and
/// T = D (I + S D)^-1 with D = diag(tau) and S the part of V^T V above the diagonal.
struct Reflections {
  Tensor vectors, sides, tau; // V [..., M, K], I + S D [..., K, K], and the diagonal of D
  const Loc& loc;

  /// T @ x, or its transpose @ x.
  Tensor middle(const Tensor& x, bool transpose) const {
    Tensor factors = unsqueeze(tau, -1);
    if (!transpose) return factors * triangular_solution(sides, x, true, true, loc);
    return triangular_solution(transposed(sides), factors * x, false, true, loc);
  }
};

Reflections reflections(const Tensor& x, const Tensor& tau, const Loc& loc) {
  const int64_t k = tau.size(-1);
  Tensor v = unit_lower(x, k);
  Tensor above = triu(matmul(transposed(v), v), 1);
  return {v, above * unsqueeze(tau, -2) + eye(k, x.dtype(), x.device()), tau, loc};
}

/// Throws unless x and tau are the two results of a geqrf, or look like them.
void require_reflections(const char* op, const Arg& x, const Tensor& tau) {
  const Meta& m = require_matrices(op, x);
  const Meta& n = require_tensor(Arg(tau, x.loc()), op).meta;
  if (m.dtype != n.dtype)
    refuse(op, ErrorKind::dtype,
           "operands must have one dtype, got " + describe(m) + " and " + describe(n), x.loc());
  bool fits = n.rank == m.rank - 1 &&
              n.sizes[n.rank - 1] <= std::min(m.sizes[m.rank - 2], m.sizes[m.rank - 1]);
  for (int k = 0; fits && k + 2 < m.rank; k++)
    fits = n.sizes[k] == m.sizes[k];
  if (!fits)
    refuse(op, ErrorKind::shape,
           "tau must have the batch dims of x and at most as many elements as its shorter side, "
           "got " +
               describe(m) + " and " + describe(n),
           x.loc());
}

} // namespace

std::pair<Tensor, Tensor> lu_factor(const Arg& x, bool pivot) {
  OpScope scope(x.loc());
  const RefusalWords words("lu_factor: the factors must have no 0 on the diagonal, got one that "
                           "has; lu gives them all the same");
  auto [factors, pivots] = lu_factors("lu_factor", x, pivot, true);
  return {factors, pivots.to(i32)};
}

TriangularFactors lu(const Arg& x, bool pivot) {
  OpScope scope(x.loc());
  auto [factors, pivots] = lu_factors("lu", x, pivot, false);
  return unpacked(factors, pivots, x.loc());
}

TriangularFactors lu_unpack(const Arg& lu, const Tensor& pivots, bool unpack_data,
                            bool unpack_pivots) {
  OpScope scope(lu.loc());
  require_pivots("lu_unpack", lu, pivots);
  const RefusalWords words(pivot_words("lu_unpack"));
  const Tensor held = lu.tensor();
  TriangularFactors all = unpacked(held, pivots, lu.loc());
  Tensor none = zeros({0}, held.dtype(), held.device());
  if (!unpack_data) all.l = all.u = none;
  if (!unpack_pivots) all.p = none;
  return all;
}

Tensor lu_solve(const Arg& lu, const Tensor& pivots, const Tensor& b, bool left, bool adjoint) {
  OpScope scope(lu.loc());
  composite::require_square("lu_solve", lu);
  require_pivots("lu_solve", lu, pivots);
  auto [factors, side] = composite::system_of("lu_solve", lu, b, left);
  const RefusalWords words(pivot_words("lu_solve"));
  // y @ x = b is x^T @ y^T = b^T.
  const bool is_transposed = adjoint == left;
  Tensor order = row_order(pivots, factors.size(-1), is_transposed, lu.loc());
  Shape shape = factors.shape();
  shape.resize(shape.size() - 1);
  order = expand(order, shape);
  Tensor y = left ? side : transposed(side);
  if (is_transposed) {
    y = triangular_solution(transposed(factors), y, false, false, lu.loc());
    y = triangular_solution(transposed(factors), y, true, true, lu.loc());
    y = rows_in_order(y, order);
  } else {
    y = triangular_solution(factors, rows_in_order(y, order), false, true, lu.loc());
    y = triangular_solution(factors, y, true, false, lu.loc());
  }
  return left ? y : transposed(y);
}

std::pair<Tensor, Tensor> geqrf(const Arg& x) {
  OpScope scope(x.loc());
  const Meta& m = require_matrices("geqrf", x);
  if (m.requires_grad && grad_enabled())
    refuse("geqrf", ErrorKind::autograd,
           "x must not require a gradient, got one that does; qr has a gradient", x.loc());
  auto [factors, tau] =
      composite::packed_factors(primitive(Op::householder_factors, {&x}, {}, {}, {}, x.loc()));
  return {factors, tau};
}

Tensor householder_product(const Arg& x, const Tensor& tau) {
  OpScope scope(x.loc());
  require_reflections("householder_product", x, tau);
  const Tensor a = x.tensor();
  const int64_t m = a.size(-2), n = a.size(-1);
  if (m < n)
    refuse("householder_product", ErrorKind::shape,
           "the matrices must have at least as many rows as columns, got " +
               describe(a.impl()->meta),
           x.loc());
  const Reflections h = reflections(a, tau, x.loc());
  Tensor first = transposed(slice(h.vectors, -2, 0, n));
  return eye(m, n, a.dtype(), a.device()) - matmul(h.vectors, h.middle(first, false));
}

Tensor ormqr(const Arg& x, const Tensor& tau, const Tensor& other, bool left, bool transpose) {
  OpScope scope(x.loc());
  require_reflections("ormqr", x, tau);
  const Tensor a = x.tensor();
  const Meta& m = a.impl()->meta;
  const Meta& n = require_tensor(Arg(other, x.loc()), "ormqr").meta;
  bool fits = n.dtype == m.dtype && n.rank == m.rank &&
              n.sizes[n.rank - (left ? 2 : 1)] == m.sizes[m.rank - 2];
  for (int k = 0; fits && k + 2 < m.rank; k++)
    fits = n.sizes[k] == m.sizes[k];
  if (!fits)
    refuse("ormqr", ErrorKind::shape,
           std::string("other must have the dtype and the batch dims of x, and as many ") +
               (left ? "rows" : "columns") + " as x has rows, got " + describe(m) + " and " +
               describe(n),
           x.loc());
  const Reflections h = reflections(a, tau, x.loc());
  // other @ q is the transpose of q^T @ other^T.
  Tensor c = left ? other : transposed(other);
  Tensor inner = h.middle(matmul(transposed(h.vectors), c), transpose == left);
  Tensor y = c - matmul(h.vectors, inner);
  return left ? y : transposed(y);
}

} // namespace weft
