// NumPy's indexing. Positions, slices and new dims make a view. Index tensors are broadcast and
// become one number each: the dims that they index are put side by side and merged, so that one
// gather or scatter along the merged dim reads or writes.

#include "runtime/composite/backward_slice.h"
#include "runtime/composite/index_operands.h"
#include "runtime/core/refusal.h"
#include "runtime/core/rules.h"

namespace weft {

namespace {

using composite::refuse;

constexpr const char* kRefused =
    "index: every index must be in -{limit} .. {limit} - 1 for its dim, got one that is not";

bool is_mask(const Tensor& t) { return t.dtype() == DType::boolean; }
// Dims that an entry of a list of index tensors takes.
int taken(const Tensor& t) { return t.defined() && is_mask(t) ? t.rank() : 1; }

//===--- Index tensors -----------------------------------------------------------------------------

void check_mask(const Tensor& x, const Tensor& mask, int dim, const Loc& loc) {
  bool fits = mask.rank() > 0 && dim + mask.rank() <= x.rank();
  for (int k = 0; fits && k < mask.rank(); k++)
    fits = mask.size(k) == x.size(dim + k);
  if (!fits)
    refuse("index", ErrorKind::index,
           "a mask must have the sizes of the dims it indexes, got " + describe(mask.impl()->meta) +
               " at dim " + std::to_string(dim) + " of " + describe(x.impl()->meta),
           loc);
}

void check_count(const Tensor& x, const std::vector<Tensor>& indices, const Loc& loc) {
  int count = 0;
  for (const Tensor& t : indices)
    count += taken(t);
  if (count > x.rank())
    refuse("index", ErrorKind::index,
           "there must be at most one index a dim, got " + std::to_string(count) + " for " +
               describe(x.impl()->meta),
           loc);
}

// One tensor of positions a dim: i64, counted from the front; masks become positions.
std::vector<Tensor> positions_by_dim(const Tensor& x, const std::vector<Tensor>& indices,
                                     const Loc& loc) {
  check_count(x, indices, loc);
  const RefusalWords words(kRefused);
  std::vector<Tensor> by_dim;
  for (const Tensor& t : indices) {
    auto dim = static_cast<int>(by_dim.size());
    if (!t.defined()) {
      by_dim.emplace_back();
    } else if (is_mask(t)) {
      check_mask(x, t, dim, loc);
      Tensor all = composite::positions_of_nonzero(t, loc);
      for (int k = 0; k < t.rank(); k++)
        by_dim.push_back(select(all, 1, k));
    } else {
      Tensor at = composite::as_index("index", t, loc);
      by_dim.push_back(wrapped_index(Arg(at, loc), x.size(dim)));
    }
  }
  by_dim.resize(static_cast<size_t>(x.rank()));
  return by_dim;
}

/// x with the indexed dims merged: [before, merged, behind]. The result of reading is
/// [before, shape, behind] for index tensors of that shape.
struct Merged {
  Ints order; // of x's dims: those before, those merged, those behind
  int at = 0; // of the merged dim
  int count = 0;
  Shape sizes;    // of x in that order
  Shape shape;    // of the index tensors
  Tensor numbers; // of the elements in the merged dim, as a list

