// How large tensors are, or usually are where sizes are arguments: for choices that change no
// result.
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace weft {

/// Assumed for a size that is an argument.
inline constexpr int64_t kTypicalExtent = 512;

/// Returns an expression's value if it is a constant.
std::optional<int64_t> constantOf(mlir::AffineExpr e);
/// Returns a size expression's value.
double typicalValue(mlir::AffineExpr e);
/// Returns a tensor's elements.
double typicalCount(mlir::Value tensor);
/// Returns a tensor's bytes.
double typicalBytes(mlir::Value tensor);

} // namespace weft
