// Gradients of factors, solutions and determinants (Giles, An extended collection of matrix
// derivative results, 2008; Murray, Differentiation of the Cholesky decomposition, 2016).

#include "runtime/autograd/vjp_context.h"
#include "runtime/composite/linalg.h"
#include "runtime/core/determinant_part.h"
#include "runtime/core/refusal.h"

namespace weft {

namespace {

using composite::linear_solution;
using composite::transposed;
using composite::triangular_solution;

// The part of a triangular matrix's gradient that the op read.
Tensor read_triangle(const Tensor& g, bool upper, bool unitriangular) {
  const int64_t edge = unitriangular;
  return upper ? triu(g, edge) : tril(g, -edge);
}

} // namespace

// With p the lower triangle of y^T dy, its diagonal halved: the symmetric part of y^-T p y^-1.
void vjp_cholesky_factor(VjpContext& c) {
  const Tensor& y = c.result();
  Tensor product = tril(matmul(transposed(y), c.dy()));
  Tensor p = (product + tril(product, -1)) * 0.5;
  Tensor upper = transposed(y);
  Tensor left = triangular_solution(upper, p, true, false, c.loc());
  Tensor s = triangular_solution(upper, transposed(left), true, false, c.loc());
  c.set(0, (s + transposed(s)) * 0.5);
}

void vjp_triangular_solution(VjpContext& c) {
  const bool upper = c.structure(0), unitriangular = c.structure(1);
  Tensor db = triangular_solution(transposed(c.tensor(0)), c.dy(), !upper, unitriangular, c.loc());
  if (c.needs(0))
    c.set(0, read_triangle(-matmul(db, transposed(c.result())), upper, unitriangular));
  if (c.needs(1)) c.set(1, db);
}

void vjp_linear_solution(VjpContext& c) {
  Tensor db = linear_solution(transposed(c.tensor(0)), c.dy(), c.loc());
  if (c.needs(0)) c.set(0, -matmul(db, transposed(c.result())));
  if (c.needs(1)) c.set(1, db);
}

// The determinant changes by its own product with the inverse, its logarithm by the inverse.
void vjp_determinant(VjpContext& c) {
  const auto part = static_cast<DeterminantPart>(c.structure(0));
  if (part == DeterminantPart::sign) return;
  const RefusalWords words("det: the gradient needs invertible matrices, got one that is singular");
  const Tensor x = c.tensor(0);
  Tensor factor = part == DeterminantPart::value ? c.dy() * c.result() : c.dy();
  Tensor identity = expand(eye(x.size(-1), x.dtype(), x.device(), c.loc()), x.shape());
  Tensor inverse = linear_solution(transposed(x), identity, c.loc());
  c.set(0, unsqueeze(unsqueeze(factor, -1), -1) * inverse);
}

// The derivative of the exponential of x^T along dy: a block of the exponential of
// [[x^T, dy], [0, x^T]] (Mathias, A chain rule for matrix functions and applications, 1996).
void vjp_matrix_exponential(VjpContext& c) {
  const Tensor xt = transposed(c.tensor(0));
  const int64_t n = xt.size(-1);
  Tensor above = concatenate({xt, c.dy()}, -1), below = concatenate({zeros_like(xt), xt}, -1);
  Tensor y = matrix_exp(Arg(concatenate({above, below}, -2), c.loc()));
  c.set(0, slice(slice(y, -2, 0, n), -1, n, 2 * n));
}

} // namespace weft
