// as_strided: x as the list of the elements of its memory, and a strided view of that.

#include "runtime/composite/index_operands.h"

#include <algorithm>

namespace weft {

using composite::refuse;

namespace {

// The dims in the order in which they lie in memory, the outermost first.
Dims memory_order(const Meta& m) {
  Dims order;
  for (int k = 0; k < m.rank; k++)
    order.push_back(k);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return m.strides[a] > m.strides[b]; });
  return order;
}

// The elements in the order in which they lie in memory.
Tensor in_memory(const Arg& x) {
  const Meta m = x.impl()->meta;
  Tensor list = m.contiguous ? x.tensor() : permute(x, memory_order(m));
  if (!list.impl()->meta.contiguous)
    refuse("as_strided", ErrorKind::shape,
           "x must fill its memory without gaps, got " + describe(m) + " with strides " +
               Ints(m.strides, m.rank).str() + "; take the view of the tensor that x is a part of",
           x.loc());
  return list.view({m.numel()});
}

} // namespace

Tensor as_strided(const Arg& x, const Shape& size, const Dims& stride,
                  std::optional<int64_t> storage_offset) {
  OpScope scope(x.loc());
  const TensorImpl& own = require_tensor(x, "as_strided");
  if (size.size() != stride.size())
    refuse("as_strided", ErrorKind::shape,
           "there must be a stride for each size, got " + size.str() + " and " + stride.str(),
           x.loc());
  // Where the view starts in the list; an offset that no int64_t holds is as far off as any.
  int64_t start = 0;
  if (storage_offset && __builtin_sub_overflow(*storage_offset, own.offset, &start)) start = -1;
  std::vector<int64_t> all{start};
  all.insert(all.end(), size.begin(), size.end());
  all.insert(all.end(), stride.begin(), stride.end());
  Arg list(in_memory(x), x.loc());
  return primitive(Op::strided_view, {&list}, {}, {}, all, x.loc());
}

} // namespace weft
