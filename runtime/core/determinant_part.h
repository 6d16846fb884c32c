// What the record `determinant` gives of a matrix: its attribute `part`.
#pragma once

#include <cstdint>

namespace weft {

enum class DeterminantPart : int64_t { value, sign, logarithm }; // of the magnitude

} // namespace weft
