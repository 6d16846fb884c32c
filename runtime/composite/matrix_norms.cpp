// Norms of matrices, and the condition numbers that follow from them.

#include "runtime/composite/decompositions.h"
#include "runtime/composite/linalg.h"
#include "runtime/core/determinant_part.h"
#include "runtime/core/refusal.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft {

using composite::refuse;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The greatest or least sum of magnitudes of a column or a row.
Tensor extreme_sum(const Arg& x, const Dims& dim, bool keepdim, bool of_columns, bool greatest) {
  Tensor sums = sum(abs(x), {dim[of_columns ? 0 : 1]}, true);
  return greatest ? amax(sums, dim, keepdim) : amin(sums, dim, keepdim);
}

const Meta& require_two_dims(const Arg& x, const Dims& dim) {
  const Meta& m = require_tensor(x, "matrix_norm").meta;
  if (!is_floating(m.dtype))
    refuse("matrix_norm", ErrorKind::dtype, "the operand must be floating, got " + describe(m),
           x.loc());
  if (dim.size() != 2 || m.rank < 2 ||
      normalize_dim(dim[0], m.rank, "matrix_norm", x.loc()) ==
          normalize_dim(dim[1], m.rank, "matrix_norm", x.loc()))
    refuse("matrix_norm", ErrorKind::value,
           "dim must be two dims of x, got " + dim.str() + " for " + describe(m), x.loc());
  return m;
}

enum class Fold { sum, greatest, least };

/// Of the singular values; without any the norm is 0.
Tensor folded(const Tensor& values, Fold fold) {
  if (fold == Fold::sum || values.size(-1) == 0) return sum(values, {-1});
  return fold == Fold::greatest ? amax(values, {-1}) : amin(values, {-1});
}

Tensor of_singular_values(const Arg& x, const Dims& dim, bool keepdim, std::optional<DType> dtype,
                          Fold fold) {
  Tensor from = dtype ? x.tensor().to(*dtype, x.loc()) : x.tensor();
  const Meta& m = composite::require_matrices("matrix_norm", Arg(from, x.loc()));
  int first = normalize_dim(dim[0], m.rank, "matrix_norm", x.loc());
  int second = normalize_dim(dim[1], m.rank, "matrix_norm", x.loc());
  const RefusalWords words("matrix_norm: the matrices must be finite, and their singular values "
                           "must converge, got one that is not or does not");
  Tensor norm =
      folded(composite::singular_values(movedim(from, {first, second}, {-2, -1}), x.loc()), fold);
  if (!keepdim) return norm;
  return unsqueeze(unsqueeze(norm, std::min(first, second)), std::max(first, second));
}

/// norm(x) * norm(inverse of x), infinite where x has none.
template <class F> Tensor condition(const Arg& x, const F& norm) {
  composite::require_square("cond", x);
  const Tensor a = x.tensor();
  const int64_t sign[] = {static_cast<int64_t>(DeterminantPart::sign)};
  Arg matrix(a, x.loc());
  Tensor is_singular = primitive(Op::determinant, {&matrix}, {}, sign, {}, x.loc()) == 0;
  Tensor identity = expand(eye(a.size(-1), a.dtype(), a.device(), x.loc()), a.shape());
  Tensor regular = where(unsqueeze(unsqueeze(is_singular, -1), -1), identity, a);
  Tensor inverse = composite::linear_solution(regular, identity, x.loc());
  return where(is_singular, kInfinity, norm(a) * norm(inverse));
}

Tensor zeros_of_batch(const Tensor& x) {
  Shape batch = x.shape();
  batch.resize(batch.size() - 2);
  return zeros(batch, x.dtype(), x.device());
}

} // namespace

Tensor matrix_norm(const Arg& x, std::string_view ord, const Dims& dim, bool keepdim,
                   std::optional<DType> dtype) {
  OpScope scope(x.loc());
  require_two_dims(x, dim);
  if (ord == "fro") return vector_norm(x, 2, dim, keepdim, dtype);
  if (ord != "nuc")
    refuse("matrix_norm", ErrorKind::value,
           "ord must be fro, nuc or a number, got " + std::string(ord), x.loc());
  return of_singular_values(x, dim, keepdim, dtype, Fold::sum);
}

Tensor matrix_norm(const Arg& x, double ord, const Dims& dim, bool keepdim,
                   std::optional<DType> dtype) {
  OpScope scope(x.loc());
  require_two_dims(x, dim);
  const double order = std::abs(ord);
  if (order == 2)
    return of_singular_values(x, dim, keepdim, dtype, ord > 0 ? Fold::greatest : Fold::least);
  if (order != 1 && order != std::numeric_limits<double>::infinity())
    refuse("matrix_norm", ErrorKind::value,
           "ord must be 1, 2, inf or one of their negatives, got " + std::to_string(ord), x.loc());
  Tensor from = dtype ? x.tensor().to(*dtype, x.loc()) : x.tensor();
  return extreme_sum(Arg(from, x.loc()), dim, keepdim, order == 1, ord > 0);
}

Tensor norm(const Arg& x, std::string_view p, const Dims& dims, bool keepdim) {
  OpScope scope(x.loc());
  if (p == "fro") return vector_norm(x, 2, dims, keepdim);
  if (p != "nuc")
    refuse("norm", ErrorKind::value, "p must be fro, nuc or a number, got " + std::string(p),
           x.loc());
  return matrix_norm(x, p, dims.size() == 0 ? Dims{-2, -1} : dims, keepdim);
}

Tensor cond(const Arg& x, std::optional<double> p) {
  OpScope scope(x.loc());
  composite::require_matrices("cond", x);
  const double order = std::abs(p.value_or(2));
  if (order != 1 && order != 2 && order != kInfinity)
    refuse("cond", ErrorKind::value,
           "p must be 1, 2, inf or one of their negatives, got " + std::to_string(*p), x.loc());
  const RefusalWords words("cond: the matrices must be finite, and their singular values must "
                           "converge, got one that is not or does not");
  const Tensor a = x.tensor();
  if (order != 2 && a.numel() > 0)
    return condition(x, [&](const Tensor& t) { return matrix_norm(Arg(t, x.loc()), *p); });
  if (order != 2) composite::require_square("cond", x);
  if (a.numel() == 0) return zeros_of_batch(a);
  Tensor values = composite::singular_values(a, x.loc());
  Tensor greatest = select(values, -1, 0), least = select(values, -1, -1);
  return p.value_or(2) > 0 ? greatest / least : least / greatest;
}

Tensor cond(const Arg& x, std::string_view p) {
  OpScope scope(x.loc());
  composite::require_square("cond", x);
  if (p != "fro" && p != "nuc")
    refuse("cond", ErrorKind::value, "p must be fro, nuc or a number, got " + std::string(p),
           x.loc());
  if (x.tensor().numel() == 0) return zeros_of_batch(x.tensor());
  return condition(x, [&](const Tensor& t) { return matrix_norm(Arg(t, x.loc()), p); });
}

} // namespace weft
