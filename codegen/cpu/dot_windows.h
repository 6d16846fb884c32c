// The packing of a factor that sees its columns through windows. Internal to the CPU emitter.
#pragma once

#include "codegen/cpu/plan.h"

#include "llvm/IR/IRBuilder.h"

namespace weft::cpu {

/// Returns void pack(ptr base, i64 column, i64 columns, i64 step, i64 steps, ptr to), which packs a
/// panel of what windows see: see DotPanelPlace.
llvm::Function* dotWindowFunction(llvm::IRBuilderBase& builder, const DotPlan& plan,
                                  const ProductWindow& window);

} // namespace weft::cpu
