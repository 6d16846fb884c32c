// Elements side by side again, and elements added at the edges.

#include "runtime/composite/apart.h"
#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

/// A dim between what is in front of it and what is behind it.
struct Around {
  int64_t before = 1, size, behind = 1;
  Around(const Tensor& x, int dim) : size(x.size(dim)) {
    for (int k = 0; k < x.rank(); k++)
      (k < dim ? before : behind) *= k == dim ? 1 : x.size(k);
  }
};

// The elements of a dim `count` times: as a whole, or each of them.
Tensor repeated(const Tensor& x, int dim, int64_t count, bool each) {
  if (count == 1) return x;
  Around a(x, dim);
  Shape shape = x.shape();
  if (__builtin_mul_overflow(a.size, count, &shape[dim]))
    refuse("repeat", ErrorKind::shape,
           "the result must have less than 2^62 bytes, got " + std::to_string(count) + " times " +
               describe(x.impl()->meta),
           {});
  Tensor one = reshape(x, each ? Shape{a.before, a.size, 1, a.behind}
                               : Shape{a.before, 1, a.size, a.behind});
  return reshape(expand(one, each ? Shape{a.before, a.size, count, a.behind}
                                  : Shape{a.before, count, a.size, a.behind}),
                 shape);
}

void check_repeats(const char* op, const Ints& repeats, const Loc& loc) {
  for (int64_t r : repeats)
    if (r < 0)
      refuse(op, ErrorKind::value, "repeats must not be negative, got " + repeats.str(), loc);
}

Tensor repeat_dims(const char* op, const Arg& x, const Ints& repeats) {
  check_repeats(op, repeats, x.loc());
  Tensor r = x.tensor();
  Shape shape = Ints::filled(repeats.size() - r.rank(), 1);
  for (int64_t size : r.shape())
    shape.push_back(size);
  r = reshape(r, shape);
  for (int k = 0; k < shape.size(); k++)
    r = repeated(r, k, repeats[k], false);
  return composite::apart_from(x.tensor(), r, x.loc());
}

// The dim along which elements are repeated: without one, that of all elements in a row.
Tensor along(const Arg& x, std::optional<int64_t> dim, int& d) {
  Tensor t = x.tensor();
  if (!dim) t = reshape(t, {t.numel()});
  t = composite::at_least_1d(t);
  d = normalize_dim(dim.value_or(0), t.rank(), "repeat_interleave", x.loc());
  return t;
}

// What the numbers add up to; one number stands for `size` of it.
int64_t total_of(const Tensor& counts, int64_t size, const Loc& loc) {
  int64_t total = 0;
  bool fits = true;
  for (int64_t count : counts.to_vector<int64_t>(loc)) {
    if (count < 0)
      refuse("repeat_interleave", ErrorKind::value,
             "repeats must not be negative, got " + std::to_string(count), loc);
    if (counts.numel() == 1) fits = !__builtin_mul_overflow(count, size, &count);
    fits = fits && !__builtin_add_overflow(total, count, &total);
  }
  if (!fits)
    refuse("repeat_interleave", ErrorKind::value,
           "repeats must add up to less than 2^63, got " + describe(counts.impl()->meta) +
               " that do not",
           loc);
  return total;
}

//===--- Padding -----------------------------------------------------------------------------------

enum class Edge { constant, reflect, replicate, circular };

Edge edge_of(std::string_view mode, const Loc& loc) {
  if (mode == "constant") return Edge::constant;
  if (mode == "reflect") return Edge::reflect;
  if (mode == "replicate") return Edge::replicate;
  if (mode == "circular") return Edge::circular;
  refuse("pad", ErrorKind::value,
         "mode must be constant, reflect, replicate or circular, got " + std::string(mode), loc);
}

