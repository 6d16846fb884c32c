#include "cases.h"

#include "weft/ops.h"

using namespace weft;

namespace gradient_check {

namespace {

Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }
Tensor identity(const Tensor& x) { return eye(x.size(-1), x.dtype()); }
/// Positive definite, whatever x is.
Tensor positive(const Tensor& x) { return matmul(x, transposed(x)) + identity(x) * 2; }
/// Far from singular, but for numbers between -1 and 1 not symmetric nor triangular.
Tensor regular(const Tensor& x) { return x + identity(x) * 4; }

} // namespace

std::vector<Case> linalg_cases() {
  std::vector<Case> cases = {
      {"cholesky_factor", {{3, 3}}, [](const Inputs& x) { return cholesky(positive(x[0])); }},
      {"cholesky_factor",
       {{2, 3, 3}},
       [](const Inputs& x) { return cholesky(positive(x[0]), true); }},
      {"cholesky_solve",
       {{3, 3}, {2, 3, 2}},
       [](const Inputs& x) { return cholesky_solve(x[1], regular(x[0])); }},
      {"triangular_solution",
       {{3, 3}, {3, 2}},
       [](const Inputs& x) { return solve_triangular(regular(x[0]), x[1], true); }},
      {"triangular_solution",
       {{2, 3, 3}, {3, 2}},
       [](const Inputs& x) { return solve_triangular(x[0], x[1], false, true, true); }},
      {"triangular_solution",
       {{3, 3}, {2, 3}},
       [](const Inputs& x) { return solve_triangular(regular(x[0]), x[1], false, false); }},
      {"linear_solution",
       {{3, 3}, {2, 3, 2}},
       [](const Inputs& x) { return solve(regular(x[0]), x[1]); }},
      {"linear_solution",
       {{2, 3, 3}, {2, 3}},
       [](const Inputs& x) { return solve(regular(x[0]), x[1]); }},
      {"linear_solution",
       {{3, 3}, {2, 3}},
       [](const Inputs& x) { return solve(regular(x[0]), x[1], false); }},
      {"linear_solution", {{2, 3, 3}}, [](const Inputs& x) { return inv(regular(x[0])); }},
      {"linear_solution",
       {{3, 3}},
       [](const Inputs& x) { return matrix_power(regular(x[0]), -2); }},
      {"determinant", {{2, 3, 3}}, [](const Inputs& x) { return det(regular(x[0])); }},
      {"determinant", {{3, 3}}, [](const Inputs& x) { return slogdet(-regular(x[0])).second; }},
      {"determinant", {{2, 3, 3}}, [](const Inputs& x) { return logdet(positive(x[0])); }},
      {"matrix_exponential", {{2, 3, 3}}, [](const Inputs& x) { return matrix_exp(x[0]); }},
      {"matrix_exponential",
       {{2, 2}},
       [](const Inputs& x) { return matrix_exp(x[0] * 8.0) * 1e-3; }},
      {"cholesky_inverse",
       {{3, 3}},
       [](const Inputs& x) { return cholesky_inverse(cholesky(positive(x[0]))); }},
      {"matrix_norm",
       {{2, 3, 4}},
       [](const Inputs& x) { return matrix_norm(x[0]) + matrix_norm(x[0], 1.0); }},
  };
  for (Case& c : cases)
    c.low = -1, c.high = 1;
  return cases;
}

} // namespace gradient_check
