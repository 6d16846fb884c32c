// What is known of a float from the ops that make it, so that emitters leave out limits that hold
// anyway.
#pragma once

#include "mlir/IR/Value.h"

#include <optional>

namespace weft::cpu {

/// A value is NaN or between two numbers.
struct FloatRange {
  double low, high;
};

/// Returns the range of a value that selects, sums and products of constants bound.
std::optional<FloatRange> rangeOf(mlir::Value value);

/// Says whether `result` is NaN wherever `source`, from which arithmetic makes it, is.
bool carriesNan(mlir::Value result, mlir::Value source);

} // namespace weft::cpu
