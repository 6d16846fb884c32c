// Norms over dims and what is made of them. Where a norm is 0 its gradient is 0: the root is taken
// of 1 there, and the result replaced, so that no infinite slope meets a 0.

#include "runtime/composite/composite.h"
#include "runtime/composite/parts.h"
#include "runtime/composite/rows.h"
#include "runtime/core/rules.h"

#include <cmath>

namespace weft {

namespace {

// x^(1 / p) of a sum that is 0 only where all of its terms are.
Tensor root(const Tensor& total, double p) {
  Tensor is_zero = total == 0;
  Tensor safe = where(is_zero, 1, total);
  return where(is_zero, 0, p == 2 ? sqrt(safe) : pow(safe, 1 / p));
}

// The sum of |x|^p for p above 0. Below 1 the slope at 0 is infinite, and taken as 0.
Tensor powers(const Tensor& x, double p, const Dims& dims, bool keepdim) {
  if (p == 2) return sum(x * x, dims, keepdim);
  Tensor a = abs(x);
  if (p == 1) return sum(a, dims, keepdim);
  if (p > 1) return sum(pow(a, p), dims, keepdim);
  Tensor is_zero = a == 0;
  return sum(where(is_zero, 0, pow(where(is_zero, 1, a), p)), dims, keepdim);
}

// The elements of a row where `dims` are the last ones, in order, or all; else 0.
int64_t elements_of_rows(const Meta& m, const Dims& dims) {
  int64_t n = 1;
  const int count = dims.empty() ? m.rank : dims.size();
  if (count > m.rank) return 0;
  for (int k = 0; k < count; k++) {
    const int at = m.rank - count + k;
    if (!dims.empty() && dims[k] != at && dims[k] != at - m.rank) return 0;
    n *= m.sizes[at];
  }
  return n;
}

// What the sums over all elements or over `dims` are stored in.
Shape shape_of_sums(const Meta& m, const Dims& dims, bool keepdim) {
  const int folded = dims.empty() ? m.rank : dims.size();
  Shape shape;
  for (int k = 0; k < m.rank; k++)
    if (k < m.rank - folded)
      shape.push_back(m.sizes[k]);
    else if (keepdim)
      shape.push_back(1);
  return shape;
}

Tensor norm_of(const Tensor& x, double ord, const Dims& dims, bool keepdim) {
  if (std::isinf(ord)) return ord > 0 ? max(abs(x), dims, keepdim) : min(abs(x), dims, keepdim);
  if (ord == 0) return sum(where(x != 0, 1.0, 0 * x), dims, keepdim);
  if (ord < 0) { // 0 where an element is
    Tensor a = abs(x), has_zero = any(a == 0, dims, true);
    Tensor y = pow(sum(pow(where(has_zero, 1, a), ord), dims, keepdim), 1 / ord);
    return where(keepdim ? has_zero : reshape(has_zero, y.shape()), 0, y);
  }
  const Meta& m = x.impl()->meta;
  if (ord == 2) {
    const int64_t n = elements_of_rows(m, dims);
    Tensor rows = composite::lengths_of_rows("norm", x, n, shape_of_sums(m, dims, keepdim));
    if (rows.defined()) return rows;
  }
  Tensor total = powers(x, ord, dims, keepdim);
  return ord == 1 ? total : root(total, ord);
}

bool folds_none(const Meta& m, const Dims& dims, const Loc& loc) {
  if (dims.empty()) return m.numel() == 0;
  for (int64_t d : dims)
    if (m.rank && m.sizes[normalize_dim(d, m.rank, "vector_norm", loc)] == 0) return true;
  return false;
}

// t, or the bound where t is below it; the gradient does not see the difference.
Tensor at_least(const Tensor& t, double bound) {
  Tensor missing;
  {
    NoGrad no_grad;
    missing = clamp(t, bound) - t;
  }
  return where(t < bound, t + missing, t);
}

} // namespace

Tensor vector_norm(const Arg& x, double ord, const Dims& dim, bool keepdim,
                   std::optional<DType> dtype) {
  OpScope scope(x.loc());
  composite::require_floating("vector_norm", x);
  if (dtype && !is_floating(*dtype))
    composite::refuse("vector_norm", ErrorKind::dtype,
                      "dtype must be floating, got " + std::string(name_of(*dtype)), x.loc());
  const Meta m = x.impl()->meta;
  if (dtype && promote_types(m.dtype, *dtype) != *dtype)
    composite::refuse("vector_norm", ErrorKind::dtype,
                      "dtype must not be narrower than the operand's, got " +
                          std::string(name_of(*dtype)) + " for " + describe(m),
                      x.loc());
  if (ord != ord)
    composite::refuse("vector_norm", ErrorKind::value, "ord must be a number, got nan", x.loc());
  if ((ord < 0 || std::isinf(ord)) && folds_none(m, dim, x.loc()))
    composite::refuse("vector_norm", ErrorKind::shape,
                      "there must be elements for an order below 0 or infinite, got " + describe(m),
                      x.loc());
  Tensor t = dtype ? x.tensor().to(*dtype) : x.tensor();
  Tensor wide = composite::widened(t);
  return norm_of(wide, ord, dim, keepdim).to(t.dtype());
}

Tensor norm(const Arg& x, double p, const Dims& dim, bool keepdim) {
  OpScope scope(x.loc());
  return vector_norm(x, p, dim, keepdim);
}

Tensor normalize(const Arg& x, double p, const Dims& dim, double eps) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "normalize").meta;
  const bool is_rows = dim.size() == 1 && m.rank > 0 && (dim[0] == -1 || dim[0] == m.rank - 1);
  if (p == 2 && is_rows && !is_half(m.dtype)) { // the length of halves is one
    Tensor rows = composite::normalized_rows("normalize", x.tensor(), m.sizes[m.rank - 1],
                                             kernels::RowNorm::length, eps, {{}, {}});
    if (rows.defined()) return rows;
  }
  Tensor length = vector_norm(x, p, dim, true);
  return x.tensor() / clamp(length, eps);
}

