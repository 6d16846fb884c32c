// Linear algebra inside compiled regions: routines between fused kernels, their gradients, and
// matrices that they refuse.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

Tensor positive(const Tensor& x) {
  return matmul(x, transpose(x, -2, -1)) + eye(x.size(-1), x.dtype()) * 2.0;
}

} // namespace

TEST_CASE("factors and solutions stand between kernels", "[compiled]") {
  for (DType dtype : {f32, f64})
    compare(
        [](const Inputs& x) {
          Tensor a = positive(x[0] * 0.5), b = relu(x[1]);
          auto [sign, logarithm] = slogdet(a);
          return std::vector<Tensor>{cholesky(a) * 2.0,
                                     solve(a, b) + 1.0,
                                     solve(transpose(a, -2, -1), transpose(b, 0, 1)),
                                     solve_triangular(a, b, true, true, true),
                                     inv(a),
                                     matrix_exp(x[0] * 0.5) + 1.0,
                                     det(a * 0.5),
                                     sign * exp(-logarithm),
                                     matrix_norm(a, 1.0)};
        },
        [=] {
          return Inputs{ramp({3, 5, 5}, 1, dtype), ramp({5, 5}, 2, dtype)};
        },
        kSum);
}

TEST_CASE("a loss with a log-likelihood of a normal distribution", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor w = x[0].clone().requires_grad_(), b = x[1].clone().requires_grad_();
        Tensor l = cholesky(positive(w));
        Tensor white = solve_triangular(l, b, false);
        Tensor loss = sum(white * white) + sum(log(diagonal(l, 0, -2, -1))) + logdet(positive(w));
        loss.backward();
        return std::vector<Tensor>{loss, w.grad(), b.grad()};
      },
      [] {
        return Inputs{ramp({4, 4}), ramp({4, 3})};
      },
      kSum);
}

TEST_CASE("a singular matrix is refused in compiled code as in eager code", "[compiled]") {
  auto f = compile([](const Tensor& x) { return inv(x * 2.0) + 1.0; });
  for (int call = 0; call < 3; call++)
    CHECK(difference(inv(eye(3) * 2.0) + 1.0, f(eye(3))) == 0);
  CHECK_THROWS_WITH(f(ones({3, 3})).item<float>() * 0 + f(ones({3, 3})).sum().item<float>(),
                    Catch::StartsWith("inv: the matrices must be invertible, got one that is "
                                      "singular"));
}

TEST_CASE("sizes of matrices change", "[compiled]") {
  auto body = [](const Tensor& x) { return solve(positive(x), x * 2.0); };
  auto f = compile(body);
  for (int64_t n : {3, 3, 4, 6, 5}) {
    Tensor x = ramp({n, n});
    CHECK(difference(body(x), f(x)) <= kSum);
  }
}

TEST_CASE("strided views are read by fused kernels", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor y = x[0] * 2.0;
        Tensor windows = as_strided(y, {18, 3}, {1, 1});
        return std::vector<Tensor>{relu(windows), sum(windows, 1),
                                   as_strided(y.t(), {4, 5}, {1, 4}),
                                   matmul(as_strided(y, {3, 4}, {2, 1}, 3), x[1])};
      },
      [] {
        return Inputs{ramp({4, 5}), ramp({4, 2})};
      },
      kSum);
  compare(
      [](const Inputs& x) {
        Tensor y = x[0].clone().requires_grad_();
        Tensor loss = sum(exp(as_strided(y * y, {18, 3}, {1, 1})));
        loss.backward();
        return std::vector<Tensor>{loss, y.grad()};
      },
      [] { return Inputs{ramp({20})}; }, kSum);
}

TEST_CASE("a region that writes through a strided view runs it eagerly", "[compiled]") {
  auto f = compile([](const Tensor& x) {
    Tensor y = x * 2.0;
    as_strided(y, {3, 2}, {4, 2}, 1).add_(1);
    return y + x;
  });
  for (int call = 0; call < 3; call++) {
    Tensor x = arange(12).to(f32);
    Tensor want = x * 3.0;
    for (int64_t at : {1, 3, 5, 7, 9, 11})
      want[at] = want[at] + 1.0;
    CHECK(difference(want, f(x)) == 0);
  }
  CHECK(f.explain().find("cannot write through this view") != std::string::npos);
}
