// Which accesses along the lanes are nearly as good as contiguous ones: schedules count on it, the
// CPU emitter sees to it.
#pragma once

#include <cstdint>

namespace weft::loom {

/// Says whether lanes at a stride lie so near each other that a few whole vectors hold them.
constexpr bool isNear(int64_t stride) { return stride >= -4 && stride <= 4; }

} // namespace weft::loom
