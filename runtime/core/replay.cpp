#include "weft/replay.h"

#include "runtime/core/execute.h"

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

// Records name a list, which comes last, in the plural.
bool is_list(const std::string& name) { return name == "shape" || name.back() == 's'; }

void check_integers(const std::string& op, const char* const* names, size_t given, const Loc& loc) {
  const size_t n = length(names);
  const bool ends_in_list = n > 0 && is_list(names[n - 1]);
  if (ends_in_list ? given < n - 1 : given != n)
    refuse(fmt::format("{} must have {} integers{}, got {}", op, ends_in_list ? n - 1 : n,
                       ends_in_list ? " and a list" : "", given),
           loc);
}

Op op_named(const std::string& name, const Loc& loc) {
  for (int k = 0; k < kOpCount; k++)
    if (name == kOps[k].name) return static_cast<Op>(k);
  refuse(fmt::format("an op must have a record, got {}", name), loc);
}

// The ops that the library calls in place have results like their targets; others would write
// elsewhere.
void check_target(const OpCall& call) {
  const LocOverride line(*call.loc);
  Meta result;
  int64_t offset = 0;
  infer(call, result, offset);
  const Meta& target = call.operands[0]->meta;
  if (result.rank != target.rank || !result.same_sizes(target))
    refuse(fmt::format("the result of {} in place must be like {}, got {}", info(call.op).name,
                       describe(target), describe(result)),
           *call.loc);
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
  check_integers(name, op.structure_names, structure.size(), loc);
  check_integers(name, op.size_names, sizes.size(), loc);
  if (given > 0 && (op.kind != OpKind::pointwise || given == impls.size()))
    refuse(fmt::format("{} must have defined operands", name), loc);
  const bool may_write = op.kind == OpKind::pointwise || op.kind == OpKind::structured;
  if (in_place && !(may_write && !impls.empty() && impls[0]))
    refuse(fmt::format("{} in place must be an op of elements with a tensor as operand 1", name),
           loc);
  call.in_place = in_place;
  call.operands = impls;
  call.scalars = numbers;
  call.structure = structure;
  call.sizes = sizes;
  call.loc = &loc;
  if (in_place) check_target(call);
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

namespace {

void check_within(int64_t count, const Shape& sizes, const std::vector<int64_t>& strides,
                  int64_t offset, const Loc& loc) {
  __int128 low = offset, high = offset;
  bool is_empty = false, is_negative = false;
  for (size_t k = 0; k < strides.size(); k++) {
    is_empty |= sizes[k] == 0;
    is_negative |= sizes[k] < 0;
    (strides[k] < 0 ? low : high) += static_cast<__int128>(sizes[k] - 1) * strides[k];
  }
  if (is_negative || (is_empty ? offset < 0 || offset > count : low < 0 || high >= count))
    refuse(fmt::format("a view must lie within its {} elements, got {} with strides {} from {}",
                       count, sizes.str(), Ints(strides.data(), strides.size()).str(), offset),
           loc);
}

} // namespace

Tensor view(const Tensor& storage, const Shape& sizes, const std::vector<int64_t>& strides,
            int64_t offset, Loc loc) {
  if (!storage.defined() || !storage.is_contiguous())
    refuse("a view must be of a contiguous tensor", loc);
  if (static_cast<int>(strides.size()) != sizes.size())
    refuse(fmt::format("a view must have {} strides, got {}", sizes.size(), strides.size()), loc);
  check_within(storage.numel(), sizes, strides, offset, loc);
  materialize(storage.impl(), "view", loc);
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
