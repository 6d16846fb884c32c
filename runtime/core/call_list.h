// Calls of ops whose operands are known at run time only.
#pragma once

#include "runtime/core/op_info.h"

namespace weft {

/// Calls a pointwise op with tensors and numbers as its operands and numbers as its attributes; see
/// pointwise of runtime/core/call.h.
Tensor pointwise_call(Op op, std::span<const Arg* const> operands,
                      std::span<const Scalar> attributes);

} // namespace weft