  Shape merged() const {
    Shape r;
    for (int k = 0; k < sizes.size(); k++)
      if (k > at && k < at + count)
        r[at] *= sizes[k];
      else
        r.push_back(sizes[k]);
    return r;
  }
  Shape result() const {
    Shape r;
    for (int k = 0; k < at; k++)
      r.push_back(sizes[k]);
    for (int64_t s : shape)
      r.push_back(s);
    for (int k = at + count; k < sizes.size(); k++)
      r.push_back(sizes[k]);
    return r;
  }
  Tensor index() const { return composite::spread_index(numbers, merged(), at); }
};

// Where index tensors stand side by side, what they index stays in place; else it comes first.
void order_dims(const Tensor& x, const std::vector<Tensor>& by_dim, Merged& m) {
  int first = -1, last = -1;
  for (int k = 0; k < x.rank(); k++)
    if (by_dim[static_cast<size_t>(k)].defined()) {
      if (first < 0) first = k;
      last = k;
      m.count++;
    }
  bool is_together = last - first + 1 == m.count;
  m.at = is_together ? first : 0;
  auto append = [&](bool is_indexed, int from, int to) {
    for (int k = from; k < to; k++)
      if (by_dim[static_cast<size_t>(k)].defined() == is_indexed) m.order.push_back(k);
  };
  append(false, 0, m.at);
  append(true, 0, x.rank());
  append(false, m.at, x.rank());
  for (int64_t k : m.order)
    m.sizes.push_back(x.size(k));
}

Merged merge(const Tensor& x, const std::vector<Tensor>& indices, const Loc& loc) {
  Merged m;
  std::vector<Tensor> by_dim = positions_by_dim(x, indices, loc);
  order_dims(x, by_dim, m);
  Meta all;
  all.rank = 0;
  std::string shapes;
  for (const Tensor& t : by_dim) {
    if (!t.defined()) continue;
    shapes += (shapes.empty() ? "" : ", ") + t.shape().str();
    if (!broadcast_into(all, t.impl()->meta.sizes, t.rank()))
      refuse("index", ErrorKind::shape, "index tensors must broadcast, got " + shapes, loc);
  }
  m.shape = all.shape();
  for (int k = m.at; k < m.at + m.count; k++) {
    const Tensor& t = by_dim[static_cast<size_t>(m.order[k])];
    m.numbers = k == m.at ? t : m.numbers * m.sizes[k] + t;
  }
  m.numbers = reshape(expand(m.numbers, m.shape), {all.numel()});
  return m;
}

bool is_identity(const Ints& order) {
  for (int k = 0; k < order.size(); k++)
    if (order[k] != k) return false;
  return true;
}

Tensor in_order(const Tensor& x, const Merged& m) {
  Tensor ordered = is_identity(m.order) ? x : permute(x, m.order);
  return m.count == 1 ? ordered : reshape(ordered, m.merged());
}

bool has_tensors(const std::vector<Tensor>& indices) {
  for (const Tensor& t : indices)
    if (t.defined()) return true;
  return false;
}

Tensor read(const Tensor& x, const std::vector<Tensor>& indices, const Loc& loc) {
  Merged m = merge(x, indices, loc);
  const RefusalWords words(kRefused);
  return reshape(composite::gather_along(in_order(x, m), m.at, m.index(), loc), m.result());
}

//===--- Writing -----------------------------------------------------------------------------------

Tensor value_like(const Tensor& x, const Arg& values, const Loc& loc) {
  if (values.is_scalar()) return composite::filled({}, values.scalar(), x.dtype(), x.device(), loc);
  const Meta& m = require_tensor(values, "index_put").meta;
  if (m.dtype != x.dtype())
    refuse("index_put", ErrorKind::dtype,
           "values must have the dtype of x, got " + describe(m) + " for " +
               describe(x.impl()->meta),
           loc);
  return values.tensor();
}

// Values as large as what is written; dims of size 1 too many in front are dropped.
Tensor fitted(Tensor values, const Shape& shape, const Loc& loc) {
  while (values.rank() > shape.size() && values.size(0) == 1)
    values = select(values, 0, 0);
  Meta all = make_meta(shape, values.dtype());
  if (values.rank() > shape.size() ||
      !broadcast_into(all, values.impl()->meta.sizes, values.rank()) || all.shape() != shape)
    refuse("index_put", ErrorKind::shape,
           "values must broadcast to what is written, got " + describe(values.impl()->meta) +
               " for " + shape.str(),
           loc);
  return expand(values, shape);
}

// Where one mask is the only index and no value belongs to one element alone, nothing has to know
// how many elements the mask chooses. Returns no tensor where that is not so.
Tensor put_masked(const Tensor& x, const std::vector<Tensor>& indices, const Tensor& values,
                  bool accumulate, const Loc& loc) {
  int dim = -1;
  for (size_t k = 0; k < indices.size(); k++) {
    if (!indices[k].defined()) continue;
    if (dim >= 0 || !is_mask(indices[k])) return {};
    dim = static_cast<int>(k);
  }
  const Tensor& mask = indices[static_cast<size_t>(dim)];
  check_count(x, indices, loc);
  check_mask(x, mask, dim, loc);
  const int behind = x.rank() - dim - mask.rank();
  const int own = values.rank() - behind; // dims of the values up to that of the chosen elements
  if (own > dim + 1 || (own > 0 && values.size(own - 1) != 1)) return {};
  Shape over = mask.shape(), of_values;
  for (int k = 0; k < behind; k++)
    over.push_back(1);
  for (int k = 0; k < values.rank(); k++)
    for (int n = k == own - 1 ? mask.rank() : 1; n > 0; n--)
      of_values.push_back(values.size(k));
  Tensor put = fitted(reshape(values, of_values), x.shape(), loc);
  return where(reshape(mask, over), accumulate ? x + put : put, x);
}

/// One scatter along the merged dim.
struct Put {
  Merged m;
  Tensor x, from; // in the order of the merged dims
  Op op;

