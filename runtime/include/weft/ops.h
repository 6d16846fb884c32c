// Every op as a free function. Operands are tensors or numbers; each also exists as a method of
// Tensor where its first operand is a tensor (weft/tensor.h). docs/ops.md is the reference.
#pragma once

#include "weft/index.h"
#include "weft/tensor.h"

#include <limits>
#include <optional>
#include <vector>

namespace weft {

/// What a loss does with its elements.
enum class Reduce { none, mean, sum };

/// Elements of a dim and where they lie: auto [values, indices] = sort(x).
struct ValuesAndIndices {
  Tensor values, indices;
};

#include "weft/gen/api.inc"

} // namespace weft
