// Decompositions of matrices: what is put together again is x, whatever the signs; layouts, empty
// matrices, matrices of lower rank, and what is refused.

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
Tensor symmetric(const Shape& shape) {
  Tensor x = matrices(shape);
  return x + transposed(x);
}

bool is_close(const Tensor& a, const Tensor& b, double tolerance = 1e-9) {
  REQUIRE(a.shape() == b.shape());
  REQUIRE(a.dtype() == b.dtype());
  return allclose(a, b, tolerance, tolerance);
}
bool is_orthonormal(const Tensor& columns, double tolerance = 1e-9) {
  Tensor products = matmul(transposed(columns), columns);
  return is_close(products, expand(eye(columns.size(-1), columns.dtype()), products.shape()),
                  tolerance);
}
Tensor composed(const SingularVectors& r) {
  const int64_t k = r.s.size(-1);
  return matmul(slice(r.u, -1, 0, k) * unsqueeze(r.s, -2), slice(r.vh, -2, 0, k));
}

const Shape kShapes[] = {{3, 3}, {5, 3}, {3, 5}, {1, 1}, {1, 4}, {4, 1}, {2, 1, 6, 4}, {2, 4, 6}};

} // namespace

TEST_CASE("q and r give x again") {
  for (const Shape& shape : kShapes)
    for (DType dtype : {f32, f64}) {
      const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
      const Tensor x = matrices(shape, dtype);
      const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n);
      for (const char* mode : {"reduced", "complete"}) {
        auto [q, r] = qr(x, mode);
        CHECK(q.size(-1) == (std::string(mode) == "reduced" ? k : m));
        CHECK(is_close(matmul(q, r), x, tolerance));
        CHECK(is_orthonormal(q, tolerance));
        CHECK(is_close(triu(r), r, tolerance));
      }
      auto [none, r] = qr(x, "r");
      CHECK(none.shape() == Shape{0});
      CHECK(is_close(r, qr(x).second, 0));
    }
}

TEST_CASE("eigenvectors and eigenvalues give x again, by one triangle") {
  for (const Shape& shape : {Shape{4, 4}, Shape{1, 1}, Shape{3, 2, 5, 5}}) {
    const Tensor x = symmetric(shape);
    auto [values, vectors] = eigh(x);
    CHECK(is_close(matmul(x, vectors), vectors * unsqueeze(values, -2)));
    CHECK(is_orthonormal(vectors));
    CHECK(is_close(sort(values).values, values, 0));
    CHECK(is_close(eigvalsh(x), values));
    const Tensor others = matrices(shape);
    CHECK(is_close(eigvalsh(tril(x) + triu(others, 1)), values));
    CHECK(is_close(eigh(triu(x) + tril(others, -1), "U").first, values));
  }
}

TEST_CASE("singular vectors and values give x again") {
  for (const Shape& shape : kShapes)
    for (DType dtype : {f32, f64}) {
      const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
      const Tensor x = matrices(shape, dtype);
      const SingularVectors full = svd(x), thin = svd(x, false);
      CHECK(is_close(composed(full), x, tolerance));
      CHECK(is_close(composed(thin), x, tolerance));
      CHECK(full.u.size(-1) == x.size(-2));
      CHECK(full.vh.size(-2) == x.size(-1));
      CHECK(thin.u.size(-1) == thin.s.size(-1));
      for (const Tensor& columns : {full.u, thin.u, transposed(full.vh), transposed(thin.vh)})
        CHECK(is_orthonormal(columns, tolerance));
      CHECK(is_close(svdvals(x), full.s, tolerance));
      CHECK(is_close(svdvals(transposed(x)), full.s, tolerance)); // of another layout
    }
}

