#include "cases.h"

#include "weft/ops.h"

using namespace weft;

namespace gradient_check {

namespace {

/// 9, 12, 15, ... in another row of each column: for numbers between -1 and 1 these become the
/// pivots, and no rows change places in a small step.
Tensor apart(const Tensor& x) {
  const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n);
  Tensor steps = roll(pad(diag(arange(3, k + 3).to(f64) * 3.0), {0, n - k, 0, m - k}), 1, 0);
  return x + steps;
}

Tensor of_factors(const TriangularFactors& r) {
  return sum(sin(r.l)) + sum(exp(r.u * 0.1)) + sum(matmul(matmul(r.p, r.l), cos(r.u)));
}

Tensor packed(const Tensor& x) { return sin(lu_factor(x).first); }

/// Solutions by the factors of x.
Tensor solved(const Tensor& x, const Tensor& b, bool left, bool adjoint) {
  auto [factors, pivots] = lu_factor(x);
  return lu_solve(factors, pivots, b, left, adjoint);
}

} // namespace

std::vector<Case> factor_cases() {
  std::vector<Case> cases = {
      {"lu_factors", {{3, 3}}, [](const Inputs& x) { return packed(apart(x[0])); }},
      {"lu_factors", {{2, 4, 3}}, [](const Inputs& x) { return packed(apart(x[0])); }},
      {"lu_factors", {{2, 3, 5}}, [](const Inputs& x) { return packed(apart(x[0])); }},
      {"lu", {{2, 3, 3}}, [](const Inputs& x) { return of_factors(lu(apart(x[0]))); }},
      {"lu", {{4, 2}}, [](const Inputs& x) { return of_factors(lu(apart(x[0]))); }},
      {"lu", {{2, 4}}, [](const Inputs& x) { return of_factors(lu(apart(x[0]))); }},
      {"lu_solve",
       {{3, 3}, {2, 3, 2}},
       [](const Inputs& x) { return solved(apart(x[0]), x[1], true, false); }},
      {"lu_solve",
       {{2, 3, 3}, {3, 2}},
       [](const Inputs& x) { return solved(apart(x[0]), x[1], true, true); }},
      {"lu_solve",
       {{3, 3}, {2, 3}},
       [](const Inputs& x) { return solved(apart(x[0]), x[1], false, false); }},
      {"lu_solve",
       {{3, 3}, {2, 3}},
       [](const Inputs& x) {
         return lu_solve(x[0] + eye(3, f64) * 4.0, tensor({3, 3, 3}).to(i32), x[1], false, true);
       }},
      {"householder_product",
       {{2, 4, 3}, {2, 3}},
       [](const Inputs& x) { return householder_product(x[0], x[1]); }},
      {"householder_product",
       {{4, 3}, {2}},
       [](const Inputs& x) { return householder_product(x[0], x[1]); }},
      {"ormqr", {{4, 3}, {3}, {4, 2}}, [](const Inputs& x) { return ormqr(x[0], x[1], x[2]); }},
      {"ormqr",
       {{2, 4, 3}, {2, 2}, {2, 2, 4}},
       [](const Inputs& x) { return ormqr(x[0], x[1], x[2], false, true); }},
      {"vander", {{2, 3}}, [](const Inputs& x) { return vander(x[0], 4); }},
      {"tensorsolve",
       {{2, 2, 4}, {2, 2}},
       [](const Inputs& x) {
         Tensor a = reshape(apart(reshape(x[0], {4, 4})), {2, 2, 4});
         return tensorsolve(a, x[1]);
       }},
      {"tensorinv",
       {{2, 2, 4}},
       [](const Inputs& x) {
         return tensorinv(reshape(apart(reshape(x[0], {4, 4})), {2, 2, 4}));
       }},
      {"pseudo_inverse",
       {{2, 3, 3}},
       [](const Inputs& x) {
         return pinv(apart(x[0]), tensor({0.5, 0.25}));
       }},
  };
  for (Case& c : cases)
    c.low = -1, c.high = 1;
  return cases;
}

} // namespace gradient_check
