// Tape slots: the nodes that a compiled region keeps, one for each op that it follows.
// A followed op arms the node of its slot in place. Until the region's next flush the session keeps
// every value, leaf and node of the segment alive, so a lent node holds no references: recording
// touches no counter. At the flush settle() either puts the node to rest or, where something
// outside leads to it, gives it the references it goes without. Such a node rests once nothing
// refers to it; where it still lives when its op is followed again, the slot gets another one.
#pragma once

#include "runtime/autograd/grad_node.h"
#include "runtime/core/region_hook.h"

namespace weft {

/// The slot for the node of `result`; null where the op was not followed, sizes differ from those
/// that nodes were made for, or an operand's history is not the session's to keep.
GradNode** tape_slot(const OpCall& call, const TensorImpl* result);

/// Records an op whose operands the segment knows, if its slot has a node. `tensors` are the
/// operands, none of them a number.
bool record_followed(std::span<TensorImpl* const> tensors, const Loc& loc, TensorImpl* result);

/// Ends the loan of the node of `value`, after dropping the history of a value without handles.
/// Values are to be settled in the reverse order of their ops.
void settle(TensorImpl* value, GradNode*& slot) noexcept;

} // namespace weft
