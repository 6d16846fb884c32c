// Rules of views: sizes, strides and offset of the result; nothing is moved.

#include "runtime/core/rules.h"

namespace weft {

namespace {

void start_like(const TensorImpl& x, Meta& result, int64_t& offset) {
  result = x.meta;
  result.requires_grad = 0;
  offset = x.offset;
}

void check_dim(const OpCall& call, int64_t dim, int rank) {
  if (dim < 0 || dim >= rank)
    fail(call, ErrorKind::index,
         "dim must be in [0, " + std::to_string(rank - 1) + "], got " + std::to_string(dim));
}

} // namespace

bool view_strides(const Meta& x, Meta& result) {
  // Groups of dims of x without gaps between them are cut anew (as torch: computeStride).
  int from = x.rank - 1, to = result.rank - 1;
  while (to >= 0 || from >= 0) {
    while (from >= 0 && x.sizes[from] == 1)
      from--;
    if (from < 0) break;
    int64_t inner = x.strides[from], have = x.sizes[from];
    while (from > 0 && (x.sizes[from - 1] == 1 || x.strides[from - 1] == inner * have)) {
      // a dim of size 1 joins any group
      if (x.sizes[from - 1] != 1) have *= x.sizes[from - 1];
      from--;
    }
    from--;
    int64_t got = 1, step = inner;
    while (to >= 0 && (got < have || result.sizes[to] == 1)) {
      result.strides[to] = step;
      step *= result.sizes[to];
      got *= result.sizes[to];
      to--;
    }
    if (got != have) return false;
  }
  for (; to >= 0; to--) {
    if (result.sizes[to] != 1) return false;
    result.strides[to] = 1;
  }
  result.finish_strided();
  return true;
}

void infer_view(const OpCall& call, Meta& result, int64_t& offset) {
  const TensorImpl& x = *call.operands[0];
  start_like(x, result, offset);
  take_sizes(call, result);
  if (result.numel() != x.meta.numel())
    fail(call, ErrorKind::shape,
         "the shape must have " + std::to_string(x.meta.numel()) + " elements, got " +
             result.shape().str() + " for " + describe(x.meta));
  if (x.meta.contiguous)
    result.set_contiguous();
  else if (!view_strides(x.meta, result))
    fail(call, ErrorKind::shape,
         "strides must allow the shape without a copy, got " + result.shape().str() + " for " +
             describe(x.meta) + " with strides " + Ints(x.meta.strides, x.meta.rank).str() +
             "; use reshape");
}

void infer_permute(const OpCall& call, Meta& result, int64_t& offset) {
  const TensorImpl& x = *call.operands[0];
  start_like(x, result, offset);
  bool seen[kMaxRank] = {};
  bool right = call.structure.size() == x.meta.rank;
  for (size_t k = 0; right && k < call.structure.size(); k++) {
    int64_t d = call.structure[k];
    right = d >= 0 && d < x.meta.rank && !seen[d];
    if (!right) break;
    seen[d] = true;
    result.sizes[k] = x.meta.sizes[d];
    result.strides[k] = x.meta.strides[d];
  }
  if (!right)
    fail(call, ErrorKind::index,
         "dims must name each dim of " + describe(x.meta) + " once, got " +
             Ints(call.structure.data(), std::min<size_t>(call.structure.size(), kMaxRank)).str());
  result.finish_strided();
}

void infer_slice(const OpCall& call, Meta& result, int64_t& offset) {
  const TensorImpl& x = *call.operands[0];
  start_like(x, result, offset);
  int64_t dim = call.structure[0];
  int64_t start = call.sizes[0], length = call.sizes[1], step = call.sizes[2];
  check_dim(call, dim, x.meta.rank);
  int64_t size = x.meta.sizes[dim];
  // The last index is start + (length - 1) * step; written so that nothing can overflow.
  bool fits = start >= 0 && start <= size && length >= 0 && step >= 1 &&
              (length == 0 || (start < size && (length - 1) <= (size - 1 - start) / step));
  if (!fits)
    fail(call, ErrorKind::index,
         "indices must lie in dim " + std::to_string(dim) + " of " + describe(x.meta) +
             ", got start " + std::to_string(start) + ", length " + std::to_string(length) +
             ", step " + std::to_string(step));
  result.sizes[dim] = length;
  offset += start * x.meta.strides[dim];
  if (length > 1) result.strides[dim] *= step;
  result.finish_strided();
}

void infer_expand(const OpCall& call, Meta& result, int64_t& offset) {
  const TensorImpl& x = *call.operands[0];
  start_like(x, result, offset);
  take_sizes(call, result);
  int shift = result.rank - x.meta.rank;
  bool right = shift >= 0;
  for (int k = 0; right && k < result.rank; k++) {
    bool added = k < shift;
    int64_t size = added ? 1 : x.meta.sizes[k - shift];
    if (result.sizes[k] == size)
      result.strides[k] = added ? 0 : x.meta.strides[k - shift];
    else if (size == 1)
      result.strides[k] = 0;
    else
      right = false;
  }
  if (!right)
    fail(call, ErrorKind::shape,
         "the shape must extend dims of size 1 only, got " + result.shape().str() + " for " +
             describe(x.meta));
  result.finish_strided();
}

// sizes: offset, shape..., strides...
void infer_strided_view(const OpCall& call, Meta& result, int64_t& offset) {
  const TensorImpl& x = *call.operands[0];
  start_like(x, result, offset);
  if (x.meta.rank != 1 || call.sizes.size() % 2 == 0)
    fail(call, ErrorKind::shape,
         "the operand must have one dim and each size a stride, got " + describe(x.meta) + " and " +
             std::to_string(call.sizes.size()) + " integers");
  const size_t rank = call.sizes.size() / 2;
  const std::span<const int64_t> strides = call.sizes.subspan(1 + rank);
  OpCall shape = call;
  shape.sizes = call.sizes.subspan(1, rank);
  take_sizes(shape, result);
  const bool is_empty = result.numel() == 0;
  const int64_t start = call.sizes[0], count = x.meta.sizes[0];
  bool fits = start >= 0 && start <= count;
  __int128 last = start; // the last element's position, which no int64_t need hold
  for (size_t k = 0; fits && k < rank; k++) {
    if (!is_empty) last += static_cast<__int128>(result.sizes[k] - 1) * strides[k];
    fits = strides[k] >= 0 && (is_empty || last < count);
    if (fits) result.strides[k] = result.sizes[k] > 1 ? strides[k] * x.meta.strides[0] : 1;
  }
  if (!fits || (!is_empty && last >= count))
    fail(call, ErrorKind::index,
         "elements must lie in the tensor's memory, which has " + std::to_string(count) +
             ", got offset " + std::to_string(start) + ", shape " + result.shape().str() +
             " and strides " + Ints(strides.data(), static_cast<int>(rank)).str());
  offset += start * x.meta.strides[0];
  if (is_empty) return result.set_contiguous();
  result.finish_strided();
}

void infer_flip_view(const OpCall& call, Meta& result, int64_t& offset) {
  const TensorImpl& x = *call.operands[0];
  start_like(x, result, offset);
  for (int64_t dim : call.structure) {
    check_dim(call, dim, x.meta.rank);
    if (result.sizes[dim] > 1) offset += (result.sizes[dim] - 1) * result.strides[dim];
    result.strides[dim] = -result.strides[dim];
  }
  result.finish_strided();
}

void infer_diagonal_view(const OpCall& call, Meta& result, int64_t& offset) {
  const TensorImpl& x = *call.operands[0];
  start_like(x, result, offset);
  const int64_t a = call.structure[0], b = call.structure[1];
  check_dim(call, a, x.meta.rank);
  check_dim(call, b, x.meta.rank);
  if (a == b || x.meta.sizes[a] != x.meta.sizes[b])
    fail(call, ErrorKind::shape,
         "dims must be two of one size, got " + std::to_string(a) + " and " + std::to_string(b) +
             " for " + describe(x.meta));
  int next = 0;
  for (int k = 0; k < x.meta.rank; k++)
    if (k != a && k != b) {
      result.sizes[next] = x.meta.sizes[k];
      result.strides[next++] = x.meta.strides[k];
    }
  result.sizes[next] = x.meta.sizes[a];
  result.strides[next++] = x.meta.strides[a] + x.meta.strides[b];
  result.rank = static_cast<uint8_t>(next);
  result.finish_strided();
}

} // namespace weft
