// One loom kernel as an LLVM function with the signature of runtime/program/kernel_abi.h.
#pragma once

#include "codegen/cpu/plan.h"
#include "runtime/program/kernel_abi.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

#include <cstddef>

namespace weft::cpu {

/// Returns the symbol of a part's function, where a kernel has several.
inline std::string partSymbol(llvm::StringRef kernel, size_t part) {
  return (kernel + ".part" + llvm::Twine(part)).str();
}

/// Returns the symbol of a function that packs panels ahead of calls.
inline std::string panelsSymbol(llvm::StringRef kernel, size_t number) {
  return (kernel + ".panels" + llvm::Twine(number)).str();
}

/// Where weft_kernel_context holds its pointers, in pointers from its start.
inline constexpr int64_t kErrorOfContext = 1, kScratchOfContext = 2, kPanelsOfContext = 3;
static_assert(offsetof(weft_kernel_context, error) == kErrorOfContext * sizeof(void*) &&
              offsetof(weft_kernel_context, scratch) == kScratchOfContext * sizeof(void*) &&
              offsetof(weft_kernel_context, panels) == kPanelsOfContext * sizeof(void*));

/// Loads pointer `number` of an array of them.
inline llvm::Value* loadPointer(llvm::IRBuilderBase& b, llvm::Value* array, int64_t number) {
  return b.CreateLoad(b.getPtrTy(), b.CreateConstInBoundsGEP1_64(b.getPtrTy(), array, number));
}

/// Emits the function that packs the panels of a part that keeps them.
void emitKeptFunction(llvm::Function* function, const PartPlan& part);

/// Emits the kernel's function, named as the kernel, and those that pack its panels.
llvm::Function* emitKernelFunction(llvm::Module& module, loom::KernelOp kernel,
                                   const KernelPlan& plan, const CpuTarget& target);

} // namespace weft::cpu
