// The one way that every op call takes: region or eager execution, then the tape.

#include "runtime/autograd/old_values.h"
#include "runtime/autograd/view_history.h"
#include "runtime/core/region_hook.h"

#include <bit>

namespace weft {

namespace {

TensorImpl* run_op(const OpCall& call) {
  if (call.moves) { // no part of a trace: the host may wait here
    materialize(call.operands[0], "to", *call.loc);
    return execute(call);
  }
  if (RegionSession* session = current_session) return session->op(call);
  for (TensorImpl* t : call.operands)
    if (t && t->session) materialize(t, info(call.op).name, *call.loc);
  return execute(call);
}

TensorImpl* run(const OpCall& call) {
  TensorImpl* result = run_op(call);
  // Views have one operand and no numbers: for most calls the table is not asked.
  if (call.operands.size() == 1 && call.scalars.empty() && info(call.op).kind == OpKind::view) {
    result->is_view = true;
    result->detached = false;
    if (grad_mode && is_floating(result->meta.dtype)) link_view(call, result);
  }
  return result;
}

// Runs an op that writes into operand 0 and is recorded: old values that its gradients read are
// copied first, as any other op of the program, so that a region sees the copy.
[[gnu::noinline]] TensorImpl* dispatch_in_place(const OpCall& call) {
  check_in_place(call);
  OldValues old;
  for (unsigned read = overwritten_reads(call); read; read &= read - 1) {
    TensorImpl* operand = call.operands[static_cast<size_t>(std::countr_zero(read))];
    if (old.of(operand)) continue; // given twice
    const int64_t structure[] = {static_cast<int64_t>(operand->meta.dtype)};
    OpCall copy;
    copy.op = Op::cast;
    copy.operands = {&operand, 1};
    copy.structure = structure;
    copy.loc = call.loc;
    old.add(operand, Tensor::adopt(run(copy)));
  }
  Tensor result = Tensor::adopt(run(call));
  record_in_place(call, old);
  if (result.impl()->link) extend_root(call, result.impl());
  return result.detach_handle();
}

} // namespace

TensorImpl* dispatch(const OpCall& call) {
  if (grad_mode)
    for (TensorImpl* t : call.operands)
      if (t && t->is_view) refresh_view(t);
  if (!needs_tape(call)) return run(call);
  if (call.in_place) return dispatch_in_place(call);
  Tensor result = Tensor::adopt(run(call));
  record_tape(call, result.impl());
  return result.detach_handle();
}

} // namespace weft
