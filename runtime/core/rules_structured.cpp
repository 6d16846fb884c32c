// Rules of ops with a kernel of their own, and of sources.

#include "runtime/core/rules.h"

namespace weft {

void infer_matmul(const OpCall& call, Meta& result, int64_t&) {
  const Meta& a = call.operands[0]->meta;
  const Meta& b = call.operands[1]->meta;
  if (a.dtype != b.dtype || a.dtype == DType::boolean)
    fail(call, ErrorKind::dtype,
         "operands must be numbers of one dtype, got " + describe_operands(call));
  if (!a.rank || !b.rank)
    fail(call, ErrorKind::shape,
         "operands must have at least one dim, got " + describe_operands(call));
  int64_t inner_a = a.sizes[a.rank - 1];
  int64_t inner_b = b.sizes[b.rank == 1 ? 0 : b.rank - 2];
  result.rank = 0;
  bool fits = inner_a == inner_b;
  if (a.rank > 2) fits = fits && broadcast_into(result, a.sizes, a.rank - 2);
  if (b.rank > 2) fits = fits && broadcast_into(result, b.sizes, b.rank - 2);
  if (!fits)
    fail(call, ErrorKind::shape,
         "the last dim of a must equal the second to last of b, and batch dims must broadcast, "
         "got " +
             describe_operands(call));
  if (a.rank > 1) result.sizes[result.rank++] = a.sizes[a.rank - 2];
  if (b.rank > 1) result.sizes[result.rank++] = b.sizes[b.rank - 1];
  result.dtype = a.dtype;
  result.device = a.device;
  check_extent(call, result);
  result.set_contiguous();
}

void infer_concatenate(const OpCall& call, Meta& result, int64_t&) {
  if (call.operands.empty())
    fail(call, ErrorKind::value, "there must be at least one tensor, got none");
  const Meta& first = call.operands[0]->meta;
  int64_t dim = call.structure[0];
  if (dim < 0 || dim >= first.rank)
    fail(call, ErrorKind::index,
         "dim must be a dim of " + describe(first) + ", got " + std::to_string(dim));
  result.rank = first.rank;
  std::copy_n(first.sizes, first.rank, result.sizes);
  result.sizes[dim] = 0;
  for (const TensorImpl* t : call.operands) {
    bool fits = t->meta.rank == first.rank && t->meta.dtype == first.dtype;
    for (int k = 0; fits && k < first.rank; k++)
      fits = k == dim || t->meta.sizes[k] == first.sizes[k];
    if (!fits || __builtin_add_overflow(result.sizes[dim], t->meta.sizes[dim], &result.sizes[dim]))
      fail(call, ErrorKind::shape,
           "operands must agree in dtype and in every dim but " + std::to_string(dim) + ", got " +
               describe_operands(call));
  }
  result.dtype = first.dtype;
  result.device = first.device;
  check_extent(call, result);
  result.set_contiguous();
}

void infer_source(const OpCall& call, Meta& result, int64_t&) {
  result.dtype = given_dtype(call);
  result.device = call.device;
  take_sizes(call, result);
  result.set_contiguous();
}

} // namespace weft
