// Where the time of compilations went.
#pragma once

#include "runtime/program/collection.h"

#include <string>
#include <vector>

namespace weft::tools {

/// One table a program: its steps with their shares, what lies between them, and the steps of each
/// kernel.
std::string time_text(const std::vector<Collected>& all);
std::string time_json(const std::vector<Collected>& all);

} // namespace weft::tools
