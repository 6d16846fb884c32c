// Bodies whose contiguous accesses a thread does 16 bytes at a time: it takes runs of iterations
// that lie side by side, fetches what they read ahead of them, and stores what they write behind.
#pragma once

#include "ir/loom/loom.h"

#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace weft::gpu {

/// Iterations of a run.
inline constexpr int kRun = 4;

/// A load of a body, and the size that must be 1 for it to be contiguous; null where it always is.
struct WideLoad {
  loom::LoadOp op;
  mlir::AffineExpr step;
};

/// A body and the index along which a thread takes runs of it.
struct WideBody {
  mlir::Block* body;
  mlir::Value index;
  mlir::AffineExpr extent;
  llvm::SmallVector<WideLoad> loads;       // done for whole runs: contiguous along the index, and
  llvm::SmallVector<loom::StoreOp> stores; // no store stands in front of a load
  int runs = 1;      // of a thread in one turn; what they load is on its way at once
  bool once = false; // all of a thread's iterations are one turn, so that it can keep their values

  /// Whether the last run is a whole one.
  bool hasWholeRuns() const;
};

/// Finds what of a body may be accessed by runs; nothing where no access is contiguous, where runs
/// would seldom be aligned, or where there are no iterations.
std::optional<WideBody> findWide(mlir::Block& body, mlir::Value index, mlir::AffineExpr extent);

/// Whether a value is known ahead of the body's ops.
bool isOutside(mlir::Value value, mlir::Block& body);

/// The elements of this type in one access: 16 bytes, but no more than a run.
int elementsOfAccess(mlir::Type element);

} // namespace weft::gpu
