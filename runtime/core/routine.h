// Routine: the kernel of a structured op as a plain function on views. Eager calls run it, and so
// do launches of compiled programs for ops that have no lowering to loom.
#pragma once

#include "runtime/view.h"
#include "weft/error.h"

#include <span>

namespace weft {

/// One call. Operands have any strides; the result is contiguous and uninitialised, with the
/// metadata of the op's rule. Numbers among the operands come first in `scalars`.
struct RoutineCall {
  std::span<const View> operands;
  View result;
  std::span<const int64_t> structure, sizes;
  std::span<const Scalar> scalars;
  const Loc* loc = nullptr;
};

/// Computes the result, with the same bits on any number of threads. Returns false where it refuses
/// an element of an operand, such as an index out of range: the caller raises the error in the op's
/// words.
using Routine = bool (*)(const RoutineCall&);

} // namespace weft
