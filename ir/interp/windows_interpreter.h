// Convolution, its gradients and the maxima of windows, on arrays.
#pragma once

#include "ir/interp/record_interpreter.h"

namespace weft::interp {

/// Computes such an op's result into `y`, which has its type and shape; false where the op is none.
bool runWindows(mlir::Operation* op, ValueOf valueOf, Array& y);

} // namespace weft::interp
