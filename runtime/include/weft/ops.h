// Every op as a free function. Operands are tensors or numbers; each also exists as a method of
// Tensor where its first operand is a tensor (weft/tensor.h).
#pragma once

#include "weft/tensor.h"

#include <limits>
#include <string_view>

namespace weft {

#include "weft/gen/api.inc"

} // namespace weft
