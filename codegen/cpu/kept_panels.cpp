// Panels that are packed ahead of calls: which factor they are of, and the function that packs
// them.
#include "codegen/cpu/dot_parts.h"
#include "codegen/cpu/dot_winograd.h"
#include "codegen/cpu/kernel_function.h"
#include "codegen/cpu/plan.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {

std::string KeptPanels::layout(const DotPlan& plan) const {
  std::string text = nameOfElement(plan.shape.element);
  for (int64_t number :
       {start, lanes, steps, panel_steps, lane_stride, step_stride, width, int64_t(plan.group)})
    text += "." + std::to_string(number);
  return text;
}

BlockArgument keptBuffer(const Product& product, const ProductFactor& factor) {
  if (factor.window || factor.computed || !isa<AffineConstantExpr>(factor.start)) return {};
  for (int axis : product.batch_axes)
    if (factor.strides[axis] != 0) return {};
  LoadOp load = factor.load;
  auto buffer = load ? dyn_cast<BlockArgument>(load.getMemory()) : BlockArgument();
  auto kernel = buffer ? dyn_cast<KernelOp>(buffer.getOwner()->getParentOp()) : nullptr;
  bool isKept = kernel && kernel.getArgAttr(buffer.getArgNumber(), LoomDialect::kKeptName);
  return isKept ? buffer : BlockArgument();
}

std::optional<KeptPanels> findKept(const Product& product) {
  const DotPlan& plan = product.plan;
  const DotShape& shape = plan.shape;
  bool of_rows = product.winograd || product.lines;
  const ProductFactor& factor = of_rows ? product.a : product.b;
  bool packs = of_rows || (plan.packs_b && !plan.lanes_along_k);
  BlockArgument buffer = packs ? keptBuffer(product, factor) : BlockArgument();
  if (!buffer) return {};
  KeptPanels kept;
  kept.buffer = buffer;
  kept.lanes = of_rows ? shape.m : shape.n;
  kept.steps = kept.panel_steps = shape.k;
  kept.width = plan.tileColumns();
  if (product.lines) kept.width = product.lines->tileRows();
  if (product.winograd) {
    kept.width = product.winograd->point.tileRows();
    kept.panel_steps = product.winograd->panelSteps();
  }
  kept.lane_stride = of_rows ? shape.a.row_stride : shape.b.column_stride;
  kept.step_stride = of_rows ? shape.a.column_stride : shape.b.row_stride;
  for (int64_t number : {kept.lanes, kept.steps, kept.lane_stride, kept.step_stride})
    if (number == kDynamic) return {};
  if (kept.lanes < 1 || kept.steps < 1) return {};
  kept.start = cast<AffineConstantExpr>(factor.start).getValue();
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
  const Product& product = *part.product;
  DotPanel panel{kept.width, kept.lane_stride, kept.step_stride, product.lines.has_value()};
  emitDotLoop(b, function->getArg(3), function->getArg(4), 1, [&](llvm::Value* number) {
    llvm::Value* lane = b.CreateNSWMul(number, b.getInt64(kept.width));
    llvm::Value* first =
        emitDotOffset(b, b.getInt64(kept.start), lane, b.getInt64(kept.lane_stride));
    llvm::Value* place =
        b.CreateGEP(b.getInt8Ty(), to, b.CreateNSWMul(number, b.getInt64(kept.panelBytes(plan))));
    llvm::Value* factor = b.CreateGEP(types.stored, from, first);
    llvm::Value* lanes = b.CreateNSWSub(b.getInt64(kept.lanes), lane);
    if (product.winograd)
      b.CreateCall(winogradWeightsFunction(b, plan, *product.winograd), {factor, lanes, place});
    else
      b.CreateCall(dotPackFunction(b, plan, panel),
                   {factor, b.getInt64(kept.lane_stride), b.getInt64(kept.step_stride), lanes,
                    b.getInt64(kept.steps), place});
  });
  b.CreateRetVoid();
}

} // namespace weft::cpu
