// The decompositions of torch.linalg and what follows from them. The ops want at least as many rows
// as columns: other matrices are transposed, and so are the results.

#include "runtime/composite/decompositions.h"

#include "runtime/composite/linalg.h"
#include "runtime/core/refusal.h"
#include "runtime/core/rules.h"
#include "weft/autograd.h"

#include <algorithm>
#include <limits>

namespace weft {

using composite::parts_of;
using composite::refuse;
using composite::require_matrices;
using composite::require_square;
using composite::Spectral;
using composite::transposed;

namespace {

bool is_wide(const Tensor& x) { return x.size(-2) < x.size(-1); }
Tensor tall(const Tensor& x) { return is_wide(x) ? transposed(x) : x; }

} // namespace

namespace composite {

Spectral parts_of(const Tensor& system, bool symmetric) {
  const int64_t n = system.size(-2), m = system.size(-1) - 1 - (symmetric ? 0 : n);
  Tensor left = slice(system, -1, 0, m);
  return {left, symmetric ? left : slice(system, -1, m, m + n), select(system, -1, -1)};
}

Tensor eigen_system(const Tensor& x, const Loc& loc) {
  Arg matrix(x, loc);
  return primitive(Op::eigen_system, {&matrix}, {}, {}, {}, loc);
}

Tensor singular_system(const Tensor& x, const Loc& loc) {
  Arg matrix(x, loc);
  return primitive(Op::singular_system, {&matrix}, {}, {}, {}, loc);
}

Tensor singular_values(const Tensor& x, const Loc& loc) {
  Arg matrix(tall(x), loc);
  return primitive(Op::singular_values, {&matrix}, {}, {}, {}, loc);
}

Tensor spectrum(const Tensor& x, const Tensor& system, bool symmetric, const Loc& loc) {
  const int64_t structure[] = {symmetric};
  Arg matrix(x, loc), rows(system, loc);
  return primitive(Op::spectrum, {&matrix, &rows}, {}, structure, {}, loc);
}

} // namespace composite

namespace {

/// The triangle that is asked for as the lower one.
Tensor lower_triangle(const char* op, const Arg& x, std::string_view uplo) {
  require_square(op, x);
  const bool upper = uplo == "U" || uplo == "u";
  if (!upper && uplo != "L" && uplo != "l")
    refuse(op, ErrorKind::value, "uplo must be L or U, got " + std::string(uplo), x.loc());
  return upper ? transposed(x.tensor()) : x.tensor();
}

Tensor orthogonal_factors(const Tensor& x, bool complete, const Loc& loc) {
  const int64_t structure[] = {complete};
  Arg matrix(x, loc);
  return primitive(Op::orthogonal_factors, {&matrix}, {}, structure, {}, loc);
}

Tensor eigenvalues(const Tensor& x, const Loc& loc) {
  Arg matrix(x, loc);
  return primitive(Op::eigenvalues, {&matrix}, {}, {}, {}, loc);
}

/// The M - N rows that, with these N orthonormal ones of M numbers, are a basis.
Tensor complement(const Tensor& rows, const Loc& loc) {
  const int64_t n = rows.size(-2), m = rows.size(-1);
  NoGrad no_grad;
  Tensor q = slice(orthogonal_factors(transposed(rows), true, loc), -1, 0, m);
  return slice(q, -2, n, m);
}

/// The part of the greatest singular value up to which others of x count as 0 by default.
double usual_part(const Tensor& x) {
  const double epsilon = x.dtype() == f64 ? std::numeric_limits<double>::epsilon()
                                          : std::numeric_limits<float>::epsilon();
  return epsilon * static_cast<double>(std::max(x.size(-2), x.size(-1)));
}

/// Up to which size singular values count as 0: a number, or a part of the greatest.
struct Limit {
  const Tolerance &atol, &rtol;

