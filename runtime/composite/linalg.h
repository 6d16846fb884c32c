// Solutions by the primitives: operands have one dtype and equal batch dims.
#pragma once

#include "runtime/composite/composite.h"

namespace weft::composite {

/// Returns the y of a @ y = b for one triangle of a.
Tensor triangular_solution(const Tensor& a, const Tensor& b, bool upper, bool unitriangular,
                           const Loc& loc);
/// Returns the y of a @ y = b; singular matrices are refused in the words of the caller.
Tensor linear_solution(const Tensor& a, const Tensor& b, const Loc& loc);

} // namespace weft::composite
