// The mapping table from arith, math and loom scalar ops to C expressions.
#pragma once

#include "mlir/IR/Operation.h"

#include <string>

namespace weft::gpu {

/// Whether the table has a row for the op and C a type for its operands and results.
bool isScalarOp(mlir::Operation* op);

/// Prints a scalar op's value; each operand is a name, a literal or parenthesised.
std::string printScalarOp(mlir::Operation* op, llvm::ArrayRef<std::string> operands);

/// Prints a constant as it is written among operands.
std::string printConstant(mlir::Attribute value);
std::string printInteger(int64_t value);

/// The C type of a value: f32 f64 i64 index i1, and bf16 and f16 as their bits.
llvm::StringRef valueType(mlir::Type type);

/// The C type of an element in memory: bool is a byte.
llvm::StringRef memoryType(mlir::Type element);

} // namespace weft::gpu
