// The counts of a region, listed once: to add them up and to print them.
#pragma once

#include "weft/compile.h"

namespace weft {

/// A count of RegionStats, under the name that explain_json() has for it.
struct RegionCount {
  const char* name;
  int64_t RegionStats::*count;
};

inline constexpr RegionCount kRegionCounts[] = {
    {"calls", &RegionStats::calls},
    {"pure_calls", &RegionStats::pure_calls},
    {"ops_followed", &RegionStats::ops_followed},
    {"ops_recorded", &RegionStats::ops_recorded},
    {"flushes", &RegionStats::flushes},
    {"divergences", &RegionStats::divergences},
    {"programs", &RegionStats::programs},
    {"kernel_launches", &RegionStats::kernels},
    {"early_kernels", &RegionStats::early_kernels},
    {"generic_calls", &RegionStats::generic_calls},
    {"eager_segments", &RegionStats::eager_segments},
    {"alias_fallbacks", &RegionStats::alias_fallbacks},
    {"unrecorded", &RegionStats::unrecorded},
    {"verified", &RegionStats::verified},
    {"timed_calls", &RegionStats::timed_calls},
};

} // namespace weft
