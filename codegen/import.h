// Import: a segment as a function of the weft dialect, without memory: in-place ops become values.
#pragma once

#include "runtime/program/segment.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace weft {

/// On an index argument of the segment's function: {kind, index, dim} of its ProgramSymbol.
inline constexpr llvm::StringLiteral kSymbolName = "weft.symbol";

/// Makes `func.func @segment(leaves..., scalars..., sizes...)` that returns the segment's outputs.
/// Each op's location is a FusedLoc whose metadata is its position in the segment. Throws
/// weft::Error for a segment that is inconsistent or not supported.
mlir::OwningOpRef<mlir::ModuleOp> import_segment(const Segment& segment,
                                                 mlir::MLIRContext& context);

/// Returns the position of the segment's op that a location stands for, or -1.
int32_t op_position(mlir::Location loc);

} // namespace weft
