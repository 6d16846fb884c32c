// Factors inside compiled regions: routines between fused kernels, their gradients, sizes that
// change, and what they refuse.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }
/// Its pivots are far from others.
Tensor apart(const Tensor& x) {
  return x + flip(diag(arange(x.size(-1)).to(x.dtype()) * 3.0 + 4.0), {0});
}

} // namespace

TEST_CASE("factors stand between kernels", "[compiled]") {
  for (DType dtype : {f32, f64})
    compare(
        [](const Inputs& x) {
          Tensor a = apart(relu(x[0]) + x[0] * 0.5), b = relu(x[1]);
          auto [packed, pivots] = lu_factor(a);
          const TriangularFactors r = lu(slice(a, -1, 0, 3));
          auto [rows, tau] = geqrf(slice(a, -1, 0, 4));
          return std::vector<Tensor>{packed * 2.0,
                                     pivots + 1,
                                     matmul(r.p, r.l) + 1.0,
                                     exp(r.u * 0.1),
                                     lu_solve(packed, pivots, b) * 2.0,
                                     lu_solve(packed, pivots, transposed(b), false, true),
                                     householder_product(rows, tau) + 1.0,
                                     abs(ormqr(rows, tau, a, true, true)),
                                     vander(select(x[1], 1, 0), 4) * 2.0,
                                     tensorinv(reshape(a[0] * 2.0, {5, 5, 1}), 1),
                                     matrix_rank(a, select(select(abs(x[0]), -1, 0), -1, 0)),
                                     pinv(a, {}, select(select(abs(x[0]), -1, 0), -1, 0) * 0.01)};
        },
        [=] {
          return Inputs{ramp({3, 5, 5}, 1, dtype), ramp({5, 2}, 2, dtype)};
        },
        kSum);
}

TEST_CASE("gradients of factors are compiled", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor w = x[0].clone().requires_grad_(), b = x[1].clone().requires_grad_();
        Tensor a = apart(w);
        auto [packed, pivots] = lu_factor(a);
        const TriangularFactors tall = lu(slice(a, -1, 0, 3)), wide = lu(slice(a, -2, 0, 3));
        Tensor q = householder_product(slice(w, -1, 0, 2), select(b, 0, 0) * 0.5 + 1.0);
        Tensor loss = sum(lu_solve(packed, pivots, b)) + sum(sin(tall.l)) + sum(tall.u * tall.u) +
                      sum(sin(wide.l)) + sum(wide.u * wide.u) + sum(q * q * q);
        loss.backward();
        return std::vector<Tensor>{loss, w.grad(), b.grad()};
      },
      [] {
        return Inputs{ramp({5, 5}, 1, f64), ramp({5, 2}, 1, f64)};
      },
      1e-9);
}

TEST_CASE("a factor with a 0 on its diagonal and false pivots are refused in compiled code",
          "[compiled]") {
  auto f = compile([](const Tensor& x) { return lu_factor(x * 2.0).first + 1.0; });
  for (int call = 0; call < 3; call++)
    CHECK(difference(eye(3) * 2.0 + 1.0, f(eye(3))) == 0);
  CHECK_THROWS_WITH(f(ones({3, 3})).sum().item<float>(),
                    Catch::StartsWith("lu_factor: the factors must have no 0 on the diagonal"));
  auto g = compile([](const Tensor& x, const Tensor& p) {
    return lu_solve(x * 2.0, p, ones({3, 1})) + 1.0;
  });
  for (int call = 0; call < 3; call++)
    CHECK(difference(full({3, 1}, 1.5), g(eye(3), tensor({1, 2, 3}).to(i32))) == 0);
  CHECK_THROWS_WITH(g(eye(3), tensor({1, 2, 4}).to(i32)).sum().item<float>(),
                    Catch::StartsWith("lu_solve: pivots must be numbers of rows from 1 on"));
}

TEST_CASE("sizes of matrices that are factored change", "[compiled]") {
  auto body = [](const Tensor& x) {
    const TriangularFactors r = lu(x * 2.0);
    auto [rows, tau] = geqrf(x);
    return matmul(matmul(r.p, r.l), r.u) + ormqr(rows, tau, relu(x));
  };
  auto f = compile(body);
  for (auto [m, n] : {std::pair{5, 3}, {5, 3}, {6, 3}, {7, 4}, {3, 6}, {4, 4}, {9, 5}}) {
    Tensor x = ramp({m, n});
    CHECK(difference(body(x), f(x)) <= kSum);
  }
}
