// From a followed path to the plain segment that the compiler takes.
#pragma once

#include "frontend/trace.h"

namespace weft {

/// Describes the flush's path with the sizes of the values bound now. Value numbers are leaves in
/// order, then results in order. `sizes` are the size attributes of this call; `live` says which
/// owners' storages must exist afterwards.
Segment build_segment(const Flush& flush, TensorImpl* const* values,
                      const std::vector<int64_t>& sizes, const std::vector<uint8_t>& live,
                      const SizesOf& taken);

} // namespace weft
