// What functions read whose result is written over their operand.
#pragma once

#include "runtime/core/call.h"

#include <algorithm>
#include <vector>

namespace weft {

inline bool requires_gradient(const Tensor& t) {
  return t.defined() && t.impl()->meta.requires_grad;
}
inline bool requires_gradient(const Arg& a) { return a.impl() && a.impl()->meta.requires_grad; }
inline bool requires_gradient(const std::vector<Tensor>& list) {
  return std::any_of(list.begin(), list.end(),
                     [](const Tensor& t) { return requires_gradient(t); });
}

/// Returns what a function reads whose result is then written into `self`: a copy where gradients
/// are recorded, since these may read it after that.
template <class... Others>
Tensor unwritten(const Tensor& self, const Loc& loc, const Others&... others) {
  const bool records = grad_mode && (requires_gradient(self) || ... || requires_gradient(others));
  return records ? self.clone(loc) : self;
}

} // namespace weft
