// Expansion: a composite op becomes the ops that its record's function calls.
#pragma once

#include "runtime/program/composite_call.h"

#include "mlir/IR/Builders.h"

namespace weft {

/// Runs the function of a composite op over tensors of the operands' metadata, by `trace`, and
/// inserts what it called before the op. Returns the value that stands for the op's result; fails
/// with an error at the op. Where sizes are arguments the function runs twice, with other sizes:
/// it must then do the same, but for sizes that follow from those of the operands.
mlir::FailureOr<mlir::Value> expandComposite(mlir::OpBuilder& builder, mlir::Operation* op,
                                             const TraceComposite& trace);

} // namespace weft
