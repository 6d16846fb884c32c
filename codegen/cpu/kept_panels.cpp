// Panels that are packed ahead of calls: which factor they are of, and the function that packs
// them.
#include "codegen/cpu/dot_parts.h"
#include "codegen/cpu/kernel_function.h"
#include "codegen/cpu/plan.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {

std::string KeptPanels::layout(const DotPlan& plan) const {
  std::string text = nameOfElement(plan.shape.element);
  for (int64_t number : {start, lanes, steps, lane_stride, step_stride, width, int64_t(plan.group)})
    text += "." + std::to_string(number);
  return text;
}

std::optional<KeptPanels> findKept(const Product& product) {
  const DotPlan& plan = product.plan;
  const DotShape& shape = plan.shape;
  const ProductFactor& factor = product.lines ? product.a : product.b;
  bool packs = product.lines || (plan.packs_b && !plan.lanes_along_k);
  if (!packs || factor.window || factor.computed) return {};
  LoadOp load = factor.load;
  auto buffer = dyn_cast<BlockArgument>(load.getMemory());
  auto kernel = buffer ? dyn_cast<KernelOp>(buffer.getOwner()->getParentOp()) : nullptr;
  if (!kernel || !kernel.getArgAttr(buffer.getArgNumber(), LoomDialect::kKeptName)) return {};
  for (int axis : product.batch_axes)
    if (factor.strides[axis] != 0) return {};
  auto start = dyn_cast<AffineConstantExpr>(factor.start);
  KeptPanels kept;
  kept.buffer = buffer;
  kept.lanes = product.lines ? shape.m : shape.n;
  kept.steps = shape.k;
  kept.width = product.lines ? product.lines->tileRows() : plan.tileColumns();
  kept.lane_stride = product.lines ? shape.a.row_stride : shape.b.column_stride;
  kept.step_stride = product.lines ? shape.a.column_stride : shape.b.row_stride;
  for (int64_t number : {kept.lanes, kept.steps, kept.lane_stride, kept.step_stride})
    if (number == kDynamic) return {};
  if (!start || kept.lanes < 1 || kept.steps < 1) return {};
  kept.start = start.getValue();
  return kept;
}

void emitKeptFunction(llvm::Function* function, const PartPlan& part) {
  const KeptPanels& kept = *part.kept;
  const DotPlan& plan = part.product->plan;
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(function->getContext(), "entry", function));
  DotTypes types(b.getContext(), plan);
  llvm::Value* from = loadPointer(b, function->getArg(1), kept.buffer.getArgNumber());
  llvm::Value* to =
      loadPointer(b, loadPointer(b, function->getArg(0), kPanelsOfContext), kept.number);
  DotPanel panel{kept.width, kept.lane_stride, kept.step_stride, part.product->lines.has_value()};
  emitDotLoop(b, function->getArg(3), function->getArg(4), 1, [&](llvm::Value* number) {
    llvm::Value* lane = b.CreateNSWMul(number, b.getInt64(kept.width));
    llvm::Value* first =
        emitDotOffset(b, b.getInt64(kept.start), lane, b.getInt64(kept.lane_stride));
    llvm::Value* place = b.CreateNSWMul(number, b.getInt64(kept.panelBytes(plan)));
    b.CreateCall(dotPackFunction(b, plan, panel),
                 {b.CreateGEP(types.stored, from, first), b.getInt64(kept.lane_stride),
                  b.getInt64(kept.step_stride), b.CreateNSWSub(b.getInt64(kept.lanes), lane),
                  b.getInt64(kept.steps), b.CreateGEP(b.getInt8Ty(), to, place)});
  });
  b.CreateRetVoid();
}

} // namespace weft::cpu
