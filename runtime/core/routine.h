// Routine: the kernel of a structured op as a plain function on views. Eager calls run it, and so
// do launches of compiled programs for ops that have no lowering to loom.
#pragma once

#include "runtime/view.h"
#include "weft/error.h"

#include <span>
#include <string>

namespace weft {

/// An element that a kernel does not take, in words for the message; empty where it is not known.
struct Refused {
  std::string value, place; // "7", "[0, 2]"; of several operands "7 and 0"
  std::string bound;        // "a dim of 4", where the op's words do not tell it
};

/// One call. Operands have any strides; the result is contiguous and uninitialised, with the
/// metadata of the op's rule. Numbers among the operands come first in `scalars`.
struct RoutineCall {
  std::span<const View> operands;
  View result;
  std::span<const int64_t> structure, sizes;
  std::span<const Scalar> scalars;
  const Loc* loc = nullptr;
  Refused* refused = nullptr; // gets what the routine refuses, where the caller asks for it

  /// Returns false, and says that an element of an index was refused since a dim has only `size`
  /// positions: which one it was, the routine looks for again.
  bool refuse_index(const View& index, int64_t size) const;
};

/// Computes the result, with the same bits on any number of threads. Returns false where it refuses
/// an element of an operand, such as an index out of range: the caller raises the error in the op's
/// words.
using Routine = bool (*)(const RoutineCall&);

} // namespace weft
