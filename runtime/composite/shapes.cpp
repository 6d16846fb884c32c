// The user's forms of views: sizes with -1, negative dims and positions, copies where a view cannot
// be had.

#include "runtime/composite/backward_slice.h"
#include "runtime/composite/composite.h"
#include "runtime/core/call.h"
#include "runtime/core/op_scope.h"
#include "runtime/core/rules.h"
#include "weft/ops.h"

namespace weft {

using composite::refuse;

namespace {

// Replaces a single -1 by what the number of elements leaves.
Shape resolve(const char* op, const Arg& x, const Meta& m, const Shape& shape) {
  Shape r = shape;
  int open = -1;
  int64_t known = 1, step = 1; // strides go on behind a size of 0
  bool right = true;
  for (int k = 0; k < r.size(); k++) {
    if (r[k] == -1 && open < 0)
      open = k;
    else
      right = right && r[k] >= 0 && !__builtin_mul_overflow(known, r[k], &known) &&
              !__builtin_mul_overflow(step, std::max<int64_t>(r[k], 1), &step);
  }
  int64_t n = m.numel();
  if (right && open >= 0) {
    right = known > 0 && n % known == 0;
    if (right) r[open] = n / known;
  } else {
    right = right && known == n;
  }
  if (!right)
    refuse(op, ErrorKind::shape,
           "the shape must have " + std::to_string(n) + " elements, and one size may be -1, got " +
               shape.str() + " for " + describe(m),
           x.loc());
  return r;
}

Tensor view_as(const Arg& x, const Shape& sizes) {
  return primitive(Op::view, {&x}, {}, {}, sizes, x.loc());
}

Tensor primitive_slice(const Arg& x, int64_t dim, int64_t first, int64_t length, int64_t step) {
  const int64_t structure[] = {dim}, sizes[] = {first, length, step};
  return primitive(Op::slice, {&x}, {}, structure, sizes, x.loc());
}

bool is_empty_list(const Tensor& t) { return t.rank() == 1 && t.size(0) == 0; }

} // namespace

Tensor reshape(const Arg& x, const Shape& shape) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "reshape").meta;
  Shape sizes = resolve("reshape", x, m, shape);
  Meta probe = make_meta(sizes, m.dtype);
  if (m.contiguous || view_strides(m, probe)) return view_as(x, sizes);
  return view_as(x.tensor().clone(), sizes);
}

Tensor view(const Arg& x, const Shape& shape) {
  OpScope scope(x.loc());
  return view_as(x, resolve("view", x, require_tensor(x, "view").meta, shape));
}

Tensor permute(const Arg& x, const Dims& dims) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "permute").meta;
  Ints order;
  for (int64_t d : dims)
    order.push_back(normalize_dim(d, m.rank, "permute", x.loc()));
  return primitive(Op::permute, {&x}, {}, order, {}, x.loc());
}

Tensor transpose(const Arg& x, int64_t dim0, int64_t dim1) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "transpose").meta;
  int a = normalize_dim(dim0, m.rank, "transpose", x.loc());
  int b = normalize_dim(dim1, m.rank, "transpose", x.loc());
  Ints order;
  for (int k = 0; k < m.rank; k++)
    order.push_back(k == a ? b : k == b ? a : k);
  return primitive(Op::permute, {&x}, {}, order, {}, x.loc());
}

Tensor flatten(const Arg& x, int64_t start_dim, int64_t end_dim) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "flatten").meta;
  if (m.rank == 0) return view_as(x, {1});
  int from = normalize_dim(start_dim, m.rank, "flatten", x.loc());
  int to = normalize_dim(end_dim, m.rank, "flatten", x.loc());
  if (from > to)
    refuse("flatten", ErrorKind::index,
           "start_dim must not come after end_dim, got " + std::to_string(start_dim) + " and " +
               std::to_string(end_dim),
           x.loc());
  Shape sizes;
  for (int k = 0; k < m.rank; k++) {
    if (k > from && k <= to)
      sizes[sizes.size() - 1] *= m.sizes[k];
    else
      sizes.push_back(m.sizes[k]);
  }
  return reshape(x, sizes);
}

Tensor squeeze(const Arg& x, const Dims& dims) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "squeeze").meta;
  bool chosen[kMaxRank] = {};
  for (int64_t d : dims) {
    int k = normalize_dim(d, m.rank, "squeeze", x.loc());
    if (chosen[k])
      refuse("squeeze", ErrorKind::index, "dims must differ, got " + dims.str(), x.loc());
    chosen[k] = true;
  }
  Shape sizes;
  for (int k = 0; k < m.rank; k++)
    if (m.sizes[k] != 1 || !(dims.empty() || chosen[k])) sizes.push_back(m.sizes[k]);
  return view_as(x, sizes);
}

