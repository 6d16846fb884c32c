// Factors by elimination and by reflections: what is put together again is x; layouts, empty and
// singular matrices, and what is refused. Then tensors as matrices, powers and tolerances.

#include "weft/autograd.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// Matrices of full rank with no order in them.
Tensor matrices(const Shape& shape, DType dtype = f64) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  Tensor x = remainder(arange(count) * 7919 * (arange(count) + 3) + 13, 101).to(f64) / 50.0 - 1.0;
  return x.reshape(shape).to(dtype);
}

Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }

bool is_close(const Tensor& a, const Tensor& b, double tolerance = 1e-9) {
  REQUIRE(a.shape() == b.shape());
  REQUIRE(a.dtype() == b.dtype());
  return allclose(a, b, tolerance, tolerance);
}

Tensor composed(const TriangularFactors& r) { return matmul(matmul(r.p, r.l), r.u); }

const Shape kShapes[] = {{3, 3}, {5, 3}, {3, 5}, {1, 1}, {1, 4}, {4, 1}, {2, 1, 6, 4}, {2, 4, 6}};

} // namespace

TEST_CASE("p, l and u give x again") {
  for (const Shape& shape : kShapes)
    for (DType dtype : {f32, f64}) {
      const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
      const Tensor x = matrices(shape, dtype);
      const TriangularFactors r = lu(x);
      CHECK(is_close(composed(r), x, tolerance));
      CHECK(is_close(tril(r.l), r.l, 0));
      CHECK(is_close(triu(r.u), r.u, 0));
      CHECK(max(abs(r.l)).item<double>() == 1); // the greatest element is the pivot
      CHECK(is_close(sum(r.p, {-1}), ones_like(select(r.p, -1, 0)), 0));
      CHECK(is_close(composed(lu(transposed(x))), transposed(x), tolerance)); // of another layout
      auto [packed, pivots] = lu_factor(x);
      CHECK(packed.shape() == x.shape());
      CHECK(pivots.dtype() == i32);
      CHECK(pivots.size(-1) == std::min(x.size(-2), x.size(-1)));
      const TriangularFactors again = lu_unpack(packed, pivots);
      CHECK(is_close(again.p, r.p, 0));
      CHECK(is_close(again.l, r.l, 0));
      CHECK(is_close(again.u, r.u, 0));
    }
}

TEST_CASE("pivots count from 1 on, and the first of equal elements is one") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}, {-4., 8., 8.}});
  auto [packed, pivots] = lu_factor(x);
  CHECK(pivots.to_vector<int>() == std::vector<int>{2, 3, 3});
  CHECK(is_close(packed,
                 tensor({{4., 5., 6.}, {-1., 13., 14.}, {0.25, 0.75 / 13, 1.5 - 10.5 / 13}})));
  const TriangularFactors r = lu_unpack(packed, pivots);
  CHECK(is_close(r.p, tensor({{0., 0., 1.}, {1., 0., 0.}, {0., 1., 0.}}), 0));
  CHECK(lu_unpack(packed, pivots, false).l.shape() == Shape{0});
  CHECK(lu_unpack(packed, pivots, false).p.shape() == Shape{3, 3});
  CHECK(lu_unpack(packed, pivots, true, false).p.shape() == Shape{0});
}

TEST_CASE("singular matrices have factors, which lu_factor refuses") {
  const Tensor x = matmul(matrices({2, 4, 2}), matrices({2, 5}));
  CHECK(is_close(composed(lu(x)), x));
  CHECK(is_close(lu(ones({3, 3})).u, tensor({{1.f, 1.f, 1.f}, {0.f, 0.f, 0.f}, {0.f, 0.f, 0.f}})));
  CHECK_THROWS_WITH(lu_factor(ones({3, 3})),
                    StartsWith("lu_factor: the factors must have no 0 on the diagonal, got one "
                               "that has; lu gives them all the same"));
  CHECK(any(isnan(lu_factor(full({2, 2}, NAN)).first)).item<bool>());
}

