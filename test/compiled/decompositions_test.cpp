// Decompositions inside compiled regions: routines between fused kernels, their gradients, and
// matrices that they refuse.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }
/// No two of its values are equal.
Tensor apart(const Tensor& x) { return x + diag(arange(x.size(-1)).to(x.dtype()) * 3.0 + 2.0); }

} // namespace

TEST_CASE("decompositions stand between kernels", "[compiled]") {
  for (DType dtype : {f32, f64})
    compare(
        [](const Inputs& x) {
          Tensor a = relu(x[0]) + x[0] * 0.5, s = apart(a + transposed(a));
          auto [q, r] = qr(a);
          auto [values, vectors] = eigh(s);
          const SingularVectors d = svd(slice(apart(a), -1, 0, 4));
          const LeastSquares l = lstsq(slice(a, -1, 0, 3) * 2.0, relu(x[1]));
          return std::vector<Tensor>{matmul(q, r) * 2.0,
                                     r,
                                     qr(slice(a, -2, 0, 3), "complete").second,
                                     exp(values * 0.1),
                                     vectors * vectors + 1.0,
                                     d.s * 2.0,
                                     abs(d.vh),
                                     pinv(slice(apart(a), -1, 0, 2)) - 1.0,
                                     matrix_rank(a) + 1,
                                     cond(s, 1) + cond(s),
                                     matrix_norm(a, "nuc"),
                                     l.solution + 1.0,
                                     l.residuals,
                                     l.rank};
        },
        [=] {
          return Inputs{ramp({3, 5, 5}, 1, dtype), ramp({5, 2}, 2, dtype)};
        },
        kSum);
}

TEST_CASE("gradients of decompositions are compiled", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor w = x[0].clone().requires_grad_(), b = x[1].clone().requires_grad_();
        Tensor a = apart(w);
        auto [q, r] = qr(a);
        auto [values, vectors] = eigh(a + transposed(a));
        const SingularVectors d = svd(slice(a, -1, 0, 3), false);
        Tensor loss = sum(q * r) +
                      sum(matmul(vectors * unsqueeze(sin(values), -2), transposed(vectors))) +
                      sum(pow(d.u, 4)) + sum(lstsq(slice(a, -1, 0, 2), b).solution) + sum(pinv(a)) +
                      matrix_norm(a, "nuc");
        loss.backward();
        return std::vector<Tensor>{loss, w.grad(), b.grad()};
      },
      [] {
        return Inputs{ramp({5, 5}, 1, f64), ramp({5, 3}, 1, f64)};
      },
      1e-9);
}

TEST_CASE("a matrix that is not finite is refused in compiled code as in eager code",
          "[compiled]") {
  auto f = compile([](const Tensor& x) { return svdvals(x * 2.0) + 1.0; });
  for (int call = 0; call < 3; call++)
    CHECK(difference(svdvals(eye(3) * 2.0) + 1.0, f(eye(3))) == 0);
  CHECK_THROWS_WITH(f(full({3, 3}, NAN)).sum().item<float>(),
                    Catch::StartsWith("svdvals: the matrices must be finite"));
}

TEST_CASE("sizes of matrices that are decomposed change", "[compiled]") {
  auto body = [](const Tensor& x) {
    const SingularVectors d = svd(x * 2.0, false);
    return matmul(d.u * unsqueeze(d.s, -2), d.vh) + matmul(qr(x).first, qr(x).second);
  };
  auto f = compile(body);
  for (auto [m, n] : {std::pair{5, 3}, {5, 3}, {6, 3}, {7, 4}, {3, 6}, {4, 4}, {9, 5}}) {
    Tensor x = ramp({m, n});
    CHECK(difference(body(x), f(x)) <= kSum);
  }
}
