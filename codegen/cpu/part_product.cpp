// A part that is one product: its tiles are those of a DotProblem, the rest of its body runs on
// their sums.
#include "codegen/cpu/part_emitter.h"

#include "codegen/cpu/dot_lines.h"
#include "codegen/cpu/dot_parts.h"
#include "codegen/cpu/dot_windows.h"
#include "codegen/cpu/dot_winograd.h"
#include "codegen/cpu/kernel_function.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

DotSize sizeOf(Value* value) {
  auto* fixed = llvm::dyn_cast<llvm::ConstantInt>(value);
  return fixed ? DotSize{fixed->getSExtValue(), nullptr} : DotSize{0, value};
}

} // namespace

// Panels that the context may hold.
Value* PartEmitter::loadPanels(const KeptPanels& kept) {
  Value* place = b.CreateAlloca(b.getPtrTy());
  b.CreateStore(llvm::ConstantPointerNull::get(b.getPtrTy()), place);
  Value* panels = loadPointer(b, context_, kPanelsOfContext);
  emitDotIf(b, b.CreateIsNotNull(panels),
            [&] { b.CreateStore(loadPointer(b, panels, kept.number), place); });
  return b.CreateLoad(b.getPtrTy(), place);
}

// The number of points of some axes together.
Value* PartEmitter::extentOf(ArrayRef<int> axes) {
  PartOp part = plan.part;
  Value* count = b.getInt64(1);
  for (int axis : axes)
    count = b.CreateMul(count, size(part.getAxis(axis).getExtent().getResult(0)));
  return count;
}

// The indices of some axes from the number of their point; the first one's is the slowest.
PartEmitter::Values PartEmitter::indicesOf(ArrayRef<int> axes, Value* point) {
  Values indices(axes.size());
  for (size_t i = indices.size(); i-- > 0;) {
    Value* length = extentOf(axes[i]);
    indices[i] = i == 0 ? point : b.CreateURem(point, length);
    point = b.CreateUDiv(point, length);
  }
  return indices;
}

void PartEmitter::setIndices(ArrayRef<int> axes, Value* point) {
  PartOp part = plan.part;
  for (auto [axis, index] : llvm::zip(axes, indicesOf(axes, point)))
    set(part.getBody().front().getArgument(axis), LaneValue::uniform(index));
}

DotOperand PartEmitter::operandOf(const ProductFactor& factor, AffineExpr row, AffineExpr column) {
  ArrayRef<int> batch_axes = plan.product->batch_axes;
  DotOperand result;
  LoadOp load = factor.load;
  mlir::Value memory = load.getMemory();
  result.base =
      address(memory_.find(memory)->second, size(factor.start), elementType(memory.getType()));
  result.row_stride = sizeOf(size(row));
  result.column_stride = sizeOf(size(column));
  SmallVector<Value*> strides; // in elements, of the batch axes
  for (int axis : batch_axes)
    strides.push_back(size(factor.strides[axis]));
  if (llvm::any_of(batch_axes, [&](int axis) { return factor.strides[axis] != 0; }))
    result.batch_offset = [this, batch_axes, strides](llvm::IRBuilderBase&, Value* batch) {
      Value* offset = b.getInt64(0);
      for (auto [stride, index] : llvm::zip(strides, indicesOf(batch_axes, batch)))
        offset = b.CreateAdd(offset, b.CreateMul(index, stride));
      return offset;
    };
  return result;
}

DotProblem PartEmitter::problemOf(Value* scratch) {
  const Product& product = *plan.product;
  DotOp dot = product.dot;
  AffineExpr row = product.row_axes.empty() ? getAffineConstantExpr(0, dot.getContext())
                                            : product.a.strides[product.row_axes.back()];
  DotProblem problem{product.plan,
                     sizeOf(extentOf(product.batch_axes)),
                     sizeOf(extentOf(product.row_axes)),
                     sizeOf(extentOf(product.column_axis)),
                     sizeOf(size(dot.getAxis().getExtent().getResult(0))),
                     operandOf(product.a, row, product.a.k_stride),
                     product.b.computed ? DotOperand()
                                        : operandOf(product.b, product.b.k_stride,
                                                    product.b.strides[product.column_axis])};
  if (product.b.window)
    problem.b.pack = [this](const DotPanelPlace& p) {
      b.CreateCall(dotWindowFunction(b, plan.product->plan, *plan.product->b.window),
                   {p.base, p.column, p.columns, p.step, p.steps, p.to});
    };
  if (product.b.computed)
    problem.b.pack = [this, scratch](const DotPanelPlace& place) {
      Value* numbers =
          b.CreateConstGEP1_64(b.getInt8Ty(), scratch, plan.product->plan.numbersOffset());
      packComputed(*plan.product, place, numbers);
    };
  if (plan.kept) problem.panels = loadPanels(*plan.kept);
  return problem;
}

// The rest of the body: what depends on rows alone once a row, the rest on each vector of sums.
DotEpilogue PartEmitter::epilogueOf() {
  DotEpilogue epilogue;
  epilogue.row = [this](Value* batch, Value* row, llvm::function_ref<void()> columns) {
    Scope inside(*this);
    setIndices(plan.product->row_axes, row);
    setIndices(plan.product->batch_axes, batch);
    PartOp part = plan.part;
    hoist(part.getBody().front());
    columns();
  };
  epilogue.point = [this](const DotPoint& point) {
    PartOp part = plan.part;
    DotOp dot = plan.product->dot;
    Block& block = part.getBody().front();
    Scope inside(*this);
    lanes_ = Lanes{true, plan.lanes, 1, point.mask, false};
    set(block.getArgument(plan.product->column_axis), lanesAlong(point.column, 1));
    Value* sums = point.sums; // i32 of narrow integers
    if (sums->getType()->isIntOrIntVectorTy())
      sums = b.CreateSExt(sums, sums->getType()->getWithNewType(b.getInt64Ty()));
    set(dot.getResult(), LaneValue{LaneValue::Kind::varying, {sums}});
    emitBlock(block);
    lanes_ = Lanes{};
  };
  return epilogue;
}

void PartEmitter::emitProduct(Value* begin, Value* end) {
  const Product& product = *plan.product;
  PartOp part = plan.part;
  Value* scratch = loadPointer(b, context_, kScratchOfContext);
  DotProblem problem = problemOf(scratch);
  hoist(part.getBody().front());
  DotEpilogue epilogue = epilogueOf();
  if (product.winograd)
    return emitDotWinograd(b, problem, *product.winograd, product.b.window->period_stride, scratch,
                           begin, end, epilogue);
  if (product.lines)
    return emitDotLines(b, problem, *product.lines, product.b.window->period_stride, scratch, begin,
                        end, epilogue);
  emitDot(b, problem, scratch, begin, end, epilogue);
}

} // namespace weft::cpu
