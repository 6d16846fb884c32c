#include "passes/stage_text.h"

#include "ir/loom/loom.h"
#include "ir/weft/weft.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace weft {

SmallVector<int64_t> positionsOf(Location loc) {
  SmallVector<int64_t> positions;
  loc->walk([&](Location l) {
    if (auto fused = dyn_cast<FusedLoc>(l))
      if (auto position = dyn_cast_or_null<IntegerAttr>(fused.getMetadata()))
        positions.push_back(position.getInt());
    return WalkResult::advance();
  });
  llvm::sort(positions);
  positions.erase(llvm::unique(positions), positions.end());
  return positions;
}

StageText printStage(Operation* op) {
  StageText stage;
  AsmState::LocationMap places;
  AsmState state(op, OpPrintingFlags().useLocalScope().assumeVerified(), &places);
  llvm::raw_string_ostream os(stage.text);
  op->print(os, state);
  for (auto [inner, place] : places) {
    // What holds or ends others stands for none of them.
    if (isa<ir::KernelOp, loom::KernelOp, loom::PartOp>(inner) ||
        inner->hasTrait<OpTrait::IsTerminator>())
      continue;
    for (int64_t position : positionsOf(inner->getLoc()))
      stage.lines.emplace_back(place.first, static_cast<int32_t>(position));
  }
  llvm::sort(stage.lines);
  stage.lines.erase(llvm::unique(stage.lines), stage.lines.end());
  return stage;
}

} // namespace weft
