// The value of an affine expression where all dims and symbols are numbers.
#pragma once

#include "mlir/IR/AffineExpr.h"

namespace weft {

/// Returns it; a quotient by 0 is 0.
inline int64_t affineValue(mlir::AffineExpr e, llvm::ArrayRef<int64_t> dims,
                           llvm::ArrayRef<int64_t> symbols = {}) {
  using Kind = mlir::AffineExprKind;
  if (auto c = mlir::dyn_cast<mlir::AffineConstantExpr>(e)) return c.getValue();
  if (auto d = mlir::dyn_cast<mlir::AffineDimExpr>(e)) return dims[d.getPosition()];
  if (auto s = mlir::dyn_cast<mlir::AffineSymbolExpr>(e)) return symbols[s.getPosition()];
  auto binary = mlir::cast<mlir::AffineBinaryOpExpr>(e);
  int64_t a = affineValue(binary.getLHS(), dims, symbols),
          b = affineValue(binary.getRHS(), dims, symbols);
  int64_t q = b ? a / b - (a % b != 0 && (a % b < 0) != (b < 0)) : 0;
  switch (e.getKind()) {
  case Kind::Add:
    return a + b;
  case Kind::Mul:
    return a * b;
  case Kind::FloorDiv:
    return q;
  case Kind::CeilDiv:
    return q + (a - q * b != 0);
  default:
    return a - q * b;
  }
}

} // namespace weft