TEST_CASE("pseudo-inverses have Penrose's properties, of lower ranks too") {
  const Tensor low = matmul(matrices({2, 5, 2}), matrices({2, 4}));
  for (const Tensor& x : {matrices({3, 3}), matrices({2, 5, 3}), matrices({3, 6}), low,
                          transposed(low), zeros({3, 2}, f64)}) {
    const Tensor y = pinv(x), xy = matmul(x, y), yx = matmul(y, x);
    CHECK(is_close(matmul(xy, x), x));
    CHECK(is_close(matmul(yx, y), y));
    CHECK(is_close(transposed(xy), xy));
    CHECK(is_close(transposed(yx), yx));
  }
  const Tensor x = symmetric({4, 4});
  CHECK(is_close(pinv(tril(x), {}, {}, true), inv(x), 1e-7));
  const Tensor d = diag(tensor({4., 2., 1.}));
  CHECK(is_close(pinv(d, 1.5), diag(tensor({0.25, 0.5, 0.}))));
  CHECK(is_close(pinv(d, {}, 0.5), diag(tensor({0.25, 0., 0.}))));
}

TEST_CASE("ranks count the singular values above a tolerance") {
  const Tensor x = matmul(matrices({2, 5, 2}), matrices({2, 4}));
  CHECK(matrix_rank(x).to_vector<int64_t>() == std::vector<int64_t>{2, 2});
  CHECK(matrix_rank(x.to(f32)).to_vector<int64_t>() == std::vector<int64_t>{2, 2});
  const Tensor d = diag(tensor({4., -2., 1., 0.}));
  CHECK(matrix_rank(d).item<int64_t>() == 3);
  CHECK(matrix_rank(d, 1.5).item<int64_t>() == 2);
  CHECK(matrix_rank(d, {}, 0.5).item<int64_t>() == 1);
  CHECK(matrix_rank(d, 0, 0.25, true).item<int64_t>() == 2);
  CHECK(matrix_rank(zeros({2, 2})).item<int64_t>() == 0);
}

TEST_CASE("condition numbers") {
  const Tensor d = diag(tensor({4., -2., 1.}));
  CHECK(cond(d).item<double>() == Approx(4));
  CHECK(cond(d, -2).item<double>() == Approx(0.25));
  CHECK(cond(d, 1).item<double>() == Approx(4));
  CHECK(cond(d, -INFINITY).item<double>() == Approx(0.25));
  CHECK(cond(d, "nuc").item<double>() == Approx(7 * 1.75));
  CHECK(cond(d, "fro").item<double>() == Approx(std::sqrt(21 * 1.3125)));
  CHECK(cond(matrices({2, 4, 3})).shape() == Shape{2});
  CHECK(std::isinf(cond(ones({2, 2}), 1).item<float>()));
  CHECK(std::isinf(cond(zeros({2, 2}), "fro").item<float>()));
  CHECK(cond(zeros({2, 0, 0}), "fro").to_vector<float>() == std::vector<float>{0, 0});
  CHECK(cond(zeros({0, 3})).item<float>() == 0);
}

TEST_CASE("norms by singular values") {
  const Tensor d = diag(tensor({4.f, -2.f, 1.f}));
  CHECK(matrix_norm(d, "nuc").item<float>() == Approx(7));
  CHECK(matrix_norm(d, 2).item<float>() == Approx(4));
  CHECK(matrix_norm(d, -2).item<float>() == Approx(1));
  const Tensor x = matrices({3, 2, 4});
  const Tensor moved = movedim(x, {0, 2}, {-2, -1});
  CHECK(is_close(matrix_norm(x, 2, {0, 2}), matrix_norm(moved, 2)));
  CHECK(is_close(matrix_norm(x, 2, {2, 0}, true), matrix_norm(moved, 2).reshape({1, 2, 1})));
  CHECK(matrix_norm(x.to(f32), "nuc", {-2, -1}, false, f64).dtype() == f64);
  CHECK(matrix_norm(zeros({2, 0, 3}), 2).to_vector<float>() == std::vector<float>{0, 0});
}