TEST_CASE("factors are solved with on either side, transposed or not") {
  const Tensor x = matrices({2, 1, 4, 4}), b = matrices({3, 4, 2}), c = transposed(b);
  auto [packed, pivots] = lu_factor(x);
  CHECK(is_close(matmul(x, lu_solve(packed, pivots, b)), expand(b, {2, 3, 4, 2})));
  CHECK(is_close(matmul(transposed(x), lu_solve(packed, pivots, b, true, true)),
                 expand(b, {2, 3, 4, 2})));
  CHECK(is_close(matmul(lu_solve(packed, pivots, c, false), x), expand(c, {2, 3, 2, 4})));
  CHECK(is_close(matmul(lu_solve(packed, pivots, c, false, true), transposed(x)),
                 expand(c, {2, 3, 2, 4})));
  CHECK(is_close(lu_solve(packed, pivots, b), solve(x, b)));
}

TEST_CASE("reflections give q and r") {
  for (const Shape& shape : kShapes)
    for (DType dtype : {f32, f64}) {
      const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
      const Tensor x = matrices(shape, dtype);
      auto [packed, tau] = geqrf(x);
      const int64_t m = x.size(-2), k = std::min(m, x.size(-1));
      CHECK(packed.shape() == x.shape());
      CHECK(tau.size(-1) == k);
      auto [q, r] = qr(x);
      CHECK(is_close(triu(slice(packed, -2, 0, k)), r, tolerance));
      const Tensor vectors = slice(packed, -1, 0, k);
      CHECK(is_close(householder_product(vectors, tau), q, tolerance));
      const Tensor all = qr(vectors, "complete").first; // of a regular product
      CHECK(is_close(matmul(transposed(all), all), expand(eye(m, dtype), all.shape()), tolerance));
      Tensor padded = pad(r, {0, 0, 0, m - k});
      CHECK(is_close(ormqr(packed, tau, padded), x, tolerance));
      CHECK(is_close(ormqr(packed, tau, x, true, true), padded, tolerance));
      CHECK(is_close(ormqr(packed, tau, transposed(x), false), transposed(padded), tolerance));
      CHECK(
          is_close(ormqr(packed, tau, transposed(padded), false, true), transposed(x), tolerance));
    }
}

TEST_CASE("a product of reflections of any factors is that of the matrices") {
  const Tensor x = matrices({5, 4}), tau = tensor({0.7, 0., -1.3});
  Tensor want = eye(5, f64);
  for (int64_t k = 0; k < 3; k++) {
    Tensor v = tril(slice(x, 1, k, k + 1), -k - 1) + slice(eye(5, f64), 1, k, k + 1);
    want = matmul(want, eye(5, f64) - matmul(v, transposed(v)) * tau[k]);
  }
  CHECK(is_close(householder_product(x, tau), slice(want, 1, 0, 4)));
  CHECK(is_close(ormqr(x, tau, eye(5, f64)), want));
  CHECK(is_close(householder_product(x, zeros({0}, f64)), eye(5, 4, f64), 0));
}

TEST_CASE("factors of matrices without elements") {
  for (const Shape& shape :
       {Shape{0, 0}, Shape{0, 3}, Shape{3, 0}, Shape{0, 3, 2}, Shape{2, 0, 3}, Shape{2, 0, 0}}) {
    const Tensor x = zeros(shape);
    CHECK(is_close(composed(lu(x)), x));
    auto [packed, pivots] = lu_factor(x);
    CHECK(packed.shape() == shape);
    CHECK(pivots.size(-1) == std::min(x.size(-2), x.size(-1)));
    auto [rows, tau] = geqrf(x);
    CHECK(rows.shape() == shape);
    CHECK(ormqr(rows, tau, x).shape() == shape);
    if (x.size(-2) >= x.size(-1)) CHECK(householder_product(rows, tau).shape() == shape);
    if (x.size(-2) == x.size(-1)) CHECK(lu_solve(packed, pivots, x).shape() == shape);
  }
}

TEST_CASE("many and large matrices are factored on several threads") {
  const Tensor x = matrices({300, 12, 9}), large = matrices({150, 130}, f32);
  CHECK(is_close(composed(lu(x)), x));
  CHECK(is_close(lu_factor(x).first[123], lu_factor(x[123]).first, 0));
  CHECK(is_close(composed(lu(large)), large, 1e-4));
  CHECK(is_close(geqrf(x).second[299], geqrf(x[299]).second, 0));
}

