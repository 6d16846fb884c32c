// A plain, slow interpreter of loom: the meaning of a kernel, for tests of passes and emitters.
#pragma once

#include "ir/loom/loom.h"

#include <span>

namespace weft::interp {

/// Runs every point of every part of a kernel, in order, over host memory. `buffers` are base
/// pointers in argument order; `arguments` hold scalars and sizes as a compiled kernel receives
/// them (runtime/program/kernel_abi.h). Returns the largest code of a requirement that did not
/// hold, or 0. Indices outside of a buffer are the caller's business.
uint32_t runKernel(loom::KernelOp kernel, std::span<void* const> buffers,
                   std::span<const int64_t> arguments);

} // namespace weft::interp
