// 1. A result that no kernel computes for it alone (a leaf, a view, one value twice) gets a kernel
//    that copies.
// 2. A kernel may write a leaf directly if the old value is read by nobody after it, and by itself
//    only at the element that it writes; else it writes a temporary, which a copy at the end moves.
// 3. Kernels that may refuse their operands find all leaves as they were: where one raises an
// error,
//    the program has left no trace, and its ops can run again one by one.
#include "passes/lower_routine.h"
#include "passes/part.h"
#include "passes/passes.h"

#include "ir/weft/index_math.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {
namespace {

class Placement {
public:
  explicit Placement(func::FuncOp function) : function(function), builder(function.getContext()) {}

  void run() {
    Operation* ret = body().getTerminator();
    body().walk([&](Operation* op) {
      if (mayRefuse(op)) lastRefusal = body().findAncestorOpInBlock(*op);
    });
    llvm::DenseSet<Value> taken;
    for (OpOperand& operand : ret->getOpOperands()) {
      auto leaf = leafOf(operand);
      Value v = operand.get();
      if (leaf && v == function.getArgument(*leaf)) continue;
      bool isOwn = v.getDefiningOp<ir::KernelOp>() && taken.insert(v).second;
      if (!isOwn)
        v = copyWithoutHazard(v);
      else if (leaf && !mayOverwrite(cast<OpResult>(v), function.getArgument(*leaf)))
        v = copyAtEnd(v);
      operand.set(v);
    }
    dropUnusedViews();
  }

private:
  Block& body() { return function.getBody().front(); }

  std::optional<unsigned> leafOf(OpOperand& operand) {
    auto leaf =
        function.getResultAttrOfType<IntegerAttr>(operand.getOperandNumber(), ir::kLeafName);
    return leaf ? std::optional<unsigned>(leaf.getInt()) : std::nullopt;
  }

  bool isWritten(Value argument) {
    for (OpOperand& operand : body().getTerminator()->getOpOperands())
      if (auto leaf = leafOf(operand); leaf && function.getArgument(*leaf) == argument) return true;
    return false;
  }

  Value copyKernel(Value v) {
    auto kernel = ir::KernelOp::create(builder, v.getLoc(), v.getType(), 1);
    OpBuilder inner = OpBuilder::atBlockEnd(&kernel.getParts()[0].emplaceBlock());
    IRMapping mapping;
    Value y = cloneInside(inner, v, mapping);
    if (y == v)
      y = ir::createRecord<ir::ViewAs>(inner, v.getLoc(), v, cast<RankedTensorType>(v.getType()),
                                       {}, ir::shapeOf(v));
    ir::YieldOp::create(inner, v.getLoc(), y);
    return kernel.getResult(0);
  }

  // Views, and expressions of numbers, move into the kernel that reads them.
  Value cloneInside(OpBuilder& inner, Value v, IRMapping& mapping) {
    Operation* op = v.getDefiningOp();
    if (!op || isa<ir::KernelOp>(op)) return v;
    if (Value known = mapping.lookupOrNull(v)) return known;
    for (Value operand : op->getOperands())
      mapping.map(operand, cloneInside(inner, operand, mapping));
    return inner.clone(*op, mapping)->getResult(0);
  }

  Value copyAtEnd(Value v) {
    builder.setInsertionPoint(body().getTerminator());
    return copyKernel(v);
  }

  // A copy of a leaf that is written itself goes through a temporary made before anything is
  // written.
  Value copyWithoutHazard(Value v) {
    if (readsWritten(v)) {
      builder.setInsertionPointToStart(&body());
      v = copyKernel(v);
    }
    return copyAtEnd(v);
  }
  bool readsWritten(Value v) {
    Operation* op = v.getDefiningOp();
    if (!op) return isWritten(v);
    return !isa<ir::KernelOp>(op) &&
           llvm::any_of(op->getOperands(), [&](Value operand) { return readsWritten(operand); });
  }

  bool mayOverwrite(OpResult result, Value old) {
    auto kernel = cast<ir::KernelOp>(result.getOwner());
    if (lastRefusal && !lastRefusal->isBeforeInBlock(kernel)) return false;
    for (OpOperand& use : old.getUses()) {
      Operation* user = body().findAncestorOpInBlock(*use.getOwner());
      if (isa<func::ReturnOp>(user) || (user != kernel && kernel->isBeforeInBlock(user)))
        return false;
    }
    if (Operation* routine = routineOf(kernel)) return mayWriteOver(routine, old);
    unsigned next = 0;
    for (Region& region : kernel.getParts()) {
      SmallVector<Value> outputs(region.front().getTerminator()->getOperands());
      const unsigned first = next;
      next += outputs.size();
      if (!reads(region, old)) continue; // a step of all parameters has very many parts
      SmallVector<Operation*> ops;
      for (Operation& op : region.front().without_terminator())
        ops.push_back(&op);
      Reason why;
      auto part = Part::analyse(outputs, ops, why);
      if (!part) return false;
      for (const PartAccess& access : part->accesses) {
        if (access.value != old) continue;
        bool isOwnPart = first <= result.getResultNumber() && result.getResultNumber() < next;
        if (!isOwnPart || access.isFactor ||
            !isSamePoint(*part, access, outputs[result.getResultNumber() - first]))
          return false;
      }
    }
    return true;
  }

  static bool reads(Region& region, Value v) {
    return llvm::any_of(v.getUses(), [&](OpOperand& use) {
      return region.isAncestor(use.getOwner()->getParentRegion());
    });
  }

  // A routine that may write over its first operand finds it in the leaf, row-major, and reads the
  // leaf as nothing else.
  bool mayWriteOver(Operation* routine, Value old) {
    const ir::Record* record = ir::recordOf(routine);
    if (!record || !record->overwrites || routine->getOperand(0) != old) return false;
    if (function.getArgAttr(cast<BlockArgument>(old).getArgNumber(), ir::kLayoutName)) return false;
    return llvm::none_of(routine->getOperands().drop_front(), [&](Value v) {
      while (auto view = dyn_cast_or_null<ir::ViewOp>(v.getDefiningOp()))
        v = view->getOperand(0);
      return v == old;
    });
  }

  static bool isSamePoint(const Part& part, const PartAccess& access, Value output) {
    auto own = part.indicesOf(output.getType());
    if (!own || own->size() != access.indices.size()) return false;
    for (auto [a, b] : llvm::zip_equal(*own, access.indices))
      if (ir::canonical(a, part.extents) != b) return false;
    return true;
  }

  void dropUnusedViews() {
    SmallVector<Operation*> ops;
    for (Operation& op : body().without_terminator())
      ops.push_back(&op);
    for (Operation* op : llvm::reverse(ops))
      if (!isa<ir::KernelOp>(op) && op->use_empty()) op->erase();
  }

  func::FuncOp function;
  OpBuilder builder;
  Operation* lastRefusal = nullptr;
};

} // namespace

LogicalResult placeOutputs(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) Placement(function).run();
  return success();
}

} // namespace weft
