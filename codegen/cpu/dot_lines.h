// Emits a product whose columns lie in lines of an image (lines_plan.h).
#pragma once

#include "codegen/cpu/dot.h"
#include "codegen/cpu/lines_plan.h"

namespace weft::cpu {

/// Emits the chunks [chunk_begin, chunk_end) as emitDot does. `problem.b` is the image, whose
/// channels lie `channel_stride` elements apart. `scratch` points to lines.scratchBytes() bytes.
void emitDotLines(llvm::IRBuilderBase& builder, const DotProblem& problem, const LinesPlan& lines,
                  int64_t channel_stride, llvm::Value* scratch, llvm::Value* chunk_begin,
                  llvm::Value* chunk_end, const DotEpilogue& epilogue);

} // namespace weft::cpu
