// An op that refuses indices could not write a leaf directly: what is refused must leave no trace.
// 1. Where such an op makes the new value of a leaf that it may be written over, its index is
//    checked by an op of its own, which refuses instead of it: one for each tensor of indices and
//    size, behind the views that show all of its elements.
// 2. The views are made again on the checked index, and the op is marked as checked.
// Fusion runs what refuses before what writes, where the data allows it.
#include "passes/passes.h"

#include "ir/weft/weft.h"
#include "passes/part.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {
namespace {

// Shows every element of its operand.
bool showsAll(Operation* op) { return isa_and_nonnull<ir::ViewAs, ir::Permute, ir::Expand>(op); }

class IndexChecks {
public:
  explicit IndexChecks(func::FuncOp function) : function(function) {}

  void run() {
    SmallVector<Operation*> updates;
    for (Operation& op : function.getBody().front())
      if (updatesLeaf(&op)) updates.push_back(&op);
    for (Operation* op : updates)
      check(op);
  }

private:
  bool updatesLeaf(Operation* op) {
    const ir::Record* record = ir::recordOf(op);
    if (!record || !record->indexes || !record->overwrites) return false;
    auto leaf = dyn_cast<BlockArgument>(op->getOperand(0));
    return leaf && llvm::any_of(op->getResult(0).getUses(), [&](OpOperand& use) {
             if (!isa<func::ReturnOp>(use.getOwner())) return false;
             auto number =
                 function.getResultAttrOfType<IntegerAttr>(use.getOperandNumber(), ir::kLeafName);
             return number && number.getInt() == leaf.getArgNumber();
           });
  }

  void check(Operation* op) {
    int64_t dim = ir::structureOf(op)[0];
    int64_t size = cast<RankedTensorType>(op->getOperand(0).getType()).getDimSize(dim);
    if (ShapedType::isDynamic(size) || size == 0) return; // no position is right
    SmallVector<Operation*> views;                        // from the op upwards
    Value index = op->getOperand(1);
    for (; showsAll(index.getDefiningOp()); index = index.getDefiningOp()->getOperand(0))
      views.push_back(index.getDefiningOp());
    Value checked = checkedIndex(index, size);
    OpBuilder builder(op);
    for (Operation* view : llvm::reverse(views)) {
      IRMapping mapping;
      mapping.map(view->getOperand(0), checked);
      checked = builder.clone(*view, mapping)->getResult(0);
    }
    op->setOperand(1, checked);
    op->setAttr(ir::kCheckedName, builder.getUnitAttr());
  }

  Value checkedIndex(Value index, int64_t size) {
    Value& known = checks[{index, size}];
    if (known) return known;
    OpBuilder builder(function.getContext());
    builder.setInsertionPointAfterValue(index);
    auto integer = RankedTensorType::get({}, builder.getI64Type());
    auto number = [&](int64_t v) -> Value {
      return ir::NumberOp::create(builder, index.getLoc(), integer, builder.getI64IntegerAttr(v));
    };
    // What the op lets through besides is a position as well.
    Value operands[] = {index, number(size), number(size - 1)};
    return known = ir::createRecord(builder, index.getLoc(), "checked_index", operands,
                                    cast<RankedTensorType>(index.getType()), {}, {});
  }

  func::FuncOp function;
  llvm::DenseMap<std::pair<Value, int64_t>, Value> checks; // of an index and a dim's size
};

} // namespace

LogicalResult checkIndices(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) IndexChecks(function).run();
  return success();
}

} // namespace weft