  Put(const Tensor& to, const std::vector<Tensor>& indices, const Tensor& values, bool accumulate,
      const Loc& loc)
      : m(merge(to, indices, loc)), x(in_order(to, m)),
        from(reshape(fitted(values, m.result(), loc), m.index().shape())),
        op(accumulate ? Op::scatter_add : Op::scatter) {}
};

// x after the put, as a new tensor.
Tensor put_anew(const Tensor& x, const std::vector<Tensor>& indices, const Arg& values,
                bool accumulate, const Loc& loc) {
  Tensor from = value_like(x, values, loc);
  if (Tensor r = put_masked(x, indices, from, accumulate, loc); r.defined()) return r;
  const Put put(x, indices, from, accumulate, loc);
  const Merged& m = put.m;
  const RefusalWords words(kRefused);
  Tensor r = composite::scatter_along(put.op, put.x, m.at, m.index(), put.from, loc);
  r = reshape(r, m.sizes);
  if (is_identity(m.order)) return r;
  Dims back = Ints::filled(m.order.size(), 0);
  for (int k = 0; k < m.order.size(); k++)
    back[static_cast<int>(m.order[k])] = k;
  return permute(r, back);
}

// Writes into x. Where its merged dims cannot be had as a view, what is put is computed and
// assigned.
void put_into(const Tensor& x, const std::vector<Tensor>& indices, const Arg& values,
              bool accumulate, const Loc& loc) {
  Tensor from = value_like(x, values, loc);
  Tensor whole = put_masked(x, indices, from, accumulate, loc);
  if (!whole.defined()) {
    const Put put(x, indices, from, accumulate, loc);
    const RefusalWords words(kRefused);
    if (put.x.shares_storage(x))
      return composite::scatter_into(put.op, put.x, put.m.at, put.m.index(), put.from, loc);
    whole = put_anew(x, indices, Arg(from, loc), accumulate, loc);
  }
  x.copy_(Arg(whole, loc));
}

//===--- Entries -----------------------------------------------------------------------------------

/// What the entries without tensors make of x, but for the order of dims that slices with a
/// negative step go through backwards; and the index tensors for its dims.
struct Parsed {
  Tensor view;
  std::vector<Tensor> indices;
  Dims backward;

  Tensor in_order() const { return backward.empty() ? view : flip(view, backward); }
};

// Dims of x that the entries take.
int count_taken(const std::vector<Index>& entries, bool& has_ellipsis, const Loc& loc) {
  int count = 0;
  has_ellipsis = false;
  for (const Index& e : entries) {
    if (e.kind == Index::Kind::ellipsis) {
      if (has_ellipsis)
        refuse("index", ErrorKind::index, "there must be at most one ellipsis, got two", loc);
      has_ellipsis = true;
    }
    if (e.kind == Index::Kind::tensor && !e.tensor.defined())
      refuse("index", ErrorKind::value, "index must be defined, got none", loc);
    count += e.kind == Index::Kind::position || e.kind == Index::Kind::slice ? 1
             : e.kind == Index::Kind::tensor                                 ? taken(e.tensor)
                                                                             : 0;
  }
  return count;
}

class Parser {
public:
  Parser(const Tensor& x, const std::vector<Index>& entries, const Loc& loc)
      : x_(x), view_(x), loc_(loc) {
    bool has_ellipsis;
    const int count = count_taken(entries, has_ellipsis, loc);
    if (count > x.rank())
      refuse("index", ErrorKind::index,
             "there must be at most one index a dim, got " + std::to_string(count) + " for " +
                 describe(x.impl()->meta),
             loc);
    left_ = x.rank() - count;
    for (const Index& e : entries)
      take(e);
  }
  Parsed result() { return {std::move(view_), std::move(indices_), backward_}; }

private:
  int dim() const { return dim_; }
  void keep(int dims) {
    indices_.resize(indices_.size() + static_cast<size_t>(dims));
    dim_ += dims;
  }
  void add(Tensor index) {
    dim_ += taken(index);
    indices_.push_back(std::move(index));
  }
  void take(const Index& e) {
    switch (e.kind) {
    case Index::Kind::position:
      view_ = select(Arg(view_, loc_), dim_, e.position);
      return;
    case Index::Kind::slice:
      take_slice(e.slice);
      return;
    case Index::Kind::newaxis:
      view_ = unsqueeze(Arg(view_, loc_), dim_);
      return keep(1);
    case Index::Kind::ellipsis:
      return keep(left_);
    case Index::Kind::boolean:
      return take_flag(e.position != 0);
    case Index::Kind::tensor:
      if (e.tensor.rank()) return add(e.tensor);
      if (is_mask(e.tensor)) return take_flag(e.tensor.item<bool>(loc_));
      // One position, as in PyTorch: the host reads it.
      view_ = select(Arg(view_, loc_), dim_,
                     composite::as_index("index", e.tensor, loc_).item<int64_t>(loc_));
    }
  }
  void take_slice(const Slice& s) {
    if (s.step.value_or(1) < 0) {
      using Limits = std::numeric_limits<int64_t>;
      const composite::Backward back(view_.size(dim_), s.start.value_or(Limits::max()),
                                     s.stop.value_or(Limits::min()), *s.step);
      view_ = slice(Arg(view_, loc_), dim_, back.first, back.end(), back.step);
      backward_.push_back(dim_);
    } else if (s.start || s.stop || s.step.value_or(1) != 1)
      view_ = slice(Arg(view_, loc_), dim_, s.start.value_or(0),
                    s.stop.value_or(std::numeric_limits<int64_t>::max()), s.step.value_or(1));
    keep(1);
  }
  // A mask without dims chooses a new dim of size 1, or none of it.
  void take_flag(bool on) {
    view_ = unsqueeze(Arg(view_, loc_), dim_);
    add(zeros({on ? 1 : 0}, i64, view_.device(), loc_));
  }

