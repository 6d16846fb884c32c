// What the sizes that a segment has run with have in common: a size-generic program that assumes it
// is nearly one of known sizes, and serves all calls for which it holds.
#pragma once

#include "frontend/trace.h"

namespace weft {

/// Sizes in the order of each_size, and which of them are sizes of leaves.
struct SizeList {
  std::vector<int64_t> values;
  std::vector<bool> is_given;
};

/// Returns for each size what holds in all of `seen`, vectors of its values: that it is a constant,
/// or equal to one before it. Those that are not given, strides and size attributes, are computed
/// from others: they may be multiples of one or two sizes before them.
std::vector<SizeFact> common_facts(const std::vector<std::vector<int64_t>>& seen,
                                   const std::vector<bool>& is_given);

/// Says whether facts hold for sizes; no facts always do.
bool hold(const std::vector<SizeFact>& facts, const std::vector<int64_t>& sizes);

/// Returns how explain() calls the sizes that a program serves.
const char* words_of(const SizesOf& taken);

} // namespace weft
