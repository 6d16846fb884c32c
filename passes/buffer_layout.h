// Where the elements of values lie in memory: leaves as the caller's strides say, others row-major.
#pragma once

#include "ir/weft/weft.h"

namespace weft {

/// Returns the leaf that a value becomes the new contents of, if any.
std::optional<unsigned> leafOf(mlir::func::FuncOp function, mlir::Value v);

/// Returns the map (indices)[sizes] -> (offset) of a value of the function, in elements.
mlir::AffineMap layoutOf(mlir::func::FuncOp function, mlir::Value v);

} // namespace weft