  const Tensor& x_;
  Tensor view_;
  std::vector<Tensor> indices_;
  Dims backward_;
  Loc loc_;
  int dim_ = 0, left_ = 0;
};

// A value for a view that has some dims backwards: turned along those that it does not repeat.
Tensor turned(const Arg& value, const Parsed& p) {
  require_tensor(value, "index_put_");
  Tensor v = value.tensor();
  Dims dims;
  for (int64_t d : p.backward)
    if (const int64_t own = d + v.rank() - p.view.rank(); own >= 0 && v.size(own) > 1)
      dims.push_back(own);
  return dims.empty() ? v : flip(v, dims);
}

Loc line_of(const std::vector<Index>& entries, const Loc& otherwise) {
  return entries.empty() ? otherwise : entries[0].loc;
}

const Tensor& checked_base(const Tensor& x, const Loc& loc) {
  composite::require_defined("index", "the tensor", x, loc);
  return x;
}

} // namespace

Tensor index_put(const Arg& x, const std::vector<Tensor>& indices, const Arg& values,
                 bool accumulate) {
  OpScope scope(x.loc());
  require_tensor(x, "index_put");
  if (!has_tensors(indices))
    refuse("index_put", ErrorKind::value, "there must be at least one index tensor, got none",
           x.loc());
  return put_anew(x.tensor(), indices, values, accumulate, x.loc());
}

void index_put_into(const Arg& x, const std::vector<Tensor>& indices, const Arg& values,
                    bool accumulate) {
  OpScope scope(x.loc());
  require_tensor(x, "index_put");
  if (!has_tensors(indices))
    refuse("index_put", ErrorKind::value, "there must be at least one index tensor, got none",
           x.loc());
  put_into(x.tensor(), indices, values, accumulate, x.loc());
}

Tensor Tensor::index(const std::vector<Index>& entries, Loc loc) const {
  OpScope scope(loc);
  Parsed p = Parser(checked_base(*this, loc), entries, loc).result();
  return has_tensors(p.indices) ? read(p.in_order(), p.indices, loc) : p.in_order();
}

Indexed Tensor::operator[](std::initializer_list<Index> entries) const {
  std::vector<Index> list(entries);
  Loc loc = line_of(list, {});
  return Indexed(*this, std::move(list), loc);
}

Indexed::operator Tensor() const { return base_.index(entries_, loc_); }

void Indexed::operator=(const Arg& value) const {
  OpScope scope(loc_, "index_put_");
  Parsed p = Parser(checked_base(base_, loc_), entries_, loc_).result();
  if (!has_tensors(p.indices)) {
    if (p.backward.empty() || value.is_scalar())
      p.view.copy_(value);
    else
      p.view.copy_(Arg(turned(value, p), loc_));
  } else if (p.backward.empty()) {
    put_into(p.view, p.indices, value, false, loc_);
  } else { // a copy in the order of the entries takes the values
    const Tensor whole = p.in_order();
    put_into(whole, p.indices, value, false, loc_);
    p.view.copy_(Arg(flip(whole, p.backward), loc_));
  }
}

void Indexed::operator+=(const Arg& value) const { *this = add(*this, value); }
void Indexed::operator-=(const Arg& value) const { *this = sub(*this, value); }
void Indexed::operator*=(const Arg& value) const { *this = mul(*this, value); }
void Indexed::operator/=(const Arg& value) const { *this = div(*this, value); }

} // namespace weft
