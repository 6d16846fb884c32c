// One arith, math or loom op on scalars or vectors of lanes, as LLVM instructions.
#pragma once

#include "codegen/cpu/target.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/IR/IRBuilder.h"

namespace weft::cpu {

/// Says whether emitScalarOp knows the op.
bool isScalarOp(mlir::Operation* op);

/// Emits an op without regions or memory. Operands are scalars, or vectors of one length: f32 f64
/// i64 i1 as such, index as i64, bf16 and f16 as their bits in i16. Integer division is total: x /
/// 0 = 0, x / -1 wraps; a conversion to an integer saturates and makes 0 of NaN.
llvm::Value* emitScalarOp(llvm::IRBuilderBase& builder, mlir::Operation* op,
                          llvm::ArrayRef<llvm::Value*> operands, const CpuTarget& target);

/// Rounds f32 to the bits of bf16, to nearest even; NaN stays a quiet NaN.
llvm::Value* roundToBf16(llvm::IRBuilderBase& builder, llvm::Value* value);
/// Extends the bits of bf16 to f32.
llvm::Value* extendBf16(llvm::IRBuilderBase& builder, llvm::Value* bits);
/// The same for f16, by one instruction where the target has it.
llvm::Value* roundToF16(llvm::IRBuilderBase& builder, llvm::Value* value, bool has_f16c);
llvm::Value* extendF16(llvm::IRBuilderBase& builder, llvm::Value* bits, bool has_f16c);
/// Says whether values of a type are held as the 16 bits of a float.
inline bool isHalf(mlir::Type type) { return type.isBF16() || type.isF16(); }

/// x * 2^n rounded once, for n that holds an integer and is limited to twice the exponents' range
/// (special_ops.cpp). `is_limited`: it lies there, or both are NaN.
llvm::Value* emitScale2(llvm::IRBuilderBase& builder, llvm::Value* x, llvm::Value* n,
                        bool is_limited, const CpuTarget& target);
/// 2^n for an integer n whose power is a normal number.
llvm::Value* emitPowerOfTwo(llvm::IRBuilderBase& builder, llvm::Value* n);
/// The exponent field less its bias, as a float; the fraction field with an exponent of zero.
llvm::Value* emitExponent(llvm::IRBuilderBase& builder, llvm::Value* x);
llvm::Value* emitMantissa(llvm::IRBuilderBase& builder, llvm::Value* x);
/// The exact remainder x - trunc(x / y) y: a call of a function with a loop (fmod.cpp).
llvm::Value* emitFmod(llvm::IRBuilderBase& builder, llvm::Value* x, llvm::Value* y);
/// Word `word` of Philox4x32-10, each 32-bit word in an i64.
llvm::Value* emitPhilox(llvm::IRBuilderBase& builder, llvm::Value* seed, llvm::Value* stream,
                        llvm::Value* counter, unsigned word);
enum class Division { floor, truncate, ceil, remainder };
llvm::Value* emitDivision(llvm::IRBuilderBase& builder, Division kind, llvm::Value* a,
                          llvm::Value* b);

} // namespace weft::cpu
