// The device emitter's door: a scheduled loom kernel in, C text out.
#pragma once

#include "codegen/gpu/dialects.h"
#include "codegen/gpu/launch.h"
#include "ir/loom/loom.h"

namespace weft::gpu {

struct DeviceKernel {
  std::string symbol; // of the loom.kernel
  std::string name;   // of the C function: the symbol, and the number of a later phase
  std::string text;   // the function, the same in each dialect
  std::vector<ArgumentKind> arguments;
  int threads = 1;
  int64_t most_blocks = 0;               // launch no more than these; 0: no limit
  mlir::AffineMap blocks, scratch_bytes; // expressions of the kernel's sizes; bytes of a block
};

/// Prints a kernel that `--loom-schedule` has run over; kernels without a schedule get a thread for
/// each point. Blocks of one launch cannot wait for each other, so that each phase is a launch of
/// its own, in order, all with the kernel's arguments. Fails with "loom.kernel @name: what must
/// hold, got what".
llvm::Expected<std::vector<DeviceKernel>> emitKernel(loom::KernelOp kernel);

/// The complete source of some kernels: header, functions that they call, kernels. Sources of one
/// dialect may be joined: what two have in common is guarded.
std::string sourceOf(llvm::ArrayRef<DeviceKernel> kernels, Dialect dialect);

/// The launch for given sizes, in the order of the kernel's index arguments.
Launch launchOf(const DeviceKernel& kernel, llvm::ArrayRef<int64_t> sizes);

} // namespace weft::gpu
