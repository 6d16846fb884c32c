// Rules of ops that read an index from memory, and of scans and sorts.

#include "runtime/core/rules.h"

namespace weft {

namespace {

void check_dim(const OpCall& call, const Meta& x) {
  int64_t dim = call.structure[0];
  if (dim < 0 || dim >= x.rank)
    fail(call, ErrorKind::index,
         "dim must be a dim of " + describe(x) + ", got " + std::to_string(dim));
}

void result_like(const OpCall& call, const Meta& sizes, DType dtype, Meta& result) {
  result = sizes;
  result.dtype = dtype;
  result.requires_grad = 0;
  check_extent(call, result);
  result.set_contiguous();
}

// `index` names positions along the dim, in a window of x's other dims.
void check_index(const OpCall& call, const Meta& x, const Meta& index) {
  check_dim(call, x);
  if (index.dtype != DType::i64)
    fail(call, ErrorKind::dtype, "index must be i64, got " + describe(index));
  bool fits = index.rank == x.rank;
  for (int k = 0; fits && k < x.rank; k++)
    fits = k == call.structure[0] || index.sizes[k] <= x.sizes[k];
  if (!fits)
    fail(call, ErrorKind::shape,
         "index must have the rank of x, and but for dim " + std::to_string(call.structure[0]) +
             " no size above that of x, got " + describe(index) + " for " + describe(x));
}

} // namespace

void infer_gather(const OpCall& call, Meta& result, int64_t&) {
  const Meta &x = call.operands[0]->meta, &index = call.operands[1]->meta;
  check_index(call, x, index);
  result_like(call, index, x.dtype, result);
}

void infer_scatter(const OpCall& call, Meta& result, int64_t&) {
  const Meta &x = call.operands[0]->meta, &index = call.operands[1]->meta,
             &src = call.operands[2]->meta;
  check_index(call, x, index);
  if (src.dtype != x.dtype || src.shape() != index.shape())
    fail(call, ErrorKind::shape,
         "src must have the dtype of x and the shape of index, got " + describe_operands(call));
  result_like(call, x, x.dtype, result);
}

void infer_scatter_add(const OpCall& call, Meta& result, int64_t& offset) {
  infer_scatter(call, result, offset);
}

void infer_scatter_fold(const OpCall& call, Meta& result, int64_t& offset) {
  infer_scatter(call, result, offset);
}

void infer_scan(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_dim(call, x);
  if (x.dtype == DType::boolean)
    fail(call, ErrorKind::dtype, "the operand must have numbers, got " + describe(x));
  if (call.structure[1] < 0 || call.structure[1] > 2)
    fail(call, ErrorKind::value,
         "the fold must be 0, 1 or 2, got " + std::to_string(call.structure[1]));
  if (call.structure[1] > 1 && !is_floating(x.dtype))
    fail(call, ErrorKind::dtype,
         "a logarithmic sum must be of a floating operand, got " + describe(x));
  result_like(call, x, x.dtype, result);
}

void infer_scan_position(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_dim(call, x);
  result_like(call, x, DType::i64, result);
}

void infer_recurrence(const OpCall& call, Meta& result, int64_t&) {
  const Meta &a = call.operands[0]->meta, &b = call.operands[1]->meta;
  check_dim(call, a);
  if (!is_floating(a.dtype) || a.dtype != b.dtype || a.shape() != b.shape())
    fail(call, ErrorKind::shape,
         "operands must have one shape and floating dtype, got " + describe_operands(call));
  result_like(call, a, a.dtype, result);
}

void infer_sort_positions(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_dim(call, x);
  const int64_t dim = call.structure[0], count = call.sizes[0];
  if (count < 0 || count > x.sizes[dim])
    fail(call, ErrorKind::value,
         "count must be in 0 .. " + std::to_string(x.sizes[dim]) + ", got " +
             std::to_string(count));
  Meta sizes = x;
  sizes.sizes[dim] = count;
  result_like(call, sizes, DType::i64, result);
}

void infer_nonzero_positions(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  const int64_t count = call.sizes[0];
  if (count < 0 || count > x.numel())
    fail(call, ErrorKind::value,
         "count must be in 0 .. " + std::to_string(x.numel()) + ", got " + std::to_string(count));
  result_like(call, make_meta({count, x.rank}, DType::i64, x.device), DType::i64, result);
}

void infer_search_sorted(const OpCall& call, Meta& result, int64_t&) {
  const Meta &sorted = call.operands[0]->meta, &values = call.operands[1]->meta;
  bool fits = sorted.dtype == values.dtype && sorted.rank > 0 && values.rank > 0 &&
              (sorted.rank == 1 || sorted.rank == values.rank);
  for (int k = 0; fits && k + 1 < sorted.rank; k++)
    fits = sorted.sizes[k] == values.sizes[k];
  if (!fits)
    fail(call, ErrorKind::shape,
         "operands must have one dtype and agree in all dims but the last, got " +
             describe_operands(call));
  result_like(call, values, DType::i64, result);
}

} // namespace weft
