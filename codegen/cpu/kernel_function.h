// One loom kernel as an LLVM function with the signature of runtime/program/kernel_abi.h.
#pragma once

#include "codegen/cpu/plan.h"

#include "llvm/IR/Module.h"

namespace weft::cpu {

/// Returns the symbol of a part's function, where a kernel has several.
inline std::string partSymbol(llvm::StringRef kernel, size_t part) {
  return (kernel + ".part" + llvm::Twine(part)).str();
}

/// Emits the kernel's function, named as the kernel, into the module.
llvm::Function* emitKernelFunction(llvm::Module& module, loom::KernelOp kernel,
                                   const KernelPlan& plan, const CpuTarget& target);

} // namespace weft::cpu
