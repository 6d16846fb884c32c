// 1. The ops that a composite's function calls are inserted before it: by whoever runs the pass,
//    since functions live in the library.
// 2. The last one's result, whose type the composite must have named, stands for the composite's.
#include "passes/passes.h"

#include "ir/weft/weft.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace weft {

LogicalResult decompose(ModuleOp module, PassContext& context) {
  SmallVector<ir::CompositeOp> composites;
  module.walk([&](ir::CompositeOp op) { composites.push_back(op); });
  for (ir::CompositeOp op : composites) {
    if (!context.expand)
      return op->emitOpError() << "must be expanded by a tool that has its function";
    OpBuilder builder(op);
    FailureOr<Value> value = context.expand(builder, op);
    if (failed(value)) return failure();
    if (value->getType() != op->getResult(0).getType())
      return op->emitOpError() << "the result must be " << value->getType() << ", got "
                               << op->getResult(0).getType();
    op->replaceAllUsesWith(ValueRange(*value));
    op->erase();
  }
  return success();
}

} // namespace weft
