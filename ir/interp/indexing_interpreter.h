// Ops that read an index from memory, scans and sorts, on arrays.
#pragma once

#include "ir/interp/record_interpreter.h"

namespace weft::interp {

/// Computes such an op's result into `y`, which has its type and shape; false where the op is none
/// of them, or refuses an element.
bool runIndexing(mlir::Operation* op, ValueOf valueOf, SizeOf sizeOf, Array& y);

} // namespace weft::interp
