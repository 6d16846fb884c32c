// The packing of a factor that sees its columns through windows. Internal to the CPU emitter.
#pragma once

#include "codegen/cpu/plan.h"

#include "llvm/IR/IRBuilder.h"

namespace weft::cpu {

/// Returns the function that DotOperand::pack wants for a window.
llvm::Function* dotWindowFunction(llvm::IRBuilderBase& builder, const DotPlan& plan,
                                  const ProductWindow& window);

} // namespace weft::cpu