Tensor unsqueeze(const Arg& x, int64_t dim) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "unsqueeze").meta;
  int at = normalize_dim(dim, m.rank + 1, "unsqueeze", x.loc());
  Shape sizes;
  for (int k = 0; k <= m.rank; k++) {
    if (k == at) sizes.push_back(1);
    if (k < m.rank) sizes.push_back(m.sizes[k]);
  }
  return view_as(x, sizes);
}

Tensor expand(const Arg& x, const Shape& shape) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "expand").meta;
  Shape sizes = shape;
  int shift = sizes.size() - m.rank;
  for (int k = 0; k < sizes.size(); k++)
    if (sizes[k] == -1 && k >= shift && shift >= 0) sizes[k] = m.sizes[k - shift];
  return primitive(Op::expand, {&x}, {}, {}, sizes, x.loc());
}

Tensor slice(const Arg& x, int64_t dim, int64_t start, int64_t end, int64_t step) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "slice").meta;
  if (m.rank == 0)
    refuse("slice", ErrorKind::index, "the tensor must have dims, got " + describe(m), x.loc());
  if (step == 0) refuse("slice", ErrorKind::value, "step must not be 0, got 0", x.loc());
  int64_t d = normalize_dim(dim, m.rank, "slice", x.loc());
  int64_t size = m.sizes[d];
  if (step < 0) {
    const composite::Backward back(size, start, end, step);
    return flip(primitive_slice(x, d, back.first, back.length, back.step), d);
  }
  auto limited = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + size : v, 0, size); };
  int64_t from = limited(start), to = limited(end);
  int64_t length = to > from ? (to - from - 1) / step + 1 : 0;
  return primitive_slice(x, d, from, length, step);
}

Tensor select(const Arg& x, int64_t dim, int64_t index) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "select").meta;
  if (m.rank == 0)
    refuse("select", ErrorKind::index, "the tensor must have dims, got " + describe(m), x.loc());
  int64_t d = normalize_dim(dim, m.rank, "select", x.loc());
  int64_t size = m.sizes[d];
  if (index < -size || index >= size)
    refuse("select", ErrorKind::index,
           "index must be in [" + std::to_string(-size) + ", " + std::to_string(size - 1) +
               "], got " + std::to_string(index) + " for dim " + std::to_string(d) + " of " +
               describe(m),
           x.loc());
  Shape rest;
  for (int k = 0; k < m.rank; k++)
    if (k != d) rest.push_back(m.sizes[k]);
  return view_as(primitive_slice(x, d, index < 0 ? index + size : index, 1, 1), rest);
}

Tensor concatenate(const std::vector<Tensor>& tensors, int64_t dim, Loc loc) {
  OpScope scope(loc);
  if (tensors.empty())
    refuse("concatenate", ErrorKind::value, "there must be at least one tensor, got none", loc);
  DType dtype{};
  int rank = -1; // of the tensors that are not empty and 1-d: those join any others, as in PyTorch
  for (size_t k = 0; k < tensors.size(); k++) {
    if (!tensors[k].defined())
      refuse("concatenate", ErrorKind::value,
             "tensor " + std::to_string(k + 1) + " must be defined, got none", loc);
    dtype = k ? promote_types(dtype, tensors[k].dtype()) : tensors[k].dtype();
    if (rank < 0 && !is_empty_list(tensors[k])) rank = tensors[k].rank();
  }
  bool only_empty_lists = rank < 0;
  if (only_empty_lists) rank = 1;
  if (rank == 0)
    refuse("concatenate", ErrorKind::shape, "tensors must have dims, got a 0-d one", loc);
  int64_t structure[] = {normalize_dim(dim, rank, "concatenate", loc)};
  std::vector<Tensor> parts;
  std::vector<TensorImpl*> operands;
  for (const Tensor& t : tensors)
    if (only_empty_lists || rank == 1 || !is_empty_list(t)) parts.push_back(t.to(dtype, loc));
  for (const Tensor& t : parts)
    operands.push_back(t.impl());
  OpCall call;
  call.op = Op::concatenate;
  call.operands = operands;
  call.structure = structure;
  call.loc = &loc;
  return Tensor::adopt(dispatch(call));
}

} // namespace weft
