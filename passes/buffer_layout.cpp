#include "passes/buffer_layout.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {

std::optional<unsigned> leafOf(func::FuncOp function, Value v) {
  for (OpOperand& use : v.getUses())
    if (isa<func::ReturnOp>(use.getOwner()))
      if (auto leaf =
              function.getResultAttrOfType<IntegerAttr>(use.getOperandNumber(), ir::kLeafName))
        return leaf.getInt();
  return std::nullopt;
}

AffineMap layoutOf(func::FuncOp function, Value v) {
  if (isa<OpResult>(v))
    if (auto leaf = leafOf(function, v)) v = function.getArgument(*leaf);
  if (auto argument = dyn_cast<BlockArgument>(v))
    if (auto layout =
            function.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), ir::kLayoutName))
      return layout.getValue();
  ir::Exprs shape = ir::shapeOf(v), dims;
  for (unsigned k = 0; k < shape.size(); k++) {
    dims.push_back(getAffineDimExpr(k, v.getContext()));
    shape[k] = ir::canonical(ir::atMost(shape[k], ir::mostOf(function)));
  }
  AffineExpr linear = ir::linearise(dims, shape, v.getContext());
  return AffineMap::get(shape.size(), ir::countSymbols(linear), linear);
}

} // namespace weft
