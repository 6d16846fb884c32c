// The rule of reductions. structure: keepdim, then the reduced dims in ascending order.

#include "runtime/core/rules.h"

namespace weft {

void infer_reduction(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  const OpInfo& i = info(call.op);
  bool keepdim = call.structure[0] != 0;
  std::span<const int64_t> dims = call.structure.subspan(1);
  result.rank = 0;
  bool reduces_nothing = false, has_results = true;
  size_t next = 0;
  for (int k = 0; k < x.rank; k++) {
    bool reduced = next < dims.size() && dims[next] == k;
    if (reduced) {
      next++;
      reduces_nothing |= x.sizes[k] == 0;
      if (keepdim) result.sizes[result.rank++] = 1;
    } else {
      has_results &= x.sizes[k] != 0;
      result.sizes[result.rank++] = x.sizes[k];
    }
  }
  if (next != dims.size())
    fail(call, ErrorKind::index,
         "dims must be dims of " + describe(x) + " in ascending order, got " +
             Ints(dims.data(), std::min<size_t>(dims.size(), kMaxRank)).str());
  if (reduces_nothing && has_results && i.needs_elements)
    fail(call, ErrorKind::shape, "the reduced dims must have elements, got " + describe(x));
  switch (i.result) {
  case OpResult::index:
    result.dtype = DType::i64;
    break;
  case OpResult::boolean:
    result.dtype = DType::boolean;
    break;
  case OpResult::wide:
    result.dtype = is_floating(x.dtype) ? x.dtype : DType::i64;
    break;
  default:
    result.dtype = x.dtype;
  }
  result.device = x.device;
  check_extent(call, result);
  result.set_contiguous();
}

} // namespace weft
