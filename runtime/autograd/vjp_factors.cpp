// Gradients of factors by elimination.

#include "runtime/autograd/vjp_context.h"
#include "runtime/composite/decompositions.h"
#include "runtime/composite/linalg.h"

#include <algorithm>

namespace weft {

using composite::transposed;
using composite::triangular_solution;

// Let A = P [L; M] [U V], of which M or V is there where A is not square, and X = L^-1 dA U^-1 of
// the square part of P^T dA. Then dL = L tril(X, -1), dU = triu(X) U, L dV = P^T dA - dL V and
// dM U = P^T dA - M dU. So the gradient of X is tril(L^T gL - gV V^T, -1) + triu(gU U^T - M^T gM),
// and that of P^T A [L^-T X U^-T, L^-T gV; gM U^-T].
void vjp_lu_factors(VjpContext& c) {
  auto [lu, pivots] = composite::packed_factors(c.result());
  const Tensor g = composite::packed_factors(c.dy()).factors;
  const int64_t m = lu.size(-2), n = lu.size(-1), k = std::min(m, n);
  const auto square = [&](const Tensor& t) { return slice(slice(t, -2, 0, k), -1, 0, k); };
  const auto below = [&](const Tensor& t) { return slice(t, -2, k, m); };
  const auto beside = [&](const Tensor& t) { return slice(t, -1, k, n); };
  const Tensor both = square(lu), lower = transposed(tril(both, -1)),
               upper = transposed(triu(both));
  const Tensor gl = tril(square(g), -1), gu = triu(square(g));
  Tensor x = matmul(lower, gl) + gl; // of L = I + its part under the diagonal
  Tensor y = matmul(gu, upper);
  if (n > k) x = x - matmul(beside(g), transposed(beside(lu)));
  if (m > k) y = y - matmul(transposed(below(lu)), below(g));
  Tensor left = tril(x, -1) + triu(y);
  // Solves t @ U^T = s as U @ t^T = s^T.
  const auto over_upper = [&](const Tensor& t) {
    return transposed(triangular_solution(both, transposed(t), true, false, c.loc()));
  };
  left = over_upper(left);
  if (n > k) left = concatenate({left, beside(g)}, -1);
  Tensor rows = triangular_solution(transposed(both), left, true, true, c.loc());
  if (m > k) rows = concatenate({rows, over_upper(below(g))}, -2);
  Tensor inverse = composite::row_order(pivots, m, true, c.loc());
  c.set(0, composite::rows_in_order(rows, inverse));
}

} // namespace weft