Tensor cosine_similarity(const Arg& x1, const Arg& x2, int64_t dim, double eps) {
  OpScope scope(x1.loc());
  composite::require_floating("cosine_similarity", x1);
  composite::require_floating("cosine_similarity", x2);
  DType dtype = promote_types(x1.impl()->meta.dtype, x2.impl()->meta.dtype);
  Meta shared = make_meta({}, dtype);
  for (const Arg* x : {&x1, &x2})
    if (const Meta& m = x->impl()->meta; !broadcast_into(shared, m.sizes, m.rank))
      composite::refuse("cosine_similarity", ErrorKind::shape,
                        "operands must broadcast, got " + describe(x1.impl()->meta) + " and " +
                            describe(x2.impl()->meta),
                        x1.loc());
  if (eps < 0)
    composite::refuse("cosine_similarity", ErrorKind::value,
                      "eps must not be negative, got " + std::to_string(eps), x1.loc());
  Dims along(normalize_dim(dim, shared.rank, "cosine_similarity", x1.loc()));
  auto direction = [&](const Arg& x) {
    Tensor t = expand(composite::widened(x), shared.shape());
    return t / at_least(norm_of(t, 2, along, true), eps);
  };
  return sum(direction(x1) * direction(x2), along).to(dtype);
}

Tensor pairwise_distance(const Arg& x1, const Arg& x2, double p, double eps, bool keepdim) {
  OpScope scope(x1.loc());
  return vector_norm(sub(x1, x2) + eps, p, -1, keepdim);
}

Tensor cdist(const Arg& x1, const Arg& x2, double p) {
  OpScope scope(x1.loc());
  composite::require_floating("cdist", x1);
  composite::require_floating("cdist", x2);
  const Meta &a = x1.impl()->meta, &b = x2.impl()->meta;
  if (a.rank < 2 || b.rank < 2 || a.sizes[a.rank - 1] != b.sizes[b.rank - 1])
    composite::refuse("cdist", ErrorKind::shape,
                      "x1 and x2 must have rows of one length, got " + describe(a) + " and " +
                          describe(b),
                      x1.loc());
  if (!(p >= 0))
    composite::refuse("cdist", ErrorKind::value, "p must not be negative, got " + std::to_string(p),
                      x1.loc());
  const Tensor rows = x1.tensor(), others = x2.tensor();
  auto distances = [&](const Tensor& part) {
    Tensor difference = unsqueeze(part, -2) - unsqueeze(others, -3);
    if (difference.size(-1) == 0) return sum(difference, -1);
    return vector_norm(difference, p, -1);
  };
  if (a.rank < b.rank) return distances(rows);
  Dims all_but_rows;
  for (int d = 0; d < a.rank; d++)
    if (d != a.rank - 2) all_but_rows.push_back(d);
  return composite::in_parts(rows, all_but_rows, {&others}, distances, b.sizes[b.rank - 2]);
}

Tensor logsumexp(const Arg& x, const Dims& dim, bool keepdim) {
  OpScope scope(x.loc());
  DType dtype = require_tensor(x, "logsumexp").meta.dtype;
  if (!is_floating(dtype)) dtype = f32;
  const Tensor t = x.tensor().to(dtype);
  if (t.numel() == 0) return log(sum(exp(composite::widened(t)), dim, keepdim)).to(dtype);
  return composite::in_parts(t, dim, {}, [&](const Tensor& part) {
    Tensor wide = composite::widened(part);
    Tensor highest; // only keeps exp from overflowing; infinite ones would give NaN
    {
      NoGrad no_grad;
      highest = max(wide, dim, true);
      highest = where(abs(highest) == std::numeric_limits<double>::infinity(), 0.0, highest);
    }
    Tensor total = log(sum(exp(wide - highest), dim, keepdim));
    return (total + reshape(highest, total.shape())).to(dtype);
  });
}

} // namespace weft
