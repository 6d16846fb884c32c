// Elements written by index: the scatters and what is built on them.

#include "runtime/composite/index_operands.h"
#include "runtime/core/refusal.h"

#include <limits>

namespace weft {

using composite::as_index;
using composite::at_least_1d;
using composite::refuse;
using composite::scatter_along;

namespace {

// The operands of a scatter in the form that the primitives take.
struct Scatter {
  const char* op;
  Loc loc;
  Shape shape; // of the result
  Tensor x, index, src;
  int dim;

  Scatter(const char* name, const Arg& to, int64_t along, const Tensor& at, const Arg& from)
      : op(name), loc(to.loc()), shape(require_tensor(to, name).meta.shape()),
        x(at_least_1d(to.tensor())), index(at_least_1d(as_index(name, at, loc))),
        dim(normalize_dim(along, shape.size(), name, loc)) {
    if (!from.defined()) refuse(op, ErrorKind::value, "src must be defined, got none", loc);
    if (from.is_scalar())
      src = composite::filled(index.shape(), from.scalar(), x.dtype(), x.device(), loc);
    else
      src = at_least_1d(from.tensor());
    check();
    for (int k = 0; k < src.rank(); k++)
      if (src.size(k) != index.size(k)) src = slice(src, k, 0, index.size(k));
  }

  void check() const {
    const Meta &mx = x.impl()->meta, &ms = src.impl()->meta, &mi = index.impl()->meta;
    if (ms.dtype != mx.dtype)
      refuse(op, ErrorKind::dtype,
             "src must have the dtype of x, got " + describe(ms) + " for " + describe(mx), loc);
    if (is_empty()) return;
    bool fits = mi.rank == mx.rank && ms.rank == mx.rank;
    for (int k = 0; fits && k < mi.rank; k++)
      fits = mi.sizes[k] <= ms.sizes[k] && (k == dim || mi.sizes[k] <= mx.sizes[k]);
    if (!fits)
      refuse(op, ErrorKind::shape,
             "index must have the rank of x and src, no size above that of src, and but for dim " +
                 std::to_string(dim) + " none above that of x, got " + describe(mi) + " for " +
                 describe(mx) + " and " + describe(ms),
             loc);
  }
  bool is_empty() const { return index.numel() == 0; }

  Tensor run(Op primitive) const {
    if (is_empty()) return reshape(x.clone(loc), shape);
    return reshape(scatter_along(primitive, x, dim, index, src, loc), shape);
  }
  void write(Op primitive) const {
    if (!is_empty()) composite::scatter_into(primitive, x, dim, index, src, loc);
  }
  Tensor fold(int64_t how) const {
    if (is_empty()) return reshape(x.clone(loc), shape);
    const int64_t structure[] = {dim, how};
    Arg to(x, loc), at(index, loc), from(src, loc);
    return reshape(primitive(Op::scatter_fold, {&to, &at, &from}, {}, structure, {}, loc), shape);
  }
  // x, but `value` wherever the index leads.
  void start_from(const Scalar& value) {
    if (!is_empty())
      x = scatter_along(Op::scatter, x, dim, index,
                        composite::filled(index.shape(), value, x.dtype(), x.device(), loc), loc);
  }
};

Scalar least_of(DType dtype) {
  if (dtype == DType::boolean) return Scalar(false);
  if (is_floating(dtype)) return Scalar(-std::numeric_limits<double>::infinity());
  if (dtype == DType::u8) return Scalar(0);
  return Scalar(std::numeric_limits<int64_t>::min() >> (64 - 8 * size_of(dtype)));
}
Scalar greatest_of(DType dtype) {
  if (dtype == DType::boolean) return Scalar(true);
  if (is_floating(dtype)) return Scalar(std::numeric_limits<double>::infinity());
  if (dtype == DType::u8) return Scalar(255);
  return Scalar(std::numeric_limits<int64_t>::max() >> (64 - 8 * size_of(dtype)));
}

// The quotient in f64 is at most one off.
Tensor floor_quotient(const Tensor& a, const Tensor& b) {
  Tensor q = (a.to(f64) / b.to(f64)).to(a.dtype());
  q = q - (q * b > a).to(a.dtype());
  return q + ((q + 1) * b <= a).to(a.dtype());
}

// Sums divided by how many elements came together; integers round down.
Tensor scatter_mean(Scatter s, bool include_self) {
  Tensor sums = s.run(Op::scatter_add);
  Scatter counting = s;
  counting.x = composite::filled(s.x.shape(), Scalar(include_self ? 1 : 0), s.x.dtype(),
                                 s.x.device(), s.loc);
  counting.src = composite::filled(s.index.shape(), Scalar(1), s.x.dtype(), s.x.device(), s.loc);
  Tensor counts = counting.run(Op::scatter_add).detach(s.loc);
  if (!include_self) counts = where(counts == 0, 1, counts);
  if (is_floating(s.x.dtype())) return sums / counts;
  return floor_quotient(sums, counts);
}

// A list of positions along a dim, with what is to come there.
struct Lines {
  Tensor x, index, source;
  int dim;

