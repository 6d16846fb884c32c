#include "ir/loom/rare.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace weft::loom {

bool isRareSide(OpOperand& operand) {
  auto choice = dyn_cast<RarelyOp>(operand.getOwner());
  return choice && operand.getOperandNumber() == choice.getRareMutable().getOperandNumber();
}

RareSides::RareSides(Operation* root) {
  llvm::SmallPtrSet<Block*, 4> blocks;
  root->walk([&](RarelyOp choice) { blocks.insert(choice->getBlock()); });
  for (Block* block : blocks)
    for (Operation& op : llvm::reverse(*block)) { // readers come first
      if (op.use_empty() || op.getNumRegions() > 0 || !isMemoryEffectFree(&op)) continue;
      bool isRare = llvm::all_of(op.getUses(), [&](OpOperand& use) {
        Operation* reader = use.getOwner();
        return reader->getBlock() == block && (isRareSide(use) || contains(reader));
      });
      if (isRare) ops_.insert(&op);
    }
}

llvm::SmallVector<Operation*>
RareSides::sideOf(RarelyOp choice, llvm::function_ref<bool(Operation*)> isKnown) const {
  SmallVector<Operation*> side;
  llvm::SmallPtrSet<Operation*, 32> seen;
  SmallVector<Value> next{choice.getRare()};
  while (!next.empty()) {
    Operation* op = next.pop_back_val().getDefiningOp();
    if (!op || !contains(op) || isKnown(op) || !seen.insert(op).second) continue;
    side.push_back(op);
    for (OpOperand& operand : op->getOpOperands())
      if (!isRareSide(operand)) next.push_back(operand.get());
  }
  llvm::sort(side, [](Operation* a, Operation* b) { return a->isBeforeInBlock(b); });
  return side;
}

} // namespace weft::loom
