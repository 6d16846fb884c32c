// The program of one op: found or compiled, and enqueued.
#pragma once

#include "runtime/core/op_call.h"

#include <string>

namespace weft::device {

/// Runs a call whose tensors all lie on one device, into `result` (in place: operand 0), where it
/// has a program there; else returns why there is none.
std::string try_run(const OpCall& call, TensorImpl& result);

/// Makes the call that writes operand 1 into operand 0.
OpCall assign_call(std::span<TensorImpl* const> operands, const Loc& loc);

} // namespace weft::device
