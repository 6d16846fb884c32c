// The dtypes of the runtime as element types of the dialects.
#pragma once

#include "weft/dtype.h"

#include "mlir/IR/BuiltinTypes.h"

namespace weft {

/// Returns the dtype whose elements have a type.
inline DType dtype_of(mlir::Type element) {
  return element.isF32()               ? DType::f32
         : element.isF64()             ? DType::f64
         : element.isBF16()            ? DType::bf16
         : element.isF16()             ? DType::f16
         : element.isInteger(64)       ? DType::i64
         : element.isInteger(32)       ? DType::i32
         : element.isInteger(16)       ? DType::i16
         : element.isInteger(1)        ? DType::boolean
         : element.isUnsignedInteger() ? DType::u8
                                       : DType::i8;
}

} // namespace weft
