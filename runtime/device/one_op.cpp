// One builder a kind of op; below them what they share.
#include "runtime/device/one_op.h"

#include <algorithm>

namespace weft::device {

namespace {

Address address_of(const TensorImpl& t) { return t.data(); }

/// Dims that several arrays are walked along: sizes, and a stride of each array.
struct Walk {
  std::vector<int64_t> sizes;
  std::vector<std::vector<int64_t>> strides; // by dim, then by array

  void add(int64_t size, std::vector<int64_t> of_arrays) {
    if (size == 1) return;
    // Merged with the dim before it where every array steps over it evenly.
    if (!sizes.empty()) {
      std::vector<int64_t>& outer = strides.back();
      bool fits = true;
      for (size_t a = 0; a < of_arrays.size(); a++)
        fits &= outer[a] == of_arrays[a] * size;
      if (fits) {
        sizes.back() *= size;
        outer = std::move(of_arrays);
        return;
      }
    }
    sizes.push_back(size);
    strides.push_back(std::move(of_arrays));
  }
  size_t rank() const { return sizes.size(); }
  bool is_single(size_t array) const {
    return std::all_of(strides.begin(), strides.end(),
                       [&](const auto& s) { return s[array] == 0; });
  }
  /// Says whether the array's elements follow one another.
  bool is_flat(size_t array) const {
    return rank() == 0 || (rank() == 1 && strides[0][array] == 1);
  }
};

Meta meta_of(DType dtype, const std::vector<int64_t>& sizes) {
  Meta m;
  m.dtype = dtype;
  m.rank = static_cast<uint8_t>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), m.sizes);
  m.set_contiguous();
  return m;
}

/// A leaf along all dims of a walk: with strides of its own, also where they leave no gaps.
Meta strided_meta(DType dtype, const Walk& walk, size_t array) {
  Meta m = meta_of(dtype, walk.sizes);
  for (size_t d = 0; d < walk.rank(); d++)
    m.strides[d] = walk.strides[d][array];
  m.contiguous = 0;
  return m;
}

int64_t stride_at(const Meta& m, int dim, int result_rank) {
  int own = dim - (result_rank - m.rank);
  return own < 0 || m.sizes[own] == 1 ? 0 : m.strides[own];
}

/// Numbers operands: tensors become leaves in order, numbers scalars.
template <class F> void number_operands(const OpCall& call, OneOp& one, F leaf_of) {
  int32_t scalar = 0;
  for (size_t k = 0; k < call.operands.size(); k++)
    one.operands.push_back(call.operands[k] ? leaf_of(k) : -1 - scalar++);
}

Walk walk_of(const std::vector<const TensorImpl*>& arrays, const Meta& result) {
  Walk walk;
  for (int d = 0; d < result.rank; d++) {
    std::vector<int64_t> strides;
    for (const TensorImpl* t : arrays)
      strides.push_back(stride_at(t->meta, d, result.rank));
    walk.add(result.sizes[d], std::move(strides));
  }
  return walk;
}

// Leading dims of size 1, so that few ranks occur.
void pad(Walk& walk, size_t arrays) {
  size_t padded = walk.rank() <= 2 ? 2 : walk.rank() <= 4 ? 4 : kMaxRank;
  size_t missing = padded - walk.rank();
  walk.sizes.insert(walk.sizes.begin(), missing, 1);
  walk.strides.insert(walk.strides.begin(), missing, std::vector<int64_t>(arrays));
}

OneOp merge_pointwise(const OpCall& call, const TensorImpl& result) {
  OneOp one;
  one.in_place = call.in_place;
  one.structure.assign(call.structure.begin(), call.structure.end());
  std::vector<const TensorImpl*> arrays{&result};
  for (const TensorImpl* t : call.operands)
    if (t) arrays.push_back(t);
  Walk walk = walk_of(arrays, result.meta);
  // What gives the result its shape must have that shape: another array, or one of the operands.
  const bool one_element = walk.rank() == 0;
  size_t shaped = call.in_place ? 0 : 1;
  while (shaped < arrays.size() && (one_element || walk.is_single(shaped)))
    shaped++;
  if (shaped == arrays.size()) shaped = std::min<size_t>(1, arrays.size() - 1);
  bool flat = true;
  std::vector<bool> single(arrays.size());
  for (size_t a = 0; a < arrays.size(); a++) {
    single[a] = a > 0 && a != shaped && !one_element && walk.is_single(a);
    flat &= single[a] || walk.is_flat(a);
  }
  if (flat)
    walk.sizes = {result.meta.numel()};
  else
    pad(walk, arrays.size());
  if (!call.in_place) one.result = meta_of(result.meta.dtype, walk.sizes);
  size_t array = 0;
  number_operands(call, one, [&](size_t k) {
    const TensorImpl& t = *call.operands[k];
    array++;
    if (call.in_place && k > 0 && call.operands[k] == call.operands[0]) return 0;
    Meta m = single[array] ? meta_of(t.meta.dtype, {})
             : flat        ? meta_of(t.meta.dtype, walk.sizes)
                           : strided_meta(t.meta.dtype, walk, array);
    one.leaves.push_back({address_of(t), m});
    return static_cast<int32_t>(one.leaves.size()) - 1;
  });
  return one;
}