TEST_CASE("least squares") {
  const Tensor a = matrices({2, 6, 3}), b = matrices({6, 2});
  const LeastSquares r = lstsq(a, b);
  CHECK(is_close(r.solution, matmul(pinv(a), b)));
  const Tensor apart = matmul(a, r.solution) - b;
  CHECK(is_close(matmul(transposed(a), apart), zeros({2, 3, 2}, f64)));
  CHECK(is_close(r.residuals, sum(apart * apart, {-2})));
  CHECK(r.rank.to_vector<int64_t>() == std::vector<int64_t>{3, 3});
  CHECK(r.singular_values.numel() == 0);
  CHECK(is_close(lstsq(a, b, {}, "gelsd").singular_values, svdvals(a)));
  CHECK(is_close(lstsq(a, b, {}, "gelss").solution, r.solution));
  CHECK(lstsq(a, b, {}, "gelss").rank.to_vector<int64_t>() == std::vector<int64_t>{3, 3});
  CHECK(lstsq(diag(tensor({1., 1e-3})), ones({2}, f64), 1e-2, "gelsd").rank.item<int64_t>() == 1);
  CHECK(lstsq(a, b, {}, "gels").rank.numel() == 0);
  // Of fewer rows, of a lower rank, of vectors.
  const Tensor wide = transposed(a), c = matrices({3, 1});
  CHECK(is_close(lstsq(wide, c).solution, matmul(pinv(wide), c)));
  CHECK(lstsq(wide, c).residuals.numel() == 0);
  const Tensor low = matmul(matrices({5, 2}), matrices({2, 4}));
  CHECK(is_close(lstsq(low, b.slice(0, 0, 5)).solution, matmul(pinv(low), b.slice(0, 0, 5))));
  CHECK(lstsq(low, b.slice(0, 0, 5)).rank.item<int64_t>() == 2);
  CHECK(lstsq(low, zeros({5, 0}, f64)).rank.item<int64_t>() == 2);
  CHECK(lstsq(diag(tensor({1., 1e-3})), ones({2}, f64), 1e-2).rank.item<int64_t>() == 1);
  CHECK(
      is_close(lstsq(a, matrices({2, 6})).solution[1], lstsq(a[1], matrices({2, 6})[1]).solution));
}

TEST_CASE("decompositions of matrices without elements") {
  for (const Shape& shape :
       {Shape{0, 0}, Shape{0, 3}, Shape{3, 0}, Shape{0, 3, 2}, Shape{2, 0, 0}}) {
    const Tensor x = zeros(shape);
    const SingularVectors full = svd(x);
    CHECK(is_close(composed(full), x));
    CHECK(is_orthonormal(full.u));
    CHECK(is_orthonormal(transposed(full.vh)));
    CHECK(full.u.size(-1) == x.size(-2));
    CHECK(full.vh.size(-2) == x.size(-1));
    for (const char* mode : {"reduced", "complete"}) {
      auto [q, r] = qr(x, mode);
      CHECK(is_close(matmul(q, r), x));
      CHECK(is_orthonormal(q));
    }
    CHECK(svdvals(x).shape() == full.s.shape());
    CHECK(pinv(x).shape() == transposed(x).shape());
    CHECK(sum(matrix_rank(x)).item<int64_t>() == 0);
    const int64_t batch = x.rank() == 3 ? x.size(0) : 1;
    CHECK(lstsq(x, x).solution.numel() == batch * x.size(-1) * x.size(-1));
  }
  CHECK(eigh(zeros({2, 0, 0})).second.shape() == Shape{2, 0, 0});
  CHECK(eigvalsh(zeros({0, 3, 3})).shape() == Shape{0, 3});
}

TEST_CASE("many matrices are decomposed on several threads") {
  const Tensor x = matrices({300, 12, 9}), s = symmetric({300, 9, 9});
  CHECK(is_close(svdvals(x)[299], svdvals(x[299]), 0));
  CHECK(is_close(composed(svd(x, false)), x));
  CHECK(is_close(qr(x).second[123], qr(x[123]).second, 0));
  CHECK(is_close(eigvalsh(s)[77], eigvalsh(s[77]), 0));
  CHECK(is_close(lstsq(x, x).solution, expand(eye(9, f64), {300, 9, 9})));
}

TEST_CASE("equal eigenvalues have a gradient, their vectors none") {
  Tensor x = (eye(3, f64) * 2.0).requires_grad_();
  sum(eigh(x).first).backward();
  CHECK(is_close(x.grad(), eye(3, f64)));
  x.set_grad({});
  sum(eigvalsh(x)).backward();
  CHECK(is_close(x.grad(), eye(3, f64)));
  x.set_grad({});
  matrix_norm(x, "nuc").backward();
  CHECK(is_close(x.grad(), eye(3, f64)));
  x.set_grad({});
  sum(pinv(x)).backward();
  CHECK(is_close(x.grad(), full({3, 3}, -0.25, f64)));
  x.set_grad({});
  sum(pow(eigh(x).second, 3)).backward();
  CHECK_FALSE(all(isfinite(x.grad())).item<bool>());
}

