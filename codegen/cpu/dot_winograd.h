// Emits a convolution by minimal filtering (winograd_plan.h).
#pragma once

#include "codegen/cpu/dot_parts.h"
#include "codegen/cpu/winograd_plan.h"

namespace weft::cpu {

/// Emits the chunks [chunk_begin, chunk_end) as emitDotLines does. `scratch` points to
/// plan.scratchBytes() bytes.
void emitDotWinograd(llvm::IRBuilderBase& builder, const DotProblem& problem,
                     const WinogradPlan& plan, int64_t channel_stride, llvm::Value* scratch,
                     llvm::Value* chunk_begin, llvm::Value* chunk_end, const DotEpilogue& epilogue);

/// Returns `void weights(ptr from, i64 rows, ptr to)`: to[point][channel][row] of a tile of rows,
/// of which so many are there, from A. May write up to a vector behind.
llvm::Function* winogradWeightsFunction(llvm::IRBuilderBase& builder, const DotPlan& dot,
                                        const WinogradPlan& plan);

/// Returns `void image(ptr image, i64 first_line, i64 lines, ptr to)`: the points of all channels
/// for so many lines of squares, from one on; `image` is position 0 of line 0.
llvm::Function* winogradImageFunction(llvm::IRBuilderBase& builder, const DotPlan& dot,
                                      const WinogradPlan& plan, int64_t channel_stride);

/// Returns `void places(ptr sums, i64 lines, ptr to, ptr seen)`: turns the sums of a tile of rows
/// into rows of places. seen[lane] becomes NaN if some place is not finite, else 0.
llvm::Function* winogradPlacesFunction(llvm::IRBuilderBase& builder, const DotPlan& dot,
                                       const WinogradPlan& plan);

/// Returns `void direct(ptr image, ptr weights, i64 rows, i64 first_line, i64 lines, ptr sums, ptr
/// to)`: rows of places by their definition, for a tile of rows of A and so many lines of places.
/// It is what infinite numbers need, and those whose points overflow. `sums` has room for a sum of
/// each place and row.
llvm::Function* winogradDirectFunction(llvm::IRBuilderBase& builder, const DotPlan& dot,
                                       const WinogradPlan& plan, int64_t channel_stride);

} // namespace weft::cpu