// `count` elements to stand before the dim, or behind it.
Tensor edge(const Tensor& x, int d, int64_t count, bool before, Edge mode, const Scalar& value,
            const Loc& loc) {
  Shape shape = x.shape();
  const int64_t size = shape[d];
  shape[d] = count;
  switch (mode) {
  case Edge::constant:
    return composite::filled(shape, composite::number_of(x.dtype(), value), x.dtype(), x.device(),
                             loc);
  case Edge::reflect:
    return flip(before ? slice(x, d, 1, count + 1) : slice(x, d, size - 1 - count, size - 1), d);
  case Edge::replicate:
    return expand(before ? slice(x, d, 0, 1) : slice(x, d, size - 1), shape);
  case Edge::circular:
    break;
  }
  return before ? slice(x, d, size - count) : slice(x, d, 0, count);
}

// Says how many elements a side of a dim can get.
bool is_in_reach(int64_t count, int64_t size, Edge mode) {
  return count <= 0 || mode == Edge::constant || (mode == Edge::reflect && count < size) ||
         (mode == Edge::replicate && size > 0) || (mode == Edge::circular && count <= size);
}

Tensor padded(const Tensor& x, int d, int64_t before, int64_t behind, Edge mode,
              const Scalar& value, const Loc& loc) {
  const int64_t size = x.size(d);
  if (!is_in_reach(before, size, mode) || !is_in_reach(behind, size, mode))
    refuse("pad", ErrorKind::shape,
           "dim " + std::to_string(d) + " must have the elements that the mode repeats, got " +
               std::to_string(before) + " and " + std::to_string(behind) + " to add to " +
               describe(x.impl()->meta),
           loc);
  if (std::max<int64_t>(-before, 0) + std::max<int64_t>(-behind, 0) > size)
    refuse("pad", ErrorKind::shape,
           "no more elements must be cut off than dim " + std::to_string(d) + " has, got " +
               std::to_string(before) + " and " + std::to_string(behind) + " for " +
               describe(x.impl()->meta),
           loc);
  Tensor inner = x;
  if (before < 0 || behind < 0)
    inner = slice(x, d, std::max<int64_t>(-before, 0), size - std::max<int64_t>(-behind, 0));
  std::vector<Tensor> parts;
  const Tensor& from = mode == Edge::circular ? inner : x; // the other side is what is left of it
  if (!is_in_reach(std::max(before, behind), from.size(d), mode))
    refuse("pad", ErrorKind::shape,
           "what is left of dim " + std::to_string(d) +
               " must have the elements that it starts again "
               "with, got " +
               std::to_string(from.size(d)) + " for " + std::to_string(std::max(before, behind)),
           loc);
  if (before > 0) parts.push_back(edge(from, d, before, true, mode, value, loc));
  parts.push_back(inner);
  if (behind > 0) parts.push_back(edge(from, d, behind, false, mode, value, loc));
  return parts.size() == 1 ? inner : concatenate(parts, d, loc);
}

} // namespace

Tensor repeat(const Arg& x, const Dims& repeats) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "repeat").meta;
  if (repeats.size() < m.rank)
    refuse("repeat", ErrorKind::value,
           "there must be a number for each dim of " + describe(m) + ", got " + repeats.str(),
           x.loc());
  return repeat_dims("repeat", x, repeats);
}

Tensor tile(const Arg& x, const Dims& dims) {
  OpScope scope(x.loc());
  Ints repeats = Ints::filled(std::max(0, require_tensor(x, "tile").meta.rank - dims.size()), 1);
  for (int64_t r : dims)
    repeats.push_back(r);
  return repeat_dims("tile", x, repeats);
}

Tensor repeat_interleave(const Arg& x, int64_t repeats, std::optional<int64_t> dim) {
  OpScope scope(x.loc());
  require_tensor(x, "repeat_interleave");
  check_repeats("repeat_interleave", {repeats}, x.loc());
  int d;
  Tensor from = along(x, dim, d);
  return composite::apart_from(x.tensor(), repeated(from, d, repeats, true), x.loc());
}

