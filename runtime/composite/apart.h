// Results that must not lie in their operands' memory.
#pragma once

#include "runtime/composite/composite.h"

namespace weft::composite {

/// Returns t in memory of its own: a copy where it lies in that of x.
inline Tensor apart_from(const Tensor& x, const Tensor& t, const Loc& loc) {
  return t.impl()->storage == x.impl()->storage ? t.clone(loc) : t;
}

} // namespace weft::composite
