// What a segment is made of once it ends: leaves, values, owners of storages, and how its leaves
// overlap where one of them is written.
#pragma once

#include "frontend/region.h"

namespace weft {

/// Fills leaves, values and owners from the flush's path.
void describe_segment(Flush& flush);

/// Notes which leaves are the same view of a written storage, and whether any two overlap
/// otherwise.
void describe_aliases(Flush& flush, TensorImpl* const* values);

/// Says whether the leaves bound now overlap exactly as those that were recorded. Only to be asked
/// of flushes with a written leaf. `mark` becomes what the scratch of the written storages then
/// holds.
bool same_aliases(const Flush& flush, TensorImpl* const* values, uint32_t& mark);

/// Gives the storage of each leaf that the call leaves as it is, and null for one that looks into
/// memory which the call writes. `leaves` are the tensors of the flush's leaves.
void find_unwritten(const Flush& flush, TensorImpl* const* leaves, Storage** storages);

} // namespace weft
