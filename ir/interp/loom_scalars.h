// Scalar arithmetic of the loom interpreter.
#pragma once

#include "mlir/IR/Operation.h"

#include <cstdint>

namespace weft::interp {

/// One scalar; the member of its type holds it: f32, bf16 and f16 `f`, f64 `d`, i64, index and i1
/// `i`.
struct Scalar {
  float f = 0;
  double d = 0;
  int64_t i = 0;
};

/// Evaluates an arith, math or loom op without regions or memory.
Scalar evaluateScalarOp(mlir::Operation* op, llvm::ArrayRef<Scalar> operands);

/// Rounds to bf16, to nearest even; NaN stays a quiet NaN. Widens the bits again.
uint16_t roundToBf16(float value);
float extendBf16(uint16_t bits);
/// The same for f16.
uint16_t roundToF16(float value);
float extendF16(uint16_t bits);

/// Reads an integer of a width and sign as they lie in memory, and writes one, which wraps.
int64_t readInteger(const char* place, mlir::Type element);
void writeInteger(char* place, mlir::Type element, int64_t value);

} // namespace weft::interp
