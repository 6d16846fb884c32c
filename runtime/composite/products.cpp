// Forms of the matrix product by name: the ranks that each takes, then the product.

#include "runtime/composite/composite.h"

namespace weft {

namespace {

Tensor product(const char* op, const Arg& a, const Arg& b, int rank_a, int rank_b) {
  const Meta &ma = require_tensor(a, op).meta, &mb = require_tensor(b, op).meta;
  bool fits = ma.rank == rank_a && mb.rank == rank_b && ma.dtype == mb.dtype;
  // A product of batches broadcasts them; here they must be equal.
  fits = fits && (rank_a < 3 || ma.sizes[0] == mb.sizes[0]);
  if (!fits)
    composite::refuse(op, ErrorKind::shape,
                      "operands must have " + std::to_string(rank_a) + " and " +
                          std::to_string(rank_b) + " dims, equal batches and one dtype, got " +
                          describe(ma) + " and " + describe(mb),
                      a.loc());
  return matmul(a, b);
}

Tensor added(const char* op, const Arg& x, const Tensor& p, const Scalar& beta,
             const Scalar& alpha) {
  const Meta m = require_tensor(x, op).meta;
  if (m.dtype != p.dtype())
    composite::refuse(op, ErrorKind::dtype,
                      "operands must have one dtype, got " + describe(m) + " and " +
                          describe(p.impl()->meta),
                      x.loc());
  // A number takes the operands' dtype: an integer sum has no share of 2.5.
  auto scaled = [&](const Tensor& t, const Scalar& by) {
    return by.to_double() == 1    ? t
           : is_floating(m.dtype) ? t * by
                                  : t * static_cast<int64_t>(by.to_double());
  };
  Tensor scale_p = scaled(p, alpha);
  Tensor start = expand(x, p.shape());
  return beta.to_double() == 0 ? scale_p : scaled(start, beta) + scale_p;
}

} // namespace

Tensor mm(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  return product("mm", x, y, 2, 2);
}

Tensor bmm(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  return product("bmm", x, y, 3, 3);
}

Tensor mv(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  return product("mv", x, y, 2, 1);
}

Tensor dot(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  return product("dot", x, y, 1, 1);
}

Tensor outer(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  const Meta &a = require_tensor(x, "outer").meta, &b = require_tensor(y, "outer").meta;
  if (a.rank != 1 || b.rank != 1)
    composite::refuse("outer", ErrorKind::shape,
                      "operands must have 1 dim, got " + describe(a) + " and " + describe(b),
                      x.loc());
  return mul(unsqueeze(x, 1), y);
}

Tensor kron(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  const Meta a = require_tensor(x, "kron").meta, b = require_tensor(y, "kron").meta;
  int rank = std::max(a.rank, b.rank);
  if (2 * rank > kMaxRank)
    composite::refuse("kron", ErrorKind::shape,
                      "operands must have at most " + std::to_string(kMaxRank / 2) + " dims, got " +
                          describe(a) + " and " + describe(b),
                      x.loc());
  Shape outer_sizes, inner_sizes, sizes; // x [m, 1, n, 1, ...] times y [1, k, 1, l, ...]
  for (int k = 0; k < rank; k++) {
    int own_a = k - rank + a.rank, own_b = k - rank + b.rank;
    int64_t m = own_a < 0 ? 1 : a.sizes[own_a], n = own_b < 0 ? 1 : b.sizes[own_b];
    for (int64_t s : {m, int64_t{1}})
      outer_sizes.push_back(s);
    for (int64_t s : {int64_t{1}, n})
      inner_sizes.push_back(s);
    sizes.push_back(m * n);
  }
  return reshape(mul(reshape(x, outer_sizes), reshape(y, inner_sizes)), sizes);
}

Tensor addmm(const Arg& x, const Arg& a, const Arg& b, Scalar beta, Scalar alpha) {
  OpScope scope(x.loc());
  return added("addmm", x, product("addmm", a, b, 2, 2), beta, alpha);
}

Tensor baddbmm(const Arg& x, const Arg& a, const Arg& b, Scalar beta, Scalar alpha) {
  OpScope scope(x.loc());
  return added("baddbmm", x, product("baddbmm", a, b, 3, 3), beta, alpha);
}

// One product over batches and columns.
Tensor addbmm(const Arg& x, const Arg& a, const Arg& b, Scalar beta, Scalar alpha) {
  OpScope scope(x.loc());
  const Meta ma = require_tensor(a, "addbmm").meta, mb = require_tensor(b, "addbmm").meta;
  if (ma.rank != 3 || mb.rank != 3 || ma.sizes[0] != mb.sizes[0] || ma.sizes[2] != mb.sizes[1])
    composite::refuse("addbmm", ErrorKind::shape,
                      "operands must be [B, M, K] and [B, K, N], got " + describe(ma) + " and " +
                          describe(mb),
                      x.loc());
  const int64_t terms = ma.sizes[0] * ma.sizes[2];
  Tensor rows = reshape(permute(a, {1, 0, 2}), {ma.sizes[1], terms});
  Tensor columns = reshape(b, {terms, mb.sizes[2]});
  return added("addbmm", x, product("addbmm", rows, columns, 2, 2), beta, alpha);
}

Tensor addmv(const Arg& x, const Arg& a, const Arg& b, Scalar beta, Scalar alpha) {
  OpScope scope(x.loc());
  return added("addmv", x, product("addmv", a, b, 2, 1), beta, alpha);
}

Tensor addr(const Arg& x, const Arg& a, const Arg& b, Scalar beta, Scalar alpha) {
  OpScope scope(x.loc());
  return added("addr", x, outer(a, b), beta, alpha);
}

Tensor bilinear(const Arg& x1, const Arg& x2, const Tensor& weight, const Tensor& bias) {
  OpScope scope(x1.loc());
  const Meta a = require_tensor(x1, "bilinear").meta, b = require_tensor(x2, "bilinear").meta;
  composite::require_given("bilinear", "weight", weight, x1.loc());
  const Meta w = weight.impl()->meta;
  bool fits = a.rank >= 1 && a.rank == b.rank && w.rank == 3 && a.sizes[a.rank - 1] == w.sizes[1] &&
              b.sizes[b.rank - 1] == w.sizes[2];
  for (int k = 0; fits && k + 1 < a.rank; k++)
    fits = a.sizes[k] == b.sizes[k];
  if (!fits)
    composite::refuse("bilinear", ErrorKind::shape,
                      "x1 [..., I], x2 [..., J] and weight [O, I, J] must fit, got " + describe(a) +
                          ", " + describe(b) + " and " + describe(w),
                      x1.loc());
  composite::require_shape("bilinear", "bias", bias, {w.sizes[0]}, x1.loc());
  // [..., I] by [I, O * J]: then each o is a row to multiply with x2 and sum.
  Tensor rows =
      matmul(x1, reshape(permute(weight, {1, 0, 2}), {w.sizes[1], w.sizes[0] * w.sizes[2]}));
  Shape split = rows.shape();
  split[split.size() - 1] = w.sizes[0];
  split.push_back(w.sizes[2]);
  Tensor y = sum(reshape(rows, split) * unsqueeze(x2, -2), -1);
  return bias.defined() ? std::move(y) + bias : y;
}

} // namespace weft
