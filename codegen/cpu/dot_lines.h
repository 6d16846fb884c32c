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

/// Returns `void tile(ptr image, ptr weights, ptr sums, i64 channels, i1 fresh, ptr ahead)`:
/// sums[tile_places][tileRows()] of some channels and all taps, where `image` is the first place's
/// number of the first channel. Asks for `ahead`, panels that follow `weights`.
llvm::Function* linesTileFunction(llvm::IRBuilderBase& builder, const DotPlan& dot,
                                  const LinesPlan& plan);

/// Finished sums of some rows and columns of a batch entry: rows lie `pitch` elements apart, with
/// room for a vector behind the columns.
struct DotRows {
  llvm::Value* sums;
  int64_t pitch;
  llvm::Value *batch, *first_row, *end_row, *first_column, *columns;
  bool has_whole_vectors; // whatever `columns` is
};

/// Hands all of them to the epilogue.
void emitDotRows(llvm::IRBuilderBase& builder, const DotPlan& dot, const DotRows& rows,
                 const DotEpilogue& epilogue);

} // namespace weft::cpu
