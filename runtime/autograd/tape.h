// The tape: which ops made a tensor, what their gradients need, and the rules of in-place ops.
// The dispatcher calls needs_tape before an op, check_in_place if that op writes, record_tape
// after.
#pragma once

#include "runtime/core/op_info.h"

namespace weft {

/// Whether ops of this thread record a tape; NoGrad and EnableGrad set it.
extern thread_local constinit bool grad_mode __attribute__((tls_model("initial-exec")));

/// Whether backward passes of this thread look for NaNs; AnomalyMode sets it.
extern thread_local constinit bool anomaly_mode;

/// What TensorImpl::autograd points at: a LeafState where is_leaf is set, else a GradNode.
struct AutogradState {};

/// Says whether the op must be recorded.
inline bool needs_tape(const OpCall& call) {
  if (!grad_mode) return false;
  for (const TensorImpl* t : call.operands)
    if (t && t->meta.requires_grad) return true;
  return false;
}

/// Throws where an op must not write into operand 0 because the tape could not follow: a leaf that
/// requires a gradient, a view without a way back to its base, an op without gradient. To be called
/// before the op runs.
void check_in_place(const OpCall& call);

/// Makes the node of an op that has just run (or was deferred), and hangs it on `result`. Ops in
/// place are recorded by record_in_place (old_values.h).
void record_tape(const OpCall& call, TensorImpl* result);

/// Drops the tape node of a tensor that no user handle refers to any more, while the tape still
/// holds its value: the node may hold that very value, and would keep itself alive. The value comes
/// back with its history when a gradient reads it.
void drop_history(TensorImpl* t);

/// The node that made the tensor, or null for leaves and tensors without a gradient.
GradNode* node_of(const TensorImpl* t);

/// Makes every handle to `t` refer to `source`'s memory, dtype and shape; whether it requires a
/// gradient stays. Runs what a region has pending first, since no op stands for the change.
void set_data(const Tensor& t, const Tensor& source, const Loc& loc);

} // namespace weft
