// Linear algebra: batches, layouts, empty matrices, and what is refused.

#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// A matrix with no order in it but a diagonal that keeps it regular.
Tensor matrices(const Shape& shape, DType dtype = f64) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  Tensor x = remainder(arange(count) * 7919 + 13, 31).to(dtype) / 31.0;
  return x.reshape(shape) + eye(shape[shape.size() - 1], dtype) * 4.0;
}

bool is_close(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return allclose(a, b, 1e-9, 1e-9);
}

Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }

} // namespace

TEST_CASE("what is solved for gives the right side again") {
  const Tensor a = matrices({2, 1, 5, 5}), b = matrices({3, 5, 5}).slice(2, 0, 2);
  const Tensor y = solve(a, b);
  CHECK(y.shape() == Shape{2, 3, 5, 2});
  CHECK(is_close(matmul(a, y), expand(b, {2, 3, 5, 2})));
  const Tensor c = transposed(b);
  CHECK(is_close(matmul(solve(a, c, false), a), expand(c, {2, 3, 2, 5})));
  CHECK(is_close(matmul(inv(a), a), expand(eye(5, f64), a.shape())));
  CHECK(is_close(matrix_power(a, -2), inv(matmul(a, a))));
  CHECK(is_close(inv(transposed(a)), transposed(inv(a)))); // of another layout
}

TEST_CASE("a vector is a right side of its own") {
  const Tensor a = matrices({2, 3, 3}), b = matrices({3, 3}).slice(0, 0, 2);
  CHECK(is_close(solve(a, b)[1], solve(a[1], b[1])));
  CHECK(solve(a, b[0]).shape() == Shape{2, 3});
  CHECK_THROWS_WITH(solve(a[0], b[0], false), StartsWith("solve: b must be matrices where left is "
                                                         "false, got f64[3] for f64[3, 3]"));
}

TEST_CASE("triangular matrices are solved for by one triangle") {
  const Tensor a = matrices({4, 4}), b = matrices({4, 4}).slice(1, 0, 3);
  CHECK(is_close(matmul(triu(a), solve_triangular(a, b, true)), b));
  CHECK(is_close(matmul(tril(a), solve_triangular(a, b, false)), b));
  const Tensor with_ones = tril(a, -1) + eye(4, f64);
  CHECK(is_close(matmul(with_ones, solve_triangular(a, b, false, true, true)), b));
  CHECK(is_close(matmul(solve_triangular(a, transposed(b), true, false), triu(a)), transposed(b)));
  CHECK(std::isinf(solve_triangular(zeros({1, 1}), ones({1, 1}), true).item<float>()));
}

TEST_CASE("a Cholesky factor reads one triangle") {
  const Tensor a = matrices({2, 4, 4}), x = matmul(a, transposed(a)), l = cholesky(x);
  CHECK(is_close(matmul(l, transposed(l)), x));
  CHECK(is_close(l, tril(l)));
  CHECK(is_close(cholesky(tril(x)), l));
  CHECK(is_close(cholesky(triu(x), true), transposed(l)));
  CHECK(is_close(cholesky_solve(a, l), solve(x, a)));
  CHECK(is_close(cholesky_solve(a, transposed(l), true), solve(x, a)));
}

TEST_CASE("determinants have signs, and logarithms where they would overflow") {
  const Tensor x = tensor({{0., 2.}, {3., 0.}});
  CHECK(det(x).item<double>() == -6);
  CHECK(slogdet(x).first.item<double>() == -1);
  CHECK(slogdet(x).second.item<double>() == Approx(std::log(6.0)));
  CHECK(std::isnan(logdet(x).item<double>()));
  CHECK(slogdet(eye(200) * 1e3).second.item<float>() == Approx(200 * std::log(1e3)));
  CHECK(slogdet(eye(200) * 1e3).first.item<float>() == 1);
  CHECK(det(ones({3, 2, 2})).to_vector<float>() == std::vector<float>{0, 0, 0});
  CHECK(slogdet(ones({2, 2})).first.item<float>() == 0);
  CHECK(std::isinf(slogdet(ones({2, 2})).second.item<float>()));
}

TEST_CASE("matrices without elements") {
  const Tensor none = zeros({2, 0, 0});
  CHECK(inv(none).shape() == Shape{2, 0, 0});
  CHECK(cholesky(none).shape() == Shape{2, 0, 0});
  CHECK(det(none).to_vector<float>() == std::vector<float>{1, 1});
  CHECK(slogdet(none).second.to_vector<float>() == std::vector<float>{0, 0});
  CHECK(solve(none, zeros({2, 0, 3})).shape() == Shape{2, 0, 3});
  CHECK(solve(eye(3), zeros({3, 0})).shape() == Shape{3, 0});
  CHECK(solve_triangular(zeros({0, 3, 3}), zeros({3, 2}), true).shape() == Shape{0, 3, 2});
}

TEST_CASE("many matrices are done on several threads") {
  const Tensor a = matrices({300, 12, 12}), y = inv(a);
  CHECK(is_close(y[299], inv(a[299])));
  CHECK(is_close(det(a)[150], det(a[150])));
  CHECK(is_close(cholesky(matmul(a, transposed(a)))[77], cholesky(matmul(a[77], a[77].t()))));
}

