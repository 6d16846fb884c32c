// Emits a matrix product with a fused epilogue as LLVM IR into a kernel function:
// C[b,m,n] = epilogue(sum_k A[b,m,k] * B[b,k,n]).
#pragma once

#include "codegen/cpu/dot_plan.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/IR/IRBuilder.h"

#include <functional>

namespace weft::cpu {

/// An i64 extent or stride: a constant, or a run-time value where `value` is set.
struct DotSize {
  int64_t constant = 0;
  llvm::Value* value = nullptr;
};

/// A panel of B to be packed: to[step][tileColumns()] for columns and steps from these on, of which
/// there are so many. `base` is that of the batch entry.
struct DotPanelPlace {
  llvm::Value *base, *column, *columns, *step, *steps, *to;
};

/// One factor. `batch_offset` maps the batch index (i64) to an offset in elements from `base`;
/// absent means that every batch entry reads the same matrix.
/// A B that no strides describe has `pack` instead, which emits the packing of a panel.
struct DotOperand {
  llvm::Value* base = nullptr;
  DotSize row_stride, column_stride; // in elements
  std::function<llvm::Value*(llvm::IRBuilderBase&, llvm::Value* batch)> batch_offset;
  std::function<void(const DotPanelPlace& place)> pack = {};
};

/// Finished sums C[batch, row, column .. column + lanes) handed to the epilogue, of the batch entry
/// and row at hand.
struct DotPoint {
  llvm::Value* column; // i64
  llvm::Value* sums;   // <lanes x f32|f64|i64>
  llvm::Value* mask;   // <lanes x i1> of lanes inside n, null if all are
};

/// Emits what becomes of the sums (bias, activation, any number of stores). `row` stands around
/// some columns of a row: it may emit what they share, and calls `columns` once. `point` runs
/// exactly once for each vector of C, in an unspecified order, and may create basic blocks; it is
/// called once or twice per kernel (full and masked vectors). Sums of masked-off lanes are
/// unspecified.
struct DotEpilogue {
  std::function<void(llvm::Value* batch, llvm::Value* row, llvm::function_ref<void()> columns)>
      row; // i64
  std::function<void(const DotPoint& point)> point;
};

/// One product: the plan, actual extents (must agree with plan.shape where that is constant) and
/// the factors. A and B must not overlap what the epilogue stores.
struct DotProblem {
  DotPlan plan;
  DotSize batch, m, n, k;
  DotOperand a, b;
  // All panels of B (of A where lanes run along rows), [panel][steps / group][width], packed
  // before; null where there never are any, and where there are none when the code runs.
  llvm::Value* panels = nullptr;
};

/// Emits, at the builder's position, the chunks [chunk_begin, chunk_end) of the product.
/// `scratch` points to plan.scratchBytes() bytes, 64-byte aligned, private to the thread. Leaves
/// the builder after the emitted loops. Register-tile loops become internal functions of the module
/// that take over the attributes of the function the builder is in: set target-cpu and
/// target-features on that function first.
void emitDot(llvm::IRBuilderBase& builder, const DotProblem& problem, llvm::Value* scratch,
             llvm::Value* chunk_begin, llvm::Value* chunk_end, const DotEpilogue& epilogue);

} // namespace weft::cpu