Tensor repeat_interleave(const Arg& x, const Tensor& repeats, std::optional<int64_t> dim) {
  OpScope scope(x.loc());
  require_tensor(x, "repeat_interleave");
  int d;
  Tensor from = along(x, dim, d),
         counts = composite::as_index("repeat_interleave", repeats, x.loc());
  if (counts.rank() > 1 || (counts.numel() != 1 && counts.numel() != from.size(d)))
    refuse("repeat_interleave", ErrorKind::shape,
           "repeats must have one element, or one for each position of dim " + std::to_string(d) +
               ", got " + describe(counts.impl()->meta) + " for " + describe(from.impl()->meta),
           x.loc());
  const int64_t total = total_of(reshape(counts, {counts.numel()}), from.size(d), x.loc());
  Shape result = from.shape();
  result[d] = total;
  composite::require_possible("repeat_interleave", result, from.dtype(), x.loc());
  Tensor ends = cumsum(expand(reshape(counts, {counts.numel()}), {from.size(d)}), 0);
  return index_select(
      from, d, searchsorted(ends, composite::positions(total, from.device(), x.loc()), true));
}

Tensor repeat_interleave(const Tensor& repeats, Loc loc) {
  OpScope scope(loc);
  const Meta& m = composite::require_defined("repeat_interleave", "repeats", repeats, loc);
  if (m.rank != 1)
    refuse("repeat_interleave", ErrorKind::shape, "repeats must have one dim, got " + describe(m),
           loc);
  return repeat_interleave(Arg(composite::positions(m.sizes[0], m.device, loc), loc), repeats, 0);
}

Tensor sliding_windows(const Arg& x, int64_t dim, int64_t size, int64_t step) {
  OpScope scope(x.loc());
  const Loc& loc = x.loc();
  const Meta m = require_tensor(x, "sliding_windows").meta;
  const int d = normalize_dim(dim, m.rank, "sliding_windows", loc);
  Tensor from = composite::at_least_1d(x.tensor()); // a 0-d tensor is a list of one element
  const int64_t all = from.size(d);
  if (size < 0 || size > all || step < 1)
    refuse("sliding_windows", ErrorKind::value,
           "size must be in 0 .. " + std::to_string(all) + " and step positive, got " +
               std::to_string(size) + " and " + std::to_string(step),
           loc);
  const int64_t count = (all - size) / step + 1;
  Tensor first = composite::positions(count, from.device(), loc) * step;
  Tensor at = unsqueeze(first, 1) + composite::positions(size, from.device(), loc);
  Tensor y = index_select(from, d, reshape(at, {count * size}));
  Shape shape;
  for (int k = 0; k < from.rank(); k++) {
    shape.push_back(k == d ? count : from.size(k));
    if (k == d) shape.push_back(size);
  }
  y = movedim(reshape(y, shape), d + 1, -1);
  return m.rank ? y : reshape(y, {size});
}

Tensor pad(const Arg& x, const std::vector<int64_t>& pad, std::string_view mode, Scalar value) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "pad").meta;
  if (pad.size() % 2 || pad.size() > 2 * size_t{m.rank})
    refuse("pad", ErrorKind::value,
           "there must be two numbers a dim, for at most " + std::to_string(m.rank) +
               " dims, got " + std::to_string(pad.size()),
           x.loc());
  Edge edge = edge_of(mode, x.loc());
  if (mode != "constant" && value.to_double() != 0)
    refuse("pad", ErrorKind::value,
           "only the mode constant takes a value, got the mode " + std::string(mode), x.loc());
  Tensor r = x.tensor();
  for (size_t k = 0; k + 1 < pad.size(); k += 2)
    if (pad[k] || pad[k + 1])
      r = padded(r, m.rank - 1 - static_cast<int>(k / 2), pad[k], pad[k + 1], edge, value, x.loc());
  return composite::apart_from(x.tensor(), r, x.loc());
}

} // namespace weft
