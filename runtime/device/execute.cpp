// An eager op becomes a program of one op (one_op.h). What has none runs on the CPU, its operands
// copied there and its result back: slow, counted, and right.
#include "runtime/device/execute.h"

#include "runtime/core/execute.h"
#include "runtime/core/fail_at.h"
#include "runtime/device/context.h"
#include "runtime/device/copies.h"
#include "runtime/device/run_op.h"

namespace weft::device {

namespace {

// Calls f with the call's operands replaced where `replace` gives another tensor for one.
template <class R, class F> void with_operands(const OpCall& call, R replace, F f) {
  std::vector<TensorImpl*> operands(call.operands.begin(), call.operands.end());
  std::vector<Tensor> kept(operands.size());
  for (size_t k = 0; k < operands.size(); k++) {
    if (!operands[k]) continue;
    kept[k] = replace(k, operands[k]);
    if (kept[k].defined()) operands[k] = kept[k].impl();
  }
  OpCall other = call;
  other.operands = operands;
  f(other);
}

void run_on_cpu(const OpCall& call, TensorImpl& result, const std::string& why) {
  Context::of(result.meta.device, *call.loc)
      .count_cpu_op(std::string(info(call.op).name) + " " +
                    std::string(name_of(result.meta.dtype)) + ": " + why);
  Tensor r;
  if (!call.in_place) r = empty_like(result, Device::cpu(), *call.loc);
  auto copy = [&](size_t k, TensorImpl* t) {
    Tensor here = on_cpu(t, *call.loc);
    if (k == 0 && call.in_place) r = here;
    return here;
  };
  with_operands(call, copy, [&](const OpCall& here) {
    OpCall plain = here;
    plain.device = Device::cpu();
    weft::compute(plain, r.impl());
  });
  copy_between(*r.impl(), result, *call.loc);
}

} // namespace

constinit std::atomic<bool> opened{false};

Device device_of(const OpCall& call) {
  if (call.moves || call.operands.empty()) return call.device;
  const TensorImpl* first = nullptr;
  for (size_t k = 0; k < call.operands.size(); k++) {
    const TensorImpl* t = call.operands[k];
    const bool is_target = call.in_place && k == 0;
    if (!t || (t->meta.device == Device::cpu() && t->meta.rank == 0 && !is_target)) continue;
    if (!first) first = t;
    if (t->meta.device == first->meta.device) continue;
    fail(call, ErrorKind::value,
         "operands must lie on one device, got " + describe(first->meta) + " on " +
             name_of(first->meta.device) + " and " + describe(t->meta) + " on " +
             name_of(t->meta.device) + "; move one with to()");
  }
  return first ? first->meta.device : Device::cpu();
}

void compute(const OpCall& call, TensorImpl& result) {
  for (const TensorImpl* t : call.operands)
    if (t && t->meta.device != Device::cpu())
      check_contents(*t->storage, info(call.op).name, *call.loc);
  if (call.moves) return copy_between(*call.operands[0], result, *call.loc);
  if (result.meta.numel() == 0) return;
  auto here = [&](size_t, TensorImpl* t) {
    return t->meta.device == result.meta.device ? Tensor()
                                                : bring(t, result.meta.device, *call.loc);
  };
  with_operands(call, here, [&](const OpCall& there) {
    const std::string why = try_run(there, result);
    if (!why.empty()) run_on_cpu(there, result, why);
  });
}

void allocate(Storage* s, size_t nbytes, Device device, const Loc& loc) {
  Context& context = Context::of(device, loc);
  s->data = context.memory().allocate(nbytes, loc);
  s->nbytes = nbytes;
  s->device = device;
  s->born = 0;
}

bool is_lost(const Storage& s) {
  return s.device != Device::cpu() && Context::of(s.device, Loc()).lost_since(s.born);
}

void check_contents(const Storage& s, const char* what, const Loc& loc) {
  if (const char* why = Context::of(s.device, loc).lost_since(s.born))
    fail_at(ErrorKind::value, std::string(what) + ": " + why, loc);
}

void let_go(const Storage& s) noexcept {
  forget_host_copy(s);
  Context::of(s.device, Loc()).drain();
}

void free(Storage* s) noexcept {
  forget_host_copy(*s);
  // A storage with memory has a context.
  Context::of(s->device, Loc()).memory().free(static_cast<Address>(s->data), s->nbytes);
}

} // namespace weft::device