TEST_CASE("factors refuse") {
  const Tensor x = matrices({3, 3});
  auto [packed, pivots] = lu_factor(x);
  for (bool pivot : {false})
    CHECK_THROWS_WITH(lu(x, pivot), StartsWith("lu: pivot must be true, got false"));
  CHECK_THROWS_WITH(lu_factor(ones({3})), StartsWith("lu_factor: x must be matrices, got f32[3]"));
  CHECK_THROWS_WITH(lu(x.to(bf16)),
                    StartsWith("lu: the matrices must be f32 or f64, got bf16[3, 3]"));
  CHECK_THROWS_WITH(lu_solve(packed, pivots.to(i64), x),
                    StartsWith("lu_solve: pivots must be i32, got i64[3]"));
  CHECK_THROWS_WITH(lu_solve(packed, pivots.slice(0, 0, 2), x),
                    StartsWith("lu_solve: pivots must be as many as the shorter side of each "
                               "matrix, got f64[3, 3] and i32[2]"));
  CHECK_THROWS_WITH(lu_solve(packed, pivots, ones({2, 1}, f64)),
                    StartsWith("lu_solve: b must be matrices with as many rows"));
  CHECK_THROWS_WITH(lu_solve(packed, pivots, ones({3}, f64)), StartsWith("lu_solve: b must be"));
  CHECK_THROWS_WITH(lu_solve(ones({2, 3}), pivots, x),
                    StartsWith("lu_solve: the matrices must be square"));
  for (int bad : {0, -1, 4}) {
    const Tensor others = full({3}, bad, i32);
    CHECK_THROWS_WITH(lu_solve(packed, others, x),
                      StartsWith("lu_solve: pivots must be numbers of rows from 1 on, got one "
                                 "that is not"));
    CHECK_THROWS_WITH(lu_unpack(packed, others).p,
                      StartsWith("lu_unpack: pivots must be numbers of rows from 1 on"));
  }
  CHECK_THROWS_WITH(householder_product(ones({2, 3}), ones({2})),
                    StartsWith("householder_product: the matrices must have at least as many rows "
                               "as columns, got f32[2, 3]"));
  CHECK_THROWS_WITH(householder_product(ones({3, 2}), ones({3})),
                    StartsWith("householder_product: tau must have the batch dims of x and at most "
                               "as many elements as its shorter side, got f32[3, 2] and f32[3]"));
  CHECK_THROWS_WITH(householder_product(ones({3, 2}), ones({2}, f64)),
                    StartsWith("householder_product: operands must have one dtype"));
  CHECK_THROWS_WITH(householder_product(ones({2, 3, 2}), ones({2})),
                    StartsWith("householder_product: tau must have"));
  CHECK_THROWS_WITH(ormqr(ones({3, 2}), ones({2}), ones({2, 3})),
                    StartsWith("ormqr: other must have the dtype and the batch dims of x, and as "
                               "many rows as x has rows, got f32[3, 2] and f32[2, 3]"));
  Tensor leaf = matrices({3, 2}).requires_grad_();
  CHECK_THROWS_WITH(geqrf(leaf), StartsWith("geqrf: x must not require a gradient, got one that "
                                            "does; qr has a gradient"));
  NoGrad no_grad;
  CHECK(geqrf(leaf).second.size(0) == 2);
}

TEST_CASE("powers of a vector's elements") {
  CHECK(is_close(vander(tensor({2., -1., 3.})), tensor({{1., 2., 4.}, {1., -1., 1.}, {1., 3., 9.}}),
                 0));
  CHECK(vander(tensor({1, 2}).to(i16), 3).dtype() == i64);
  CHECK(vander(tensor(2.f), 3).to_vector<float>() == std::vector<float>{1, 2, 4});
  CHECK(vander(ones({2, 0, 3}), 4).shape() == Shape{2, 0, 3, 4});
  Tensor x = tensor({0., 2.}).requires_grad_();
  sum(vander(x, 4)).backward();
  CHECK(is_close(x.grad(), tensor({1., 1. + 4 + 12}), 0));
  CHECK_THROWS_WITH(vander(ones({3}), 1), StartsWith("vander: N must be at least 2, got 1"));
  CHECK_THROWS_WITH(vander(ones({1})), StartsWith("vander: N must be at least 2, got 1"));
  CHECK_THROWS_WITH(vander(ones({3}) > 0), StartsWith("vander: x must be numbers, got bool[3]"));
}

