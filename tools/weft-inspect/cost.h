// What programs cost, counted and not timed.
#pragma once

#include "runtime/program/collection.h"

#include <string>
#include <vector>

namespace weft::tools {

/// One line a program that has run: launches, phases, bytes that its launches read and write, bytes
/// of its arena, and how often its code puts a register on the stack. Of a program whose sizes are
/// arguments, bytes are unknown: "?".
std::string cost_text(const std::vector<Collected>& all);
/// The same as a JSON array.
std::string cost_json(const std::vector<Collected>& all);

} // namespace weft::tools
