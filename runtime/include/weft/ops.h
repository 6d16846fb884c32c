// Every op as a free function. Operands are tensors or numbers; each also exists as a method of
// Tensor where its first operand is a tensor (weft/tensor.h). docs/ops.md is the reference.
#pragma once

#include "weft/tensor.h"

#include <limits>
#include <optional>
#include <vector>

namespace weft {

/// What a loss does with its elements.
enum class Reduce { none, mean, sum };

#include "weft/gen/api.inc"

} // namespace weft