TEST_CASE("exponentials of matrices") {
  const Tensor x = matrices({2, 5, 5}), y = matrix_exp(x);
  CHECK(is_close(matmul(y, matrix_exp(-x)) * 1e-3, expand(eye(5, f64), y.shape()) * 1e-3));
  CHECK(is_close(matrix_exp(x * 2.0) / amax(y * y), matmul(y, y) / amax(y * y)));
  CHECK(is_close(matrix_exp(transposed(x)), transposed(y)));
  CHECK(is_close(matrix_exp(diag(tensor({1., -40., 0.}))), diag(exp(tensor({1., -40., 0.})))));
  // A turn by one radian: cosine and sine.
  const Tensor turn = matrix_exp(tensor({{0., -1.}, {1., 0.}}));
  CHECK(is_close(turn, tensor({{std::cos(1.), -std::sin(1.)}, {std::sin(1.), std::cos(1.)}})));
  CHECK(matrix_exp(zeros({2, 2})).to_vector<float>() == std::vector<float>{1, 0, 0, 1});
  CHECK(matrix_exp(zeros({3, 0, 0})).shape() == Shape{3, 0, 0});
  CHECK(all(isnan(matrix_exp(full({2, 2}, INFINITY)))).item<bool>());
  CHECK(all(isinf(matrix_exp(full({1, 1}, 1e300, f64)))).item<bool>());
  CHECK_THROWS_WITH(matrix_exp(ones({2, 3})),
                    StartsWith("matrix_exp: the matrices must be square"));
}

TEST_CASE("an inverse follows from a Cholesky factor") {
  const Tensor a = matrices({2, 4, 4}), x = matmul(a, transposed(a));
  CHECK(is_close(cholesky_inverse(cholesky(x)), inv(x)));
  CHECK(is_close(cholesky_inverse(cholesky(x, true), true), inv(x)));
}

TEST_CASE("products of vectors along a dim") {
  const Tensor a = matrices({3, 4, 4}), b = matrices({4, 4});
  CHECK(is_close(vecdot(a, b), sum(a * b, -1)));
  CHECK(is_close(vecdot(a, b, 0), sum(a * b, 0)));
}

TEST_CASE("norms of matrices") {
  const Tensor x = tensor({{1.f, -2.f}, {3.f, 5.f}});
  CHECK(matrix_norm(x).item<float>() == Approx(std::sqrt(39.0)));
  CHECK(matrix_norm(x, 1).item<float>() == 7);
  CHECK(matrix_norm(x, -1).item<float>() == 4);
  CHECK(matrix_norm(x, INFINITY).item<float>() == 8);
  CHECK(matrix_norm(x, -INFINITY, {0, 1}, true).shape() == Shape{1, 1});
  CHECK(matrix_norm(x, INFINITY, {1, 0}).item<float>() == 7);
  CHECK(norm(x, "fro").item<float>() == Approx(std::sqrt(39.0)));
  CHECK(norm(tensor({{3.f, 0.f}, {0.f, -4.f}}), "nuc").item<float>() == Approx(7));
  CHECK_THROWS_WITH(norm(x, "max"), Contains("norm: p must be fro, nuc or a number, got max"));
  CHECK(matrix_norm(ones({2, 3, 4}), "fro", {0, 2}, false, f64).dtype() == f64);
  CHECK_THROWS_WITH(matrix_norm(x, 3), Contains("matrix_norm: ord must be 1, 2, inf or one of "
                                                "their negatives, got 3"));
  CHECK_THROWS_WITH(matrix_norm(x, "nucl"), Contains("ord must be fro, nuc or a number, got nucl"));
  CHECK_THROWS_WITH(matrix_norm(x, 1, {0, -2}), Contains("dim must be two dims of x"));
}

TEST_CASE("linear algebra refuses") {
  const Tensor x = matrices({3, 3});
  CHECK_THROWS_WITH(inv(ones({2, 2})),
                    StartsWith("inv: the matrices must be invertible, got one that is singular"));
  CHECK_THROWS_WITH(solve(zeros({3, 3}), ones({3})),
                    StartsWith("solve: the matrices must be invertible, got one that is singular"));
  CHECK_THROWS_WITH(cholesky(-eye(2)), StartsWith("cholesky: the matrices must be positive "
                                                  "definite, got one that is not"));
  CHECK_THROWS_WITH(cholesky(full({1, 1}, NAN)), Contains("positive definite"));
  CHECK_THROWS_WITH(det(ones({2, 3})),
                    StartsWith("det: the matrices must be square, got f32[2, 3]"));
  CHECK_THROWS_WITH(inv(x.to(bf16)),
                    StartsWith("inv: the matrices must be f32 or f64, got bf16[3, 3]"));
  CHECK_THROWS_WITH(cholesky(arange(4).reshape({2, 2})), Contains("must be f32 or f64, got i64"));
  CHECK_THROWS_WITH(solve(x, ones({3, 1})), StartsWith("solve: operands must have one dtype, got "
                                                       "f64[3, 3] and f32[3, 1]"));
  CHECK_THROWS_WITH(solve_triangular(x, ones({2, 3}, f64), true),
                    StartsWith("solve_triangular: b must be matrices with as many rows as those of "
                               "a, and batch dims must broadcast, got f64[3, 3] and f64[2, 3]"));
  CHECK_THROWS_WITH(solve_triangular(x, ones({3}, f64), true), Contains("b must be matrices"));
  CHECK_THROWS_WITH(slogdet(Tensor()), Contains("slogdet: "));
  Tensor singular = ones({2, 2}).requires_grad_();
  CHECK_THROWS_WITH(det(singular).backward(), Contains("the gradient needs invertible matrices"));
}
