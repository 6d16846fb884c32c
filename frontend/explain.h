// What explain() says of a region: as text (explain.cpp), as JSON (explain_json.cpp).
#pragma once

#include "frontend/region.h"

namespace weft::detail {

/// Returns the ops of a segment in order, "add*3" for three in a row; a long list ends after a
/// whole word.
std::string op_list(const Flush& f);

/// Returns "file:line" of the segment's op at a position, or nothing.
std::string line_of(const Flush& f, int32_t position);

/// Returns why calls of a pure function run the body, as far as it is known.
std::string pure_note(const Region& region);

// What a region has now: nobody who records is to wait for a program that another thread compiles.

std::vector<Flush*> flushes_of(const Region& region);
std::vector<Divergence> divergences_of(const Region& region);

/// Returns what is known of a region and its segments as a JSON object.
std::string as_json(const Region& region);

} // namespace weft::detail