TEST_CASE("tensors are inverted and solved for as matrices") {
  const Tensor a = matrices({2, 3, 6}), b = matrices({2, 3});
  CHECK(is_close(tensordot(a, tensorsolve(a, b), 1), b));
  const Tensor moved = movedim(a, {2}, {1}); // [2, 6, 3]
  CHECK(is_close(tensorsolve(moved, b, {1}), tensorsolve(a, b)));
  const Tensor inverse = tensorinv(a, 2);
  CHECK(inverse.shape() == Shape{6, 2, 3});
  CHECK(is_close(tensordot(inverse, b, 2), tensorsolve(a, b)));
  CHECK(tensorinv(zeros({0, 2, 0}), 2).shape() == Shape{0, 0, 2});
  CHECK_THROWS_WITH(tensorinv(ones({2, 2}), 1), StartsWith("tensorinv: x must be invertible"));
  CHECK_THROWS_WITH(tensorinv(a, 0), StartsWith("tensorinv: ind must be at least 1, got 0"));
  CHECK_THROWS_WITH(tensorinv(a, 1), StartsWith("tensorinv: the first 1 dims must have as many "
                                                "elements as the others, got f64[2, 3, 6]"));
  CHECK_THROWS_WITH(tensorinv(a, 4), StartsWith("tensorinv: the first 4 dims"));
  CHECK_THROWS_WITH(tensorsolve(a, ones({2, 2}, f64)),
                    StartsWith("tensorsolve: b must have as many elements as the first dims of a, "
                               "got f64[2, 2] for f64[2, 3, 6]"));
  CHECK_THROWS_WITH(tensorsolve(ones({2, 2}), ones({2})),
                    StartsWith("tensorsolve: a must be invertible"));
  CHECK_THROWS_WITH(tensorsolve(a, b.to(f32)), StartsWith("tensorsolve: operands must have one "
                                                          "dtype"));
}

TEST_CASE("tolerances are tensors of one number for each matrix") {
  const Tensor d = diag(tensor({4., -2., 1., 0.}));
  const Tensor limits = tensor({0., 1.5, 3.});
  CHECK(matrix_rank(d, limits).to_vector<int64_t>() == std::vector<int64_t>{3, 2, 1});
  CHECK(matrix_rank(expand(d, {3, 4, 4}), limits.to(f32)).to_vector<int64_t>() ==
        std::vector<int64_t>{3, 2, 1});
  CHECK(matrix_rank(d, {}, tensor({0.1, 0.3, 0.6})).to_vector<int64_t>() ==
        std::vector<int64_t>{3, 2, 1});
  CHECK(matrix_rank(d, 1.5, tensor({0.1, 0.6}), true).to_vector<int64_t>() ==
        std::vector<int64_t>{2, 1});
  CHECK(matrix_rank(d, tensor({3., 0.}), 0.3).to_vector<int64_t>() == std::vector<int64_t>{1, 2});
  CHECK(matrix_rank(d, std::optional<double>(1.5)).item<int64_t>() == 2);
  const Tensor y = pinv(d, limits);
  CHECK(is_close(y[0], diag(tensor({0.25, -0.5, 1., 0.}))));
  CHECK(is_close(y[1], diag(tensor({0.25, -0.5, 0., 0.}))));
  CHECK(is_close(y[2], diag(tensor({0.25, 0., 0., 0.}))));
  // Where atol is 0, rtol is what it is without one.
  const Tensor small = diag(tensor({1., 1e-17}));
  CHECK(matrix_rank(small, tensor({0., 1e-18})).to_vector<int64_t>() == std::vector<int64_t>{1, 2});
  CHECK_THROWS_WITH(pinv(matrices({2, 3, 3}), limits),
                    StartsWith("pinv: tolerances must broadcast with the batch dims of x, got "
                               "f64[3] for f64[2, 3, 3]"));
}
