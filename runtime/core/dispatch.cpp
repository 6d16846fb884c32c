// The one way that every op call takes: region or eager execution, then the tape.

#include "runtime/autograd/view_history.h"
#include "runtime/core/region_hook.h"

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

} // namespace

TensorImpl* dispatch(const OpCall& call) {
  if (grad_mode)
    for (TensorImpl* t : call.operands)
      if (t && t->is_view) refresh_view(t);
  if (!needs_tape(call)) return run(call);
  if (call.in_place) check_in_place(call);
  Tensor result = Tensor::adopt(run(call));
  record_tape(call, result.impl());
  if (call.in_place && result.impl()->link) extend_root(call, result.impl());
  return result.detach_handle();
}

} // namespace weft