  Tensor run(Op primitive, const Arg& to) const {
    return reshape(scatter_along(primitive, x, dim, index, source, to.loc()),
                   to.impl()->meta.shape());
  }
  void write(Op primitive, const Arg& to) const {
    composite::scatter_into(primitive, x, dim, index, source, to.loc());
  }
};

Lines lines_of(const char* op, const Arg& x, int64_t dim, const Tensor& index,
               const Tensor& source) {
  const Meta& m = require_tensor(x, op).meta;
  int d = normalize_dim(dim, m.rank, op, x.loc());
  const Meta& ms = composite::require_defined(op, "source", source, x.loc());
  Tensor to = at_least_1d(x.tensor()), from = source;
  Tensor list = as_index(op, index, x.loc());
  Shape wanted = to.shape();
  if (list.rank() <= 1) wanted[d] = list.numel();
  // One slice may come without its dim.
  if (list.rank() == 0 && from.rank() + 1 == to.rank()) from = unsqueeze(from, d);
  if (m.rank == 0) from = at_least_1d(from);
  if (list.rank() > 1 || from.shape() != wanted)
    refuse(op, ErrorKind::shape,
           "index must be a list of positions, and source like x with as many of them along dim " +
               std::to_string(d) + ", got " + describe(list.impl()->meta) + " and " + describe(ms) +
               " for " + describe(m),
           x.loc());
  if (from.dtype() != to.dtype())
    refuse(op, ErrorKind::dtype,
           "source must have the dtype of x, got " + describe(ms) + " for " + describe(m), x.loc());
  return {to, composite::spread_index(list, to.shape(), d), from, d};
}

Lines added_lines(const Arg& x, int64_t dim, const Tensor& index, const Tensor& source,
                  Scalar alpha) {
  Lines s = lines_of("index_add", x, dim, index, source);
  if (alpha.to_double() == 1) return s;
  s.source = s.source * alpha;
  if (s.source.dtype() != s.x.dtype())
    refuse("index_add", ErrorKind::dtype,
           "alpha must be an integer for integers, got " + std::to_string(alpha.to_double()),
           x.loc());
  return s;
}

Lines filled_lines(const Arg& x, int64_t dim, const Tensor& index, const Arg& value) {
  const Meta m = require_tensor(x, "index_fill").meta;
  int d = normalize_dim(dim, m.rank, "index_fill", x.loc());
  Tensor list = as_index("index_fill", index, x.loc()), to = at_least_1d(x.tensor());
  bool is_number = value.is_scalar() || (value.defined() && value.impl()->meta.rank == 0);
  if (list.rank() > 1 || !is_number)
    refuse("index_fill", ErrorKind::shape,
           "index must be a list of positions and value one number, got " +
               describe(list.impl()->meta) + " for " + describe(m),
           x.loc());
  const RefusalWords words(
      "index_fill: every index must be in -{limit} .. {limit} - 1, got one that is not");
  Tensor at = composite::spread_index(wrapped_index(Arg(list, x.loc()), to.size(d)), to.shape(), d);
  Tensor from = value.is_scalar()
                    ? composite::filled(at.shape(), value.scalar(), m.dtype, m.device, x.loc())
                    : expand(value.tensor().to(m.dtype, x.loc()), at.shape());
  return {to, at, from, d};
}

constexpr const char* kScatterWords =
    "scatter: every index must be a position of the dim, got one that is not";
constexpr const char* kScatterAddWords =
    "scatter_add: every index must be a position of the dim, got one that is not";
constexpr const char* kIndexAddWords =
    "index_add: every index must be a position of the dim, got one that is not";
constexpr const char* kIndexCopyWords =
    "index_copy: every index must be a position of the dim, got one that is not";

} // namespace

Tensor scatter(const Arg& x, int64_t dim, const Tensor& index, const Arg& src) {
  OpScope scope(x.loc());
  const RefusalWords words(kScatterWords);
  return Scatter("scatter", x, dim, index, src).run(Op::scatter);
}
void scatter_into(const Arg& x, int64_t dim, const Tensor& index, const Arg& src) {
  OpScope scope(x.loc());
  const RefusalWords words(kScatterWords);
  Scatter("scatter", x, dim, index, src).write(Op::scatter);
}

Tensor scatter_add(const Arg& x, int64_t dim, const Tensor& index, const Tensor& src) {
  OpScope scope(x.loc());
  const RefusalWords words(kScatterAddWords);
  return Scatter("scatter_add", x, dim, index, Arg(src, x.loc())).run(Op::scatter_add);
}
void scatter_add_into(const Arg& x, int64_t dim, const Tensor& index, const Tensor& src) {
  OpScope scope(x.loc());
  const RefusalWords words(kScatterAddWords);
  Scatter("scatter_add", x, dim, index, Arg(src, x.loc())).write(Op::scatter_add);
}

Tensor scatter_reduce(const Arg& x, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self) {
  OpScope scope(x.loc());
  const RefusalWords words(
      "scatter_reduce: every index must be a position of the dim, got one that is not");
  Scatter s("scatter_reduce", x, dim, index, Arg(src, x.loc()));
  DType dtype = s.x.dtype();
  auto start = [&](const Scalar& identity) {
    if (!include_self) s.start_from(identity);
  };
  if (reduce == "sum") return start(0), s.run(Op::scatter_add);
  if (reduce == "mean") return start(0), scatter_mean(s, include_self);
  if (reduce == "prod") return start(1), s.fold(0);
  if (reduce == "amax") return start(least_of(dtype)), s.fold(1);
  if (reduce == "amin") return start(greatest_of(dtype)), s.fold(2);
  refuse("scatter_reduce", ErrorKind::value,
         "reduce must be sum, prod, mean, amax or amin, got " + std::string(reduce), x.loc());
}

Tensor index_add(const Arg& x, int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha) {
  OpScope scope(x.loc());
  const RefusalWords words(kIndexAddWords);
  return added_lines(x, dim, index, source, alpha).run(Op::scatter_add, x);
}
void index_add_into(const Arg& x, int64_t dim, const Tensor& index, const Tensor& source,
                    Scalar alpha) {
  OpScope scope(x.loc());
  const RefusalWords words(kIndexAddWords);
  added_lines(x, dim, index, source, alpha).write(Op::scatter_add, x);
}

Tensor index_copy(const Arg& x, int64_t dim, const Tensor& index, const Tensor& source) {
  OpScope scope(x.loc());
  const RefusalWords words(kIndexCopyWords);
  return lines_of("index_copy", x, dim, index, source).run(Op::scatter, x);
}
void index_copy_into(const Arg& x, int64_t dim, const Tensor& index, const Tensor& source) {
  OpScope scope(x.loc());
  const RefusalWords words(kIndexCopyWords);
  lines_of("index_copy", x, dim, index, source).write(Op::scatter, x);
}

Tensor index_fill(const Arg& x, int64_t dim, const Tensor& index, const Arg& value) {
  OpScope scope(x.loc());
  return filled_lines(x, dim, index, value).run(Op::scatter, x);
}
void index_fill_into(const Arg& x, int64_t dim, const Tensor& index, const Arg& value) {
  OpScope scope(x.loc());
  filled_lines(x, dim, index, value).write(Op::scatter, x);
}

Tensor masked_fill(const Arg& x, const Tensor& mask, const Arg& value) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "masked_fill").meta;
  Arg chosen(composite::require_mask("masked_fill", mask, x.loc()), x.loc());
  if (value.is_scalar()) return where(chosen, composite::number_of(m.dtype, value.scalar()), x);
  const Meta& mv = require_tensor(value, "masked_fill").meta;
  if (mv.rank)
    refuse("masked_fill", ErrorKind::shape, "value must be one number, got " + describe(mv),
           x.loc());
  return where(chosen, value.tensor().to(m.dtype, x.loc()), x);
}

} // namespace weft
