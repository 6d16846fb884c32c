// How a saved state fits the tensors that it is to be loaded into.
#pragma once

#include "weft/tensor.h"

#include <map>
#include <string>
#include <vector>

namespace weft {

using NamedTensors = std::map<std::string, Tensor>;

struct StateMatch {
  std::vector<std::string> missing;    // names that only the target has
  std::vector<std::string> unexpected; // names that only the state has
  std::vector<std::string> misfits;    // what is wrong with a tensor that both have, in words

  /// Says whether the state may be loaded. A tensor that does not fit is refused in any case.
  bool fits(bool strict) const {
    return misfits.empty() && (!strict || (missing.empty() && unexpected.empty()));
  }
  /// Lists every difference: `missing "a", "b"; unexpected "c"; "d" of shape [1], not [8, 4]`.
  std::string text() const;
};

/// Compares names, shapes and kinds of dtypes.
StateMatch match_state(const NamedTensors& own, const NamedTensors& given);

/// Copies what both have into the own tensors, converted to their dtypes. The match must fit.
void copy_state(const NamedTensors& own, const NamedTensors& given);

} // namespace weft
