// OpCall: one call of an op, as the dispatcher, a region and the tape see it.
#pragma once

#include "runtime/core/tensor_impl.h"
#include "weft/gen/op_enum.inc" // enum class Op : uint16_t, kOpCount

#include <span>

namespace weft {

/// Operands are tensors, or null where the call gave a number: that number is then the next of
/// `scalars`. Scalar attributes follow the scalar operands in record order.
struct OpCall {
  Op op{};
  bool in_place = false; // the result is written into operand 0's memory
  std::span<TensorImpl* const> operands;
  std::span<const Scalar> scalars;    // run-time arguments of a trace: never part of its structure
  std::span<const int64_t> structure; // dims, flags, dtypes: part of the trace
  std::span<const int64_t> sizes;     // shapes, starts, steps: arguments like tensor sizes
  const Loc* loc = nullptr;           // of the innermost call
  Device device = {}; // of the result, where the call is a source or moves its operand
  bool moves = false; // a cast to the same dtype, in memory of another device

  const Loc& location() const { return LocScope::resolve(*loc); }
};

/// Runs the op: in the current region or at once, then records it on the tape. Returns a reference
/// that the caller owns (for in-place ops: operand 0, retained).
TensorImpl* dispatch(const OpCall& call);

/// Runs the op at once, ignoring regions and tape.
TensorImpl* execute(const OpCall& call);

} // namespace weft
