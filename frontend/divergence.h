// Why a call differs from the node of the trace that was expected in its place.
#pragma once

#include "frontend/region.h"

#include <span>

namespace weft {

/// What a session has bound when an op does not fit: the ops of its segment so far, and the tensor
/// of each slot.
struct BoundSegment {
  const RegionSession* session;
  std::span<TensorImpl* const> values;
  const ColdNode* last; // the op before; its parents lead to the segment's start
  const ColdNode* root;
};

/// Says in words how a call, whose result `result` describes, differs from the node that was
/// expected: the first cause that keeps it from being followed. `other_sizes`: nothing does, and
/// the words are of the first size that differs.
Divergence explain_divergence(const ColdNode& expected, const OpCall& got, const Meta& result,
                              const BoundSegment& bound, bool other_sizes = false);

} // namespace weft