  /// The limit for each of the matrices x, whose singular values these are.
  Tensor operator()(const Tensor& values, const Tensor& x) const {
    Tensor greatest = values.size(-1) > 0 ? amax(values, {-1}, true) : values;
    const double usual = rtol.is_given() ? 0 : usual_part(x);
    Tensor relative;
    if (rtol.numbers.defined())
      relative = greatest * column(rtol, x);
    else if (!rtol.is_given() && atol.numbers.defined())
      relative = greatest * where(column(atol, x) > 0, 0.0, usual);
    else
      relative = greatest * rtol.number.value_or(atol.number.value_or(0) > 0 ? 0 : usual);
    if (atol.numbers.defined()) return maximum(relative, column(atol, x));
    return clamp_min(relative, atol.number.value_or(0));
  }

private:
  static Tensor column(const Tolerance& t, const Tensor& x) {
    return unsqueeze(t.numbers.to(x.dtype()), -1);
  }
};

/// x with batch dims to which tolerances broadcast.
Tensor with_batch(const char* op, const Tensor& x, std::initializer_list<const Tolerance*> all,
                  const Loc& loc) {
  const Meta& m = x.impl()->meta;
  Meta batch = m;
  batch.rank = static_cast<uint8_t>(m.rank - 2);
  for (const Tolerance* t : all) {
    if (!t->numbers.defined()) continue;
    const Meta& n = t->numbers.impl()->meta;
    if (!broadcast_into(batch, n.sizes, n.rank))
      refuse(op, ErrorKind::shape,
             "tolerances must broadcast with the batch dims of x, got " + describe(n) + " for " +
                 describe(m),
             loc);
  }
  Shape shape = batch.shape();
  shape.push_back(x.size(-2));
  shape.push_back(x.size(-1));
  return expand(x, shape);
}

/// The pseudo-inverses of x by its parts.
Tensor inverse_of(const Tensor& x, bool symmetric, const Limit& limit, const Loc& loc) {
  Tensor inverse;
  {
    NoGrad no_grad; // the op below has the gradient
    const Tensor a = symmetric ? x : tall(x);
    const Spectral s =
        parts_of(symmetric ? composite::eigen_system(a, loc) : composite::singular_system(a, loc),
                 symmetric);
    Tensor sizes = abs(s.values), counts = sizes > limit(sizes, x);
    Tensor reciprocals = where(counts, 1.0 / where(counts, s.values, 1.0), 0.0);
    inverse = matmul(transposed(s.right), s.left * unsqueeze(reciprocals, -1));
    if (!symmetric && is_wide(x)) inverse = transposed(inverse);
  }
  Arg matrix(x, loc), value(inverse, loc);
  return primitive(Op::pseudo_inverse, {&matrix, &value}, {}, {}, {}, loc);
}

Tensor solutions_and_ranks(const Tensor& a, const Tensor& b, const Tensor& rcond, const Loc& loc) {
  Arg matrix(a, loc), side(b, loc), limit(rcond, loc);
  return primitive(Op::least_squares, {&matrix, &side, &limit}, {}, {}, {}, loc);
}

/// By QR with exchanged columns. Matrices without columns have rank 0.
LeastSquares by_columns(const Tensor& a, const Tensor& b, double rcond, const Loc& loc) {
  Tensor y = solutions_and_ranks(a, b, full({}, rcond, a.dtype(), a.device()), loc);
  Shape batch = a.shape();
  batch.resize(batch.size() - 2);
  Tensor rank = y.size(-2) > 0 ? select(select(y.detach(), -1, -1), -1, 0).to(i64)
                               : zeros(batch, i64, a.device());
  return {slice(y, -1, 0, b.size(-1)), {}, rank, zeros({0}, a.dtype(), a.device())};
}

/// By singular values.
LeastSquares by_singular_values(const Tensor& a, const Tensor& b, double rcond, const Loc& loc) {
  const Tolerance none, part(rcond);
  const Limit limit{none, part};
  Tensor values = composite::singular_values(a, loc), sizes = values.detach();
  Tensor inverse = inverse_of(a, false, limit, loc);
  return {matmul(inverse, b), {}, sum(sizes > limit(sizes, a), {-1}), values};
}

} // namespace

namespace composite {

Tensor least_squares(const Tensor& a, const Tensor& b, const Tensor& rcond, const Loc& loc) {
  return slice(solutions_and_ranks(a, b, rcond, loc), -1, 0, b.size(-1));
}

} // namespace composite

std::pair<Tensor, Tensor> qr(const Arg& x, std::string_view mode) {
  OpScope scope(x.loc());
  require_matrices("qr", x);
  if (mode != "reduced" && mode != "complete" && mode != "r")
    refuse("qr", ErrorKind::value, "mode must be reduced, complete or r, got " + std::string(mode),
           x.loc());
  const Tensor a = x.tensor();
  const int64_t m = a.size(-2), n = a.size(-1);
  const bool complete = mode == "complete" && m > n;
  // Columns behind the M-th only follow: q is that of the others.
  Tensor rows = orthogonal_factors(m < n ? slice(a, -1, 0, m) : a, complete, x.loc());
  Tensor qt = slice(rows, -1, 0, m), r = slice(rows, -1, m, m + std::min(m, n));
  if (m < n) r = concatenate({r, matmul(qt, slice(a, -1, m, n))}, -1);
  if (mode == "r") return {zeros({0}, a.dtype(), a.device()), r};
  return {transposed(qt), r};
}

std::pair<Tensor, Tensor> eigh(const Arg& x, std::string_view uplo) {
  OpScope scope(x.loc());
  const Tensor a = lower_triangle("eigh", x, uplo);
  const RefusalWords words(
      "eigh: the matrices must be finite, and their eigenvalues must converge, "
      "got one that is not or does not");
  const Tensor system = composite::eigen_system(a, x.loc());
  return {composite::spectrum(a, system, true, x.loc()), transposed(parts_of(system, true).left)};
}

Tensor eigvalsh(const Arg& x, std::string_view uplo) {
  OpScope scope(x.loc());
  const Tensor a = lower_triangle("eigvalsh", x, uplo);
  const RefusalWords words("eigvalsh: the matrices must be finite, and their eigenvalues must "
                           "converge, got one that is not or does not");
  return eigenvalues(a, x.loc());
}

SingularVectors svd(const Arg& x, bool full_matrices) {
  OpScope scope(x.loc());
  require_matrices("svd", x);
  const RefusalWords words("svd: the matrices must be finite, and their singular values must "
                           "converge, got one that is not or does not");
  const Tensor held = x.tensor(), a = tall(held);
  const Tensor system = composite::singular_system(a, x.loc());
  Tensor s = composite::spectrum(a, system, false, x.loc());
  auto [left, right, values] = parts_of(system, false);
  if (full_matrices && a.size(-2) > a.size(-1))
    left = concatenate({left, complement(left, x.loc())}, -2);
  if (is_wide(held)) std::swap(left, right);
  return {transposed(left), s, right};
}

Tensor svdvals(const Arg& x) {
  OpScope scope(x.loc());
  require_matrices("svdvals", x);
  const RefusalWords words("svdvals: the matrices must be finite, and their singular values must "
                           "converge, got one that is not or does not");
  return composite::singular_values(x.tensor(), x.loc());
}

Tensor pinv(const Arg& x, const Tolerance& atol, const Tolerance& rtol, bool hermitian) {
  OpScope scope(x.loc());
  require_matrices("pinv", x);
  const RefusalWords words("pinv: the matrices must be finite, and their singular values must "
                           "converge, got one that is not or does not");
  if (hermitian) require_square("pinv", x);
  const Tensor a = with_batch("pinv", x.tensor(), {&atol, &rtol}, x.loc());
  return inverse_of(a, hermitian, {atol, rtol}, x.loc());
}

Tensor matrix_rank(const Arg& x, const Tolerance& atol, const Tolerance& rtol, bool hermitian) {
  OpScope scope(x.loc());
  require_matrices("matrix_rank", x);
  const RefusalWords words("matrix_rank: the matrices must be finite, and their singular values "
                           "must converge, got one that is not or does not");
  NoGrad no_grad;
  if (hermitian) require_square("matrix_rank", x);
  const Tensor a = with_batch("matrix_rank", x.tensor(), {&atol, &rtol}, x.loc());
  Tensor values = hermitian ? abs(eigenvalues(a, x.loc())) : composite::singular_values(a, x.loc());
  return sum(values > Limit{atol, rtol}(values, a), {-1});
}

LeastSquares lstsq(const Arg& a, const Tensor& b, std::optional<double> rcond,
                   std::string_view driver) {
  OpScope scope(a.loc());
  const Meta m = require_matrices("lstsq", a);
  const Meta n = require_tensor(Arg(b, a.loc()), "lstsq").meta;
  const bool has_values = driver == "gelsd" || driver == "gelss";
  if (!has_values && driver != "gelsy" && driver != "gels")
    refuse("lstsq", ErrorKind::value,
           "driver must be gelsy, gels, gelsd or gelss, got " + std::string(driver), a.loc());
  const bool is_vector = composite::is_vector_for(m, n);
  auto [matrix, side] = composite::system_of("lstsq", a, is_vector ? unsqueeze(b, -1) : b, true);
  const RefusalWords words("lstsq: the matrices a must be finite, and their singular values must "
                           "converge, got one that is not or does not");
  const double limit = rcond.value_or(usual_part(matrix));
  LeastSquares result = has_values ? by_singular_values(matrix, side, limit, a.loc())
                                   : by_columns(matrix, side, limit, a.loc());
  if (driver == "gels") result.rank = zeros({0}, i64, m.device);
  if (matrix.size(-2) > matrix.size(-1)) {
    Tensor apart = matmul(matrix, result.solution) - side;
    result.residuals = sum(apart * apart, {-2});
  } else {
    result.residuals = zeros({0}, m.dtype, m.device);
  }
  if (is_vector) result.solution = squeeze(result.solution, {-1});
  return result;
}

} // namespace weft