/// Dims of a reduction, neighbours of one kind as one, sizes of 1 left out.
struct Runs {
  std::vector<int64_t> sizes;
  std::vector<bool> reduced;

  Runs(const Meta& m, const bool* is_reduced) {
    for (int d = 0; d < m.rank; d++) {
      if (m.sizes[d] == 1) continue;
      if (!reduced.empty() && reduced.back() == is_reduced[d]) {
        sizes.back() *= m.sizes[d];
        continue;
      }
      sizes.push_back(m.sizes[d]);
      reduced.push_back(is_reduced[d]);
    }
    if (!sizes.empty()) return;
    sizes = {1}; // one element
    reduced = {true};
  }
  size_t reduced_runs() const {
    return static_cast<size_t>(std::count(reduced.begin(), reduced.end(), true));
  }
};

// Row-major and reduced along neighbours: [outer, reduced, inner], of which two may be missing.
OneOp merge_runs(const Runs& runs, const TensorImpl& x, DType result) {
  OneOp one;
  one.structure = {0};
  std::vector<int64_t> kept;
  for (size_t k = 0; k < runs.sizes.size(); k++)
    if (runs.reduced[k])
      one.structure.push_back(static_cast<int64_t>(k));
    else
      kept.push_back(runs.sizes[k]);
  one.leaves.push_back({address_of(x), meta_of(x.meta.dtype, runs.sizes)});
  one.result = meta_of(result, kept);
  return one;
}

// Otherwise what is kept comes first, in the order of memory of the result.
std::optional<OneOp> merge_strided(const bool* is_reduced, const TensorImpl& x, DType result) {
  const Meta& m = x.meta;
  Walk points, elements;
  for (int d = 0; d < m.rank; d++)
    (is_reduced[d] ? elements : points).add(m.sizes[d], {m.strides[d]});
  if (!elements.rank()) { // one element a point
    elements.sizes = {1};
    elements.strides = {{0}};
  }
  if (points.rank() + elements.rank() > kMaxRank) return std::nullopt;
  OneOp one;
  one.structure = {0};
  one.result = meta_of(result, points.sizes);
  for (size_t d = 0; d < elements.rank(); d++) {
    one.structure.push_back(static_cast<int64_t>(points.rank()));
    points.sizes.push_back(elements.sizes[d]);
    points.strides.push_back(elements.strides[d]);
  }
  one.leaves.push_back({address_of(x), strided_meta(m.dtype, points, 0)});
  return one;
}

std::optional<OneOp> merge_reduction(const OpCall& call, const TensorImpl& result) {
  const TensorImpl& x = *call.operands[0];
  bool reduced[kMaxRank] = {};
  for (int64_t d : call.structure.subspan(1))
    reduced[d] = true;
  Runs runs(x.meta, reduced);
  std::optional<OneOp> one;
  if (x.meta.contiguous && runs.reduced_runs() == 1)
    one = merge_runs(runs, x, result.meta.dtype);
  else
    one = merge_strided(reduced, x, result.meta.dtype);
  if (one) one->operands = {0};
  return one;
}

/// One factor: its last two dims, and its strides along the batch.
struct Factor {
  const TensorImpl* tensor;
  int64_t rows, columns, row_stride, column_stride;

  Factor(const TensorImpl& t, bool is_left) : tensor(&t) {
    const Meta& m = t.meta;
    bool vector = m.rank == 1;
    rows = vector ? (is_left ? 1 : m.sizes[0]) : m.sizes[m.rank - 2];
    columns = vector ? (is_left ? m.sizes[0] : 1) : m.sizes[m.rank - 1];
    row_stride = vector ? (is_left ? 0 : m.strides[0]) : m.strides[m.rank - 2];
    column_stride = vector ? (is_left ? m.strides[0] : 0) : m.strides[m.rank - 1];
  }
  int64_t batch_stride(int dim, int batch_rank) const {
    int own = dim - (batch_rank - std::max(tensor->meta.rank - 2, 0));
    return own < 0 || tensor->meta.sizes[own] == 1 ? 0 : tensor->meta.strides[own];
  }
};

OneOp merge_matmul(const OpCall& call, const TensorImpl& result) {
  OneOp one;
  Factor a(*call.operands[0], true), b(*call.operands[1], false);
  int batch_rank = result.meta.rank - (a.tensor->meta.rank > 1) - (b.tensor->meta.rank > 1);
  Walk batch;
  for (int d = 0; d < batch_rank; d++)
    batch.add(result.meta.sizes[d], {a.batch_stride(d, batch_rank), b.batch_stride(d, batch_rank)});
  // Rows of all slices are rows of one product where the right factor is the same for all.
  if (batch.rank() == 1 && batch.strides[0][1] == 0 &&
      batch.strides[0][0] == a.row_stride * a.rows) {
    a.rows *= batch.sizes[0];
    batch = {};
  }
  auto add = [&](const Factor& f, size_t array) {
    Walk walk = batch;
    walk.sizes.insert(walk.sizes.end(), {f.rows, f.columns});
    for (auto& strides : walk.strides)
      strides = {strides[array]};
    walk.strides.push_back({f.row_stride});
    walk.strides.push_back({f.column_stride});
    Meta m = strided_meta(f.tensor->meta.dtype, walk, 0);
    Meta flat = meta_of(m.dtype, walk.sizes);
    bool gaps = false;
    for (int d = 0; d < m.rank; d++)
      gaps |= m.sizes[d] != 1 && m.strides[d] != flat.strides[d];
    one.leaves.push_back({address_of(*f.tensor), gaps ? m : flat});
  };
  add(a, 0);
  add(b, 1);
  one.operands = {0, 1};
  std::vector<int64_t> sizes = batch.sizes;
  sizes.insert(sizes.end(), {a.rows, b.columns});
  one.result = meta_of(result.meta.dtype, sizes);
  return one;
}

