// The eager calls that are timed: eager_cases.json, the one list that Weft and other libraries
// read.
//
// A case is [op, arguments..., {keyword arguments}]. A text DTYPE[SIZES].LAYOUT<BOUND is a tensor,
// of numbers from 0 to the bound, or of the normal distribution; a capital letter is a size,
// another one for each scale.
#pragma once

#include "tools/common/call.h"

namespace weft::bench {

/// The text of eager_cases.json.
extern const char* const kEagerCases;

/// A case at one scale, "small" or "large".
struct EagerCase {
  std::string kind, name, scale; // name: how the call reads, as add(float32[16], float32[16])
  std::string op;
  /// A tensor is {"tensor": {dtype, shape, layout, below}}; layout and below may be missing.
  tools::Json args, kwargs;
};

/// Returns all cases at the scales, in the order of the list.
std::vector<EagerCase> eager_cases(const std::vector<std::string>& scales);

/// Makes the tensors of a case and finds its op; throws Unsupported where there is none.
std::unique_ptr<tools::PreparedCall> prepare(const EagerCase& c);

} // namespace weft::bench
