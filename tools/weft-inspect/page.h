// One HTML page that shows collected programs: graphs, kernels at every stage, memory, times.
#pragma once

#include "runtime/program/collection.h"

#include <string>
#include <vector>

namespace weft::tools {

/// Returns the whole page: it needs no network and no other file. The source lines are read now.
std::string page(const std::vector<Collected>& all);

} // namespace weft::tools