OneOp merge_source(const OpCall& call, const TensorImpl& result) {
  OneOp one;
  one.structure.assign(call.structure.begin(), call.structure.end());
  one.sizes = {result.meta.numel()};
  one.result = meta_of(result.meta.dtype, one.sizes);
  return one;
}

// As the call is, but for gaps in its operands.
OneOp as_called(const OpCall& call, const TensorImpl& result) {
  OneOp one;
  one.structure.assign(call.structure.begin(), call.structure.end());
  one.sizes.assign(call.sizes.begin(), call.sizes.end());
  number_operands(call, one, [&](size_t k) {
    one.leaves.push_back({address_of(*call.operands[k]), call.operands[k]->meta});
    return static_cast<int32_t>(one.leaves.size()) - 1;
  });
  one.result = result.meta;
  return one;
}

/// A meta as a program's segment has it: sizes that are arguments are any but 1.
Meta structure_of(Meta m, bool sizes_matter) {
  for (int d = 0; d < m.rank; d++)
    if (!sizes_matter || m.sizes[d] != 1) m.sizes[d] = 2;
  bool contiguous = m.contiguous;
  m.set_contiguous();
  m.contiguous = contiguous;
  m.device = Device::cpu();
  m.requires_grad = 0;
  return m;
}

bool sizes_matter(const OpCall& call) {
  return info(call.op).kind == OpKind::structured && call.op != Op::matmul;
}

template <class T> void append(std::string& text, const T& value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

} // namespace

std::string OneOp::key(const OpCall& call) const {
  std::string text;
  append(text, call.op);
  append(text, in_place);
  for (int32_t o : operands)
    append(text, o);
  for (const Leaf& l : leaves)
    append(text, structure_of(l.meta, sizes_matter(call)).structure());
  append(text, result.dtype);
  append(text, result.rank);
  for (int d = 0; d < result.rank; d++) // which of a result's sizes are 1 is structure too
    append(text, sizes_matter(call) && result.sizes[d] == 1);
  for (const Scalar& s : call.scalars)
    append(text, s.kind);
  for (int64_t s : structure)
    append(text, s);
  for (int64_t s : sizes)
    append(text, sizes_matter(call) && s == 1);
  return text;
}

Segment OneOp::segment(const OpCall& call) const {
  Segment s;
  s.generic = true;
  bool ones = sizes_matter(call);
  auto add_value = [&](const Meta& m, bool is_leaf) {
    auto number = static_cast<int32_t>(s.values.size());
    s.values.push_back({structure_of(m, ones), number, is_leaf});
    return number;
  };
  for (const Leaf& l : leaves)
    s.leaves.push_back(add_value(l.meta, true));
  SegmentOp op;
  op.op = info(call.op).name;
  op.in_place = in_place;
  op.operands = operands;
  op.structure = structure;
  for (int64_t size : sizes)
    op.sizes.push_back(ones && size == 1 ? 1 : 2);
  for (const Scalar& scalar : call.scalars)
    s.scalars.push_back(scalar.kind);
  auto numbers = static_cast<int32_t>(
      std::count_if(operands.begin(), operands.end(), [](int32_t o) { return o < 0; }));
  for (auto k = numbers; k < static_cast<int32_t>(call.scalars.size()); k++)
    op.scalar_attributes.push_back(k);
  if (!in_place) op.result = add_value(result, false);
  op.location = 0;
  s.locations.push_back({});
  s.outputs.push_back(in_place ? 0 : op.result);
  s.ops.push_back(std::move(op));
  return s;
}

std::optional<OneOp> merge_call(const OpCall& call, const TensorImpl& result) {
  std::optional<OneOp> one;
  switch (info(call.op).kind) {
  case OpKind::pointwise:
    one = merge_pointwise(call, result);
    break;
  case OpKind::reduction:
    one = merge_reduction(call, result);
    break;
  case OpKind::source:
    one = merge_source(call, result);
    break;
  case OpKind::structured:
    if (call.in_place) return std::nullopt; // scatters: they write some elements of their target
    one = call.op == Op::matmul ? merge_matmul(call, result) : as_called(call, result);
    break;
  case OpKind::view:
    return std::nullopt;
  }
  if (one && !one->in_place) one->output = result.data();
  return one;
}

} // namespace weft::device