TEST_CASE("decompositions refuse") {
  const Tensor x = matrices({3, 3}), nan = full({2, 2}, NAN), inf = full({2, 2}, INFINITY);
  for (const Tensor& bad : {nan, inf}) {
    CHECK_THROWS_WITH(svd(bad), StartsWith("svd: the matrices must be finite"));
    CHECK_THROWS_WITH(svdvals(bad), StartsWith("svdvals: the matrices must be finite"));
    CHECK_THROWS_WITH(eigh(bad), StartsWith("eigh: the matrices must be finite"));
    CHECK_THROWS_WITH(eigvalsh(bad), StartsWith("eigvalsh: the matrices must be finite"));
    CHECK_THROWS_WITH(pinv(bad), StartsWith("pinv: the matrices must be finite"));
    CHECK_THROWS_WITH(matrix_rank(bad), StartsWith("matrix_rank: the matrices must be finite"));
    CHECK_THROWS_WITH(cond(bad), StartsWith("cond: the matrices must be finite"));
    CHECK_THROWS_WITH(matrix_norm(bad, 2), StartsWith("matrix_norm: the matrices must be finite"));
    CHECK_THROWS_WITH(lstsq(bad, bad), StartsWith("lstsq: the matrices a must be finite"));
    CHECK_THROWS_WITH(lstsq(bad, bad, {}, "gelsd"),
                      StartsWith("lstsq: the matrices a must be finite"));
    CHECK_FALSE(any(isfinite(lstsq(eye(2), bad).solution)).item<bool>());
  }
  CHECK(any(isnan(qr(nan).second)).item<bool>());
  CHECK(eigvalsh(tensor({{1.f, NAN}, {0.f, 2.f}})).to_vector<float>() == std::vector<float>{1, 2});
  CHECK_THROWS_WITH(qr(ones({3})), StartsWith("qr: x must be matrices, got f32[3]"));
  CHECK_THROWS_WITH(svd(x.to(bf16)),
                    StartsWith("svd: the matrices must be f32 or f64, got bf16[3, 3]"));
  CHECK_THROWS_WITH(qr(arange(4).reshape({2, 2})), Contains("must be f32 or f64, got i64"));
  CHECK_THROWS_WITH(eigh(ones({2, 3})),
                    StartsWith("eigh: the matrices must be square, got f32[2, 3]"));
  CHECK_THROWS_WITH(pinv(ones({2, 3}), {}, {}, true),
                    StartsWith("pinv: the matrices must be square"));
  CHECK_THROWS_WITH(eigh(x, "M"), StartsWith("eigh: uplo must be L or U, got M"));
  CHECK_THROWS_WITH(qr(x, "full"), StartsWith("qr: mode must be reduced, complete or r, got full"));
  CHECK_THROWS_WITH(cond(x, 3), StartsWith("cond: p must be 1, 2, inf or one of their negatives"));
  CHECK_THROWS_WITH(cond(x, "max"), StartsWith("cond: p must be fro, nuc or a number, got max"));
  CHECK_THROWS_WITH(cond(ones({2, 3}), 1), StartsWith("cond: the matrices must be square"));
  CHECK_THROWS_WITH(lstsq(x, x, {}, "qr"), StartsWith("lstsq: driver must be gelsy, gels, gelsd or "
                                                      "gelss, got qr"));
  CHECK_THROWS_WITH(lstsq(x, ones({2, 2}, f64)),
                    StartsWith("lstsq: b must be matrices with as many "
                               "rows as those of a"));
  CHECK_THROWS_WITH(lstsq(x, ones({3, 2})), StartsWith("lstsq: operands must have one dtype"));
  CHECK_THROWS_WITH(svd(Tensor()), Contains("svd: "));
  Tensor tall = matrices({4, 2}).requires_grad_();
  CHECK_THROWS_WITH(sum(qr(tall, "complete").first).backward(),
                    StartsWith("qr: the gradient needs mode reduced where there are more rows than "
                               "columns, got complete"));
}
