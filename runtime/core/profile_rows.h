// A recording summed up by name.
#pragma once

#include "runtime/core/profile_events.h"
#include "weft/profiler.h"

namespace weft::profile {

/// Returns a row for each kind and name: pieces on other threads and steps of compilations are part
/// of what they belong to.
std::vector<ProfilerRow> rows_of(const Recording& recording);

void sort_rows(std::vector<ProfilerRow>& rows, ProfilerOrder order);

/// Prints the first `most` rows as a table, then the time recorded and what is missing.
std::string table_of(const std::vector<ProfilerRow>& rows, const Recording& recording, size_t most);

} // namespace weft::profile
