// The loom dialect's C++ face: types, the axis attribute, ops, and small helpers that builders and
// emitters share.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <vector>

// Parameters that a generated accessor does not need have names all the same.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "weft/gen/loom_dialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "weft/gen/loom_types.h.inc"
#define GET_ATTRDEF_CLASSES
#include "weft/gen/loom_attrs.h.inc"

namespace weft::loom {

/// Returns the type of an element once it is loaded: f32 for bf16 and f16, i64 for narrower
/// integers (whose type says whether they have a sign: ui8), else the element itself.
mlir::Type valueType(mlir::Type element);

/// Returns the value type of the elements of a buffer or local.
mlir::Type computeType(mlir::Type memory);

/// Returns the element type of a buffer or local.
mlir::Type elementType(mlir::Type memory);

/// Returns the bytes of an element in memory: i1 takes one.
int64_t elementBytes(mlir::Type element);

/// Returns a value of a map of the form ()[sizes] -> (values), or nothing if a divisor is zero.
std::optional<int64_t> evaluateSizes(mlir::AffineMap map, llvm::ArrayRef<int64_t> sizes,
                                     unsigned result = 0);

/// Returns by how many elements the offset map(indices) moves for one step of `axis`, or nothing
/// where that is not a constant.
std::optional<int64_t> strideAlong(mlir::AffineMap map, mlir::ValueRange indices, mlir::Value axis);

} // namespace weft::loom

#define GET_OP_CLASSES
#include "weft/gen/loom_ops.h.inc"

#pragma GCC diagnostic pop
