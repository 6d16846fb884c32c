// The shape rule of every op as a function of symbolic shapes: the verifier checks with it, the
// importer infers with it.
#pragma once

#include "ir/weft/records.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <string>

namespace weft::ir {

using Exprs = llvm::SmallVector<mlir::AffineExpr, 6>;

struct ShapeCall {
  const Record* record = nullptr;
  llvm::SmallVector<Exprs, 4> operands;
  llvm::ArrayRef<int64_t> structure;
  llvm::ArrayRef<mlir::AffineExpr> sizes;
  mlir::MLIRContext* context = nullptr;
};

/// Says whether two sizes are equal; an importer may answer by making them equal.
using SameSize = llvm::function_ref<bool(mlir::AffineExpr, mlir::AffineExpr)>;

/// Returns the shape of the result, or nothing and in `why` what must hold.
std::optional<Exprs> inferShape(const ShapeCall& call, SameSize same, std::string& why);

/// Prints a shape the way messages do: [2, s0].
std::string describe(llvm::ArrayRef<mlir::AffineExpr> shape);

} // namespace weft::ir
