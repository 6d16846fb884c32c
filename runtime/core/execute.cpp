// Runs one op at once: rule, memory, kernel.

#include "runtime/core/execute.h"

#include "runtime/core/allocator.h"
#include "runtime/core/profile.h"
#include "runtime/core/region_hook.h"
#include "runtime/device/execute.h"

#include <algorithm>

namespace weft {

Tensor copy_of(TensorImpl& t, const Loc& loc) {
  int64_t structure[] = {static_cast<int64_t>(t.meta.dtype)};
  TensorImpl* operands[] = {&t};
  OpCall call;
  call.op = Op::cast;
  call.operands = operands;
  call.structure = structure;
  call.loc = &loc;
  return Tensor::adopt(execute(call));
}

namespace {

// Throws the error of an allocation in the name of the op whose result it is for.
[[noreturn]] void throw_for_result(const Error& e, const char* op, const Meta& meta,
                                   const Loc& loc) {
  if (e.kind() != ErrorKind::out_of_memory || meta.device.type != DeviceType::cpu) throw e;
  refuse_memory(op, describe(meta), meta.nbytes(), loc);
}

} // namespace

TensorImpl* make_tensor(const Meta& meta, const Loc& loc, const char* op) try {
  Storage* storage = Storage::allocate(meta.nbytes(), meta.device, loc);
  TensorImpl* t = TensorImpl::make();
  t->storage = storage;
  t->meta = meta;
  return t;
} catch (const Error& e) {
  throw_for_result(e, op, meta, loc);
}

// Dims of which each steps over all that those with smaller strides reach show each element once.
// All views are so but those that `expand` makes and some of `as_strided`.
bool overlaps_itself(const Meta& m) {
  if (m.contiguous) return false;
  struct Dim {
    int64_t stride, size;
  } dims[kMaxRank];
  int count = 0;
  for (int k = 0; k < m.rank; k++)
    if (m.sizes[k] > 1) dims[count++] = {std::abs(m.strides[k]), m.sizes[k]};
  std::sort(dims, dims + count, [](const Dim& a, const Dim& b) { return a.stride < b.stride; });
  int64_t reach = 0;
  for (int k = 0; k < count; k++) {
    if (dims[k].stride <= reach) return true;
    reach += (dims[k].size - 1) * dims[k].stride;
  }
  return false;
}

bool overlaps(const TensorImpl& a, const TensorImpl& b) {
  if (a.storage != b.storage && !a.storage->external && !b.storage->external) return false;
  if (!a.meta.numel() || !b.meta.numel()) return false;
  if (a.data() == b.data() && a.meta.dtype == b.meta.dtype && a.meta.rank == b.meta.rank &&
      a.meta.same_sizes(b.meta) && a.meta.same_strides(b.meta))
    return false;
  auto range = [](const TensorImpl& t) {
    return t.meta.byte_range(reinterpret_cast<int64_t>(t.data()));
  };
  return range(a).overlaps(range(b));
}

namespace {

// Before a device is opened, all is on the CPU.
inline void settle_device(const OpCall& call, Meta& result) {
  if (device::any_open()) [[unlikely]]
    result.device = device::device_of(call);
}

[[gnu::noinline]] void make_ready(const OpCall& call, TensorImpl* t) {
  materialize(t, info(call.op).name, *call.loc);
  if (!t->storage->data) fail(call, ErrorKind::internal, "operands must have memory, got none");
}

inline void check_ready(const OpCall& call) {
  for (TensorImpl* t : call.operands)
    if (t && (!t->storage->data || t->storage->poison)) make_ready(call, t);
}

TensorImpl* execute_view(const OpCall& call, const OpInfo& info) {
  TensorImpl& x = *call.operands[0];
  Meta meta;
  int64_t offset = 0;
  info.infer(call, meta, offset);
  TensorImpl* r = TensorImpl::make();
  r->meta = meta;
  r->offset = offset;
  r->storage = x.storage;
  x.storage->retain();
  return r;
}

// An op that refuses an element has written nothing.
void compute_apart(const OpCall& call, TensorImpl& target) {
  const Tensor apart =
      Tensor::adopt(make_tensor(make_meta(target.meta.shape(), target.meta.dtype), *call.loc));
  execute_pointwise(call, *apart.impl());
  copy_elements(apart.impl()->view(), target.view());
}

// Operand 0 is the target. A source that overlaps it but is another view of it is copied first; of
// a structured op, which reads other elements than the one it writes, any that lies in its storage.
void compute_in_place(const OpCall& call) {
  TensorImpl& target = *call.operands[0];
  const bool anywhere = info(call.op).kind == OpKind::structured;
  constexpr size_t kMost = 8;
  TensorImpl* operands[kMost];
  Tensor copies[kMost];
  for (size_t k = 0; k < call.operands.size(); k++) {
    operands[k] = call.operands[k];
    if (k == 0 || !operands[k]) continue;
    if (!overlaps(target, *operands[k]) && !(anywhere && operands[k]->storage == target.storage))
      continue;
    copies[k] = copy_of(*operands[k], *call.loc);
    operands[k] = copies[k].impl();
  }
  OpCall safe = call;
  safe.operands = {operands, call.operands.size()};
  if (target.meta.device.type != DeviceType::cpu) return device::compute(safe, target);
  if (info(call.op).kind == OpKind::structured) return execute_structured(safe, target);
  if (info(call.op).may_refuse) return compute_apart(safe, target);
  execute_pointwise(safe, target);
}

TensorImpl* execute_in_place(const OpCall& call) {
  TensorImpl& target = *call.operands[0];
  Meta meta;
  int64_t offset = 0;
  infer(call, meta, offset);
  before_write(*target.storage);
  compute_in_place(call);
  target.storage->version.fetch_add(1, std::memory_order_release);
  target.retain();
  return &target;
}

void compute_new(const OpCall& call, TensorImpl& result) {
  if (result.meta.device.type != DeviceType::cpu || call.moves) [[unlikely]]
    return device::compute(call, result);
  switch (info(call.op).kind) {
  case OpKind::pointwise:
    return execute_pointwise(call, result);
  case OpKind::reduction:
    return execute_reduction(call, result);
  case OpKind::source:
    return execute_source(call, result);
  case OpKind::structured:
    return execute_structured(call, result);
  case OpKind::view:
    return;
  }
}

inline void compute_now(const OpCall& call, TensorImpl* result) {
  check_ready(call);
  if (call.in_place) return compute_in_place(call);
  if (!result->storage->data) try {
      allocate(result->storage, result->meta.nbytes(), result->meta.device, *call.loc);
    } catch (const Error& e) {
      throw_for_result(e, info(call.op).name, result->meta, *call.loc);
    }
  compute_new(call, *result);
}

inline TensorImpl* execute_now(const OpCall& call) {
  const OpInfo& i = info(call.op);
  check_ready(call);
  if (i.kind == OpKind::view) return execute_view(call, i);
  if (call.in_place) return execute_in_place(call);
  Meta meta;
  int64_t offset = 0;
  i.infer(call, meta, offset);
  settle_device(call, meta);
  Tensor r = Tensor::adopt(make_tensor(meta, *call.loc, i.name));
  compute_new(call, *r.impl());
  return r.detach_handle();
}

[[gnu::cold, gnu::noinline]] void compute_profiled(const OpCall& call, TensorImpl* result) {
  const profile::OpSpan span(call);
  compute_now(call, result);
}

[[gnu::cold, gnu::noinline]] TensorImpl* execute_profiled(const OpCall& call) {
  const profile::OpSpan span(call);
  return execute_now(call);
}

} // namespace

void infer(const OpCall& call, Meta& result, int64_t& offset) {
  info(call.op).infer(call, result, offset);
  settle_device(call, result);
  if (!call.in_place) return;
  const TensorImpl& target = *call.operands[0];
  if (result.dtype != target.meta.dtype)
    fail(call, ErrorKind::dtype,
         "the result must have the dtype of the tensor it is written to, got " + describe(result) +
             " and " + describe(target.meta));
  if (overlaps_itself(target.meta))
    fail(call, ErrorKind::value,
         "the tensor written to must not repeat elements, got " + describe(target.meta) +
             " with strides " + Ints(target.meta.strides, target.meta.rank).str() +
             "; clone() it first");
}

void allocate(Storage* storage, size_t nbytes, Device device, const Loc& loc) {
  if (device.type != DeviceType::cpu) return device::allocate(storage, nbytes, device, loc);
  storage->data = allocate_bytes(nbytes, loc);
  storage->nbytes = nbytes;
  storage->device = device;
}

void compute(const OpCall& call, TensorImpl* result) {
  if (profile::is_on()) return compute_profiled(call, result);
  compute_now(call, result);
}

TensorImpl* execute(const OpCall& call) {
  if (profile::is_on()) return execute_profiled(call);
  return execute_now(call);
}

} // namespace weft
