// Which numbers of the host the elements of a dtype can be.
#pragma once

#include "weft/dtype.h"
#include "weft/error.h"

#include <string>

namespace weft {

/// Says whether a number, rounded towards 0, is one of the dtype. All are for floats and bool;
/// those for an unsigned dtype may be negative and wrap.
bool holds(DType dtype, const Scalar& value);

/// Throws unless holds(): `op: value must be a number of i64, got inf`.
void require_number(const char* op, DType dtype, const Scalar& value, const Loc& loc);

/// Returns the text used in messages: "3", "-1.5", "inf".
std::string number_text(const Scalar& value);

} // namespace weft
