// Elements as numbers of the host.
#pragma once

#include "weft/dtype.h"

#include <cstddef>

namespace weft {

/// Returns element k of contiguous data, as near as a double comes.
double number_at(const void* data, DType dtype, size_t k);

} // namespace weft
