// Which buffers a kernel may find unchanged from call to call.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace weft {

/// Marks, as loom.kept, the buffers of kernels that are leaves of the segment in all launches and
/// that no launch writes.
void mark_kept(mlir::ModuleOp module);

} // namespace weft
