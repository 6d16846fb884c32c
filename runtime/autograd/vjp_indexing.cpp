// Gradients of ops that read an index from memory, and of scans.

#include "runtime/autograd/vjp_context.h"
#include "runtime/autograd/vjp_view.h"
#include "runtime/composite/index_operands.h"

namespace weft {

namespace {

using composite::filled;
using composite::gather_along;
using composite::scatter_along;

int dim_of(VjpContext& c) { return static_cast<int>(c.structure(0)); }

Tensor zeros_of(const Tensor& like, const Shape& shape, const Loc& loc) {
  return filled(shape, Scalar(0), like.dtype(), like.device(), loc);
}

// Of several elements that went to one place the last is there: only it has a gradient.
Tensor last_ones(const Tensor& x, int dim, const Tensor& index, const Loc& loc) {
  Shape along = Ints::filled(index.rank(), 1);
  along[dim] = index.size(dim);
  Tensor numbers = expand(
      reshape(composite::positions(index.size(dim), index.device(), loc), along), index.shape());
  Tensor written = scatter_along(Op::scatter, filled(x.shape(), Scalar(-1), i64, x.device(), loc),
                                 dim, index, numbers, loc);
  return gather_along(written, dim, index, loc) == numbers;
}

// Of equal extremes each has an equal share.
void vjp_scatter_extreme(VjpContext& c) {
  const int dim = dim_of(c);
  Tensor x = c.tensor(0), index = c.tensor(1), src = c.tensor(2), y = c.result(), dy = c.dy();
  Tensor own = (x == y).to(dy.dtype());
  Tensor taken = (src == gather_along(y, dim, index, c.loc())).to(dy.dtype());
  Tensor share = dy / scatter_along(Op::scatter_add, own, dim, index, taken, c.loc());
  if (c.needs(0)) c.set(0, own * share);
  if (c.needs(2)) c.set(2, taken * gather_along(share, dim, index, c.loc()));
}

Tensor scatter_product(const Tensor& x, int dim, const Tensor& index, const Tensor& src,
                       const Loc& loc) {
  const int64_t structure[] = {dim, 0};
  Arg to(x, loc), at(index, loc), from(src, loc);
  return primitive(Op::scatter_fold, {&to, &at, &from}, {}, structure, {}, loc);
}

// The product of all other factors: y / factor, where that is not 0. Else the product with a 1 in
// the factor's place, which is not 0 only where it was the only 0.
void vjp_scatter_product(VjpContext& c) {
  const int dim = dim_of(c);
  Tensor x = c.tensor(0), index = c.tensor(1), src = c.tensor(2), y = c.result(), dy = c.dy();
  if (c.needs(0)) {
    Tensor others = scatter_product(ones_like(x), dim, index, src, c.loc());
    c.set(0, dy * others);
  }
  if (!c.needs(2)) return;
  Tensor is_zero = src == 0, zeros = is_zero.to(src.dtype());
  Tensor count =
      scatter_along(Op::scatter_add, zeros_of(src, x.shape(), c.loc()), dim, index, zeros, c.loc());
  Tensor is_only = logical_and(is_zero, gather_along(count, dim, index, c.loc()) == 1);
  Tensor others = scatter_product(x, dim, index, where(is_only, 1, src), c.loc());
  Tensor through = gather_along(dy * y, dim, index, c.loc()) / where(is_zero, 1, src);
  c.set(2, where(is_only, gather_along(dy * others, dim, index, c.loc()), through));
}

// x moved by one along the dim; the place that comes free is `fill`. Forward: y[k] = x[k - 1].
Tensor shifted(const Tensor& x, int dim, bool forward, const Scalar& fill, const Loc& loc) {
  Shape shape = x.shape();
  const int64_t size = shape[dim];
  if (size == 0) return x;
  shape[dim] = 1;
  Tensor end = filled(shape, fill, x.dtype(), x.device(), loc);
  if (forward) return concatenate({end, slice(x, dim, 0, size - 1)}, dim, loc);
  return concatenate({slice(x, dim, 1), end}, dim, loc);
}

Tensor recurrence(const Tensor& a, const Tensor& b, int dim, bool reverse, const Loc& loc) {
  const int64_t structure[] = {dim, reverse};
  Arg factors(a, loc), terms(b, loc);
  return primitive(Op::recurrence, {&factors, &terms}, {}, structure, {}, loc);
}

} // namespace

// Where each line has one index, no two meet: comparing positions with it fuses.
void vjp_gather(VjpContext& c) {
  const int dim = dim_of(c);
  const Meta x = c.operand_meta(0);
  Tensor index = c.tensor(1);
  if (index.size(dim) == 1 && index.numel() * x.sizes[dim] == x.numel()) {
    Shape along = Ints::filled(x.rank, 1);
    along[dim] = x.sizes[dim];
    Tensor here = reshape(composite::positions(x.sizes[dim], x.device, c.loc()), along) == index;
    return c.set(0, where(std::move(here), c.dy(), 0));
  }
  c.set(0, scatter_along(Op::scatter_add, zeros_of(c.dy(), x.shape(), c.loc()), dim, index, c.dy(),
                         c.loc()));
}

void vjp_scatter(VjpContext& c) {
  const int dim = dim_of(c);
  Tensor index = c.tensor(1);
  if (c.needs(0))
    c.set(0, scatter_along(Op::scatter, c.dy(), dim, index,
                           zeros_of(c.dy(), index.shape(), c.loc()), c.loc()));
  if (c.needs(2))
    c.set(2, where(last_ones(c.dy(), dim, index, c.loc()),
                   gather_along(c.dy(), dim, index, c.loc()), 0));
}

void vjp_scatter_add(VjpContext& c) {
  c.set(0, c.dy());
  if (c.needs(2)) c.set(2, gather_along(c.dy(), dim_of(c), c.tensor(1), c.loc()));
}

void vjp_scatter_fold(VjpContext& c) {
  if (c.structure(1) == 0)
    vjp_scatter_product(c);
  else
    vjp_scatter_extreme(c);
}

// The sum's gradient is the sum from the other end. That of a product is y[k - 1] * s[k] with
// s[k] = dy[k] + x[k + 1] * s[k + 1], and that of y = log(sum of exp(x)) is exp(x[k] - y[k]) * t[k]
// with t[k] = dy[k] + exp(y[k] - y[k + 1]) * t[k + 1]: both exact where a quotient would not be.
void vjp_scan(VjpContext& c) {
  const int dim = dim_of(c);
  const bool reverse = c.structure(2) != 0;
  if (c.structure(1) == 0) {
    const int64_t structure[] = {dim, 0, !reverse};
    Arg dy(c.dy(), c.loc());
    return c.set(0, primitive(Op::scan, {&dy}, {}, structure, {}, c.loc()));
  }
  Tensor x = c.tensor(0), y = c.result();
  if (c.structure(1) == 1) {
    Tensor s = recurrence(shifted(x, dim, reverse, 1, c.loc()), c.dy(), dim, !reverse, c.loc());
    return c.set(0, shifted(y, dim, !reverse, 1, c.loc()) * s);
  }
  Tensor next = shifted(y, dim, reverse, 0, c.loc());
  Tensor decay = where(y == next, 1, exp(y - next));
  Tensor t = recurrence(decay, c.dy(), dim, !reverse, c.loc());
  c.set(0, where(x == y, 1, exp(x - y)) * t);
}

void vjp_recurrence(VjpContext& c) {
  const int dim = dim_of(c);
  const bool reverse = c.structure(1) != 0;
  Tensor s =
      recurrence(shifted(c.tensor(0), dim, reverse, 0, c.loc()), c.dy(), dim, !reverse, c.loc());
  if (c.needs(0)) c.set(0, s * shifted(c.result(), dim, !reverse, 0, c.loc()));
  c.set(1, s);
}

} // namespace weft
