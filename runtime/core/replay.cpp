#include "weft/replay.h"

#include "runtime/core/op_info.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft::replay {

namespace {

[[noreturn]] void refuse(const std::string& must, const Loc& loc) {
  throw Error(ErrorKind::value, "replay: " + must, loc);
}

size_t length(const char* const* names) {
  size_t n = 0;
  while (names && names[n])
    n++;
  return n;
}

Op op_named(const std::string& name, const Loc& loc) {
  for (int k = 0; k < kOpCount; k++)
    if (name == kOps[k].name) return static_cast<Op>(k);
  refuse(fmt::format("an op must have a record, got {}", name), loc);
}

Tensor run(const std::string& name, bool in_place, const std::vector<Tensor>& operands,
           const std::vector<Scalar>& numbers, const std::vector<int64_t>& structure,
           const std::vector<int64_t>& sizes, const Loc& loc) {
  constexpr uint8_t kAnyNumber = 255;
  OpCall call;
  call.op = op_named(name, loc);
  const OpInfo& op = info(call.op);
  if (op.operand_count != kAnyNumber && operands.size() != op.operand_count)
    refuse(fmt::format("{} must have {} operands, got {}", name, op.operand_count, operands.size()),
           loc);
  std::vector<TensorImpl*> impls;
  for (const Tensor& t : operands)
    impls.push_back(t.impl());
  const auto given = static_cast<size_t>(std::count(impls.begin(), impls.end(), nullptr));
  const size_t attributes = length(op.scalar_names);
  if (numbers.size() != given + attributes)
    refuse(fmt::format("{} must have {} numbers, got {}", name, given + attributes, numbers.size()),
           loc);
  // The last integer of either kind may be a list.
  if (structure.size() + 1 < length(op.structure_names) || sizes.size() + 1 < length(op.size_names))
    refuse(fmt::format("{} must have all its integers", name), loc);
  if (in_place && (impls.empty() || !impls[0]))
    refuse(fmt::format("{} in place must have a tensor as operand 0", name), loc);
  call.in_place = in_place;
  call.operands = impls;
  call.scalars = numbers;
  call.structure = structure;
  call.sizes = sizes;
  call.loc = &loc;
  return Tensor::adopt(dispatch(call));
}

} // namespace

Tensor op(const std::string& name, const std::vector<Tensor>& operands,
          const std::vector<Scalar>& numbers, const std::vector<int64_t>& structure,
          const std::vector<int64_t>& sizes, Loc loc) {
  return run(name, false, operands, numbers, structure, sizes, loc);
}

void in_place(const std::string& name, const std::vector<Tensor>& operands,
              const std::vector<Scalar>& numbers, const std::vector<int64_t>& structure,
              const std::vector<int64_t>& sizes, Loc loc) {
  run(name, true, operands, numbers, structure, sizes, loc);
}

Tensor view(const Tensor& storage, const Shape& sizes, const std::vector<int64_t>& strides,
            int64_t offset, Loc loc) {
  if (!storage.defined() || !storage.is_contiguous())
    refuse("a view must be of a contiguous tensor", loc);
  if (static_cast<int>(strides.size()) != sizes.size())
    refuse(fmt::format("a view must have {} strides, got {}", sizes.size(), strides.size()), loc);
  int64_t low = offset, high = offset;
  bool is_empty = false;
  for (size_t k = 0; k < strides.size(); k++) {
    is_empty |= sizes[k] == 0;
    (strides[k] < 0 ? low : high) += (sizes[k] - 1) * strides[k];
  }
  if (!is_empty && (low < 0 || high >= storage.numel()))
    refuse(fmt::format("a view must lie within its {} elements, got {} to {}", storage.numel(), low,
                       high),
           loc);
  TensorImpl* t = TensorImpl::make();
  Tensor result = Tensor::adopt(t);
  t->meta = make_meta(sizes, storage.dtype(), storage.device());
  std::copy(strides.begin(), strides.end(), t->meta.strides);
  t->meta.finish_strided();
  t->storage = storage.impl()->storage;
  t->storage->retain();
  t->offset = storage.impl()->offset + offset;
  return result;
}

} // namespace weft::replay
