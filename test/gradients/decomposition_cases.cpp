#include "cases.h"

#include "weft/ops.h"

using namespace weft;

namespace gradient_check {

namespace {

Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }

/// 4, 8, 12, ... on the diagonal of matrices like x: for numbers between -1 and 1 no two values of
/// x + apart(x) are equal and none is 0.
Tensor apart(const Tensor& x) {
  const int64_t n = std::min(x.size(-2), x.size(-1));
  Tensor steps = diag(arange(1, n + 1).to(f64) * 4.0);
  return pad(steps, {0, x.size(-1) - n, 0, x.size(-2) - n});
}
Tensor regular(const Tensor& x) { return x + apart(x); }
Tensor symmetric(const Tensor& x) { return (x + transposed(x)) * 0.5 + apart(x); }
/// Matrices [M, N] of rank K < M, N, whatever small x and y are: [M, K] and [K, N].
Tensor low_rank(const Tensor& x, const Tensor& y) { return matmul(regular(x), regular(y)); }

Tensor product(const std::pair<Tensor, Tensor>& qr) {
  return matmul(qr.first, exp(qr.second * 0.1));
}

/// Of the vectors what does not depend on their signs.
Tensor of_eigenvectors(const Tensor& x, std::string_view uplo) {
  auto [values, vectors] = eigh(x, uplo);
  return matmul(vectors * unsqueeze(sin(values), -2), transposed(vectors)) + vectors * vectors;
}
Tensor of_singular_vectors(const Tensor& x, bool full_matrices) {
  auto [u, s, vh] = svd(x, full_matrices);
  const int64_t n = s.size(-1);
  Tensor left = slice(u, -1, 0, n), right = slice(vh, -2, 0, n);
  return matmul(left * unsqueeze(sin(s), -2), right) + sum(pow(left, 4)) + sum(pow(right, 4));
}

} // namespace

std::vector<Case> decomposition_cases() {
  std::vector<Case> cases = {
      {"orthogonal_factors", {{3, 3}}, [](const Inputs& x) { return product(qr(regular(x[0]))); }},
      {"orthogonal_factors",
       {{2, 4, 3}},
       [](const Inputs& x) { return product(qr(regular(x[0]))); }},
      {"orthogonal_factors",
       {{2, 3, 5}},
       [](const Inputs& x) { return product(qr(regular(x[0]), "complete")); }},
      {"orthogonal_factors",
       {{4, 2}},
       [](const Inputs& x) { return qr(regular(x[0]), "r").second; }},
      {"orthogonal_factors", {{4, 2}}, [](const Inputs& x) { return qr(regular(x[0])).first; }},
      {"eigen_system",
       {{2, 3, 3}},
       [](const Inputs& x) { return of_eigenvectors(symmetric(x[0]), "L"); }},
      {"eigen_system",
       {{4, 4}},
       [](const Inputs& x) { return of_eigenvectors(symmetric(x[0]), "U"); }},
      {"spectrum",
       {{3, 3}},
       [](const Inputs& x) { return exp(eigh(symmetric(x[0])).first * 0.1); }},
      {"spectrum", {{2, 4, 3}}, [](const Inputs& x) { return exp(svd(regular(x[0])).s * 0.1); }},
      {"eigenvalues",
       {{2, 3, 3}},
       [](const Inputs& x) { return exp(eigvalsh(symmetric(x[0])) * 0.1); }},
      {"singular_values",
       {{2, 3, 4}},
       [](const Inputs& x) { return exp(svdvals(regular(x[0])) * 0.1); }},
      {"singular_system",
       {{3, 3}},
       [](const Inputs& x) { return of_singular_vectors(regular(x[0]), false); }},
      {"singular_system",
       {{4, 2}},
       [](const Inputs& x) { return of_singular_vectors(regular(x[0]), true); }},
      {"singular_system",
       {{2, 4}},
       [](const Inputs& x) { return of_singular_vectors(regular(x[0]), false); }},
      {"pseudo_inverse", {{2, 4, 3}}, [](const Inputs& x) { return pinv(regular(x[0])); }},
      {"pseudo_inverse", {{3, 5}}, [](const Inputs& x) { return pinv(regular(x[0])); }},
      {"pseudo_inverse",
       {{4, 2}, {2, 3}},
       [](const Inputs& x) { return pinv(low_rank(x[0], x[1])); }},
      {"pseudo_inverse",
       {{3, 3}},
       [](const Inputs& x) { return pinv(symmetric(x[0]), {}, {}, true); }},
      {"least_squares",
       {{4, 2}, {2, 4, 3}},
       [](const Inputs& x) { return lstsq(regular(x[0]), x[1]).solution; }},
      {"least_squares",
       {{2, 4}, {2}},
       [](const Inputs& x) { return lstsq(regular(x[0]), x[1]).solution; }},
      {"least_squares",
       {{4, 2}, {2, 3}, {4, 2}},
       [](const Inputs& x) { return lstsq(low_rank(x[0], x[1]), x[2]).solution; }},
      {"least_squares",
       {{4, 2}, {4, 1}},
       [](const Inputs& x) { return lstsq(regular(x[0]), x[1], {}, "gelsd").residuals; }},
      {"matrix_norm",
       {{2, 3, 4}},
       [](const Inputs& x) {
         Tensor a = regular(x[0]);
         return matrix_norm(a, "nuc") + matrix_norm(a, 2) + matrix_norm(a, -2, {2, 1});
       }},
      {"cond",
       {{2, 3, 3}},
       [](const Inputs& x) {
         Tensor a = regular(x[0]);
         return cond(a) + cond(a, -2) + cond(a, 1) + cond(a, -INFINITY) + cond(a, "fro");
       }},
  };
  for (Case& c : cases)
    c.low = -1, c.high = 1;
  return cases;
}

} // namespace gradient_check
