// IR as text, with the ops of the segment that its lines stand for.
#pragma once

#include "mlir/IR/Operation.h"

#include <string>
#include <utility>
#include <vector>

namespace weft {

/// A line, counted from 1, and the position in the segment of an op that it computes. One line may
/// have several.
using LinePositions = std::vector<std::pair<uint32_t, int32_t>>;

struct StageText {
  std::string text;
  LinePositions lines; // in order
};

/// Prints an op and what is in it, without locations.
StageText printStage(mlir::Operation* op);

/// Returns the positions in the segment that a location stands for, in order.
llvm::SmallVector<int64_t> positionsOf(mlir::Location loc);

} // namespace weft
