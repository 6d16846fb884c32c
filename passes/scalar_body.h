// Scalar bodies: the expressions of the records as arith, math and loom ops on one element.
#pragma once

#include "ir/weft/records.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft {

/// Returns the compute dtype of f32, f64 or i64.
ir::Compute computeOf(mlir::Type scalar);

struct ScalarBody {
  mlir::OpBuilder& builder;
  mlir::Location loc;
  mlir::Type compute;                      // f32, f64 or i64
  llvm::function_ref<int32_t()> errorCode; // of a requirement that does not hold

  /// Emits the roots of a graph. Inputs are of the compute type, or i1 for masks and i64 for
  /// positions.
  llvm::SmallVector<mlir::Value, 2> emit(const ir::Graph& graph,
                                         llvm::ArrayRef<mlir::Value> inputs);

  /// Converts a value to that of an element (loom::valueType), rounded or wrapped to it.
  mlir::Value convert(mlir::Value x, mlir::Type toElement);
  /// Converts a number of a call as the runtime does: a real one saturates in a narrow integer.
  mlir::Value convertNumber(mlir::Value x, mlir::Type toElement);
  /// Rounds an f32 to the nearest bf16 or f16, ties to even; wraps an i64 to a narrower integer.
  mlir::Value round(mlir::Value x, mlir::Type element);
};

} // namespace weft
