// A part from the outside in: chunks of the launch, ranges of its axes in a chunk, nested loops, or
// a tiled product.
#include "codegen/cpu/part_emitter.h"

#include "codegen/cpu/dot.h"
#include "codegen/cpu/dot_lines.h"
#include "codegen/cpu/dot_parts.h"
#include "codegen/cpu/dot_windows.h"
#include "codegen/cpu/dot_winograd.h"
#include "codegen/cpu/kernel_function.h"

#include <numeric>

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

constexpr int64_t kZeroAlign = 1 << 20; // of a range that starts at 0

Value* minimum(llvm::IRBuilderBase& b, Value* x, Value* y) {
  return b.CreateSelect(b.CreateICmpSLT(x, y), x, y);
}

} // namespace

// Locals stand in the entry block's frame, or in the thread's scratch memory (weft_kernel_context's
// third field).
void PartEmitter::placeLocals(Value* context) {
  Value* scratch = nullptr;
  for (const LocalPlace& place : plan.locals) {
    Value* base = nullptr;
    if (place.on_stack) {
      int64_t bytes = cast<AffineConstantExpr>(place.bytes).getValue();
      auto* frame =
          b.CreateAlloca(llvm::ArrayType::get(b.getInt8Ty(), std::max<int64_t>(bytes, 1)));
      frame->setAlignment(llvm::Align(64));
      base = frame;
    } else {
      if (!scratch) scratch = loadPointer(b, context, kScratchOfContext);
      base = b.CreateGEP(b.getInt8Ty(), scratch, size(place.offset));
    }
    LocalOp local = place.local;
    memory_[local.getResult()] = base;
  }
}

void PartEmitter::emit(Value* context, Value* begin, Value* end) {
  context_ = context;
  if (plan.product) {
    emitProduct(begin, end);
    return;
  }
  placeLocals(context);
  forLoop(b.CreateSub(end, begin), 1, {}, [&](Value* i, ArrayRef<Value*>) {
    emitChunk(b.CreateAdd(begin, i));
    return Values{};
  });
}

// A chunk's number has a digit for each axis that is cut, the first axis's the highest.
void PartEmitter::emitChunk(Value* chunk) {
  PartOp part = plan.part;
  unsigned count = part.getNumAxes();
  ranges_.assign(count, Range{});
  int first_cut = -1;
  for (int i = int(count) - 1; i >= 0; --i)
    if (part.getAxis(i).getChunk() > 0) first_cut = i;
  for (int i = int(count) - 1; i >= 0; --i) {
    AxisAttr axis = part.getAxis(i);
    Value* extent = size(axis.getExtent().getResult(0));
    int64_t length = axis.getChunk();
    if (length == 0) {
      ranges_[i] = {b.getInt64(0), extent, kZeroAlign};
      continue;
    }
    Value* digit = chunk;
    if (i != first_cut) {
      Value* digits = size(axis.getExtent().getResult(0).ceilDiv(length));
      digit = b.CreateURem(chunk, digits);
      chunk = b.CreateUDiv(chunk, digits);
    }
    Value* low = b.CreateMul(digit, b.getInt64(length), "", true, true);
    auto fixed = axis.getConstantExtent();
    bool whole = fixed && *fixed % length == 0;
    Value* points =
        whole ? b.getInt64(length) : minimum(b, b.getInt64(length), b.CreateSub(extent, low));
    ranges_[i] = {low, points, length & -length};
  }
  Scope chunk_scope(*this);
  emitAxes(0);
}

// The part's axes from `next` on, outermost first; the lane axis is innermost whatever its place.
void PartEmitter::emitAxes(unsigned next) {
  PartOp part = plan.part;
  Block& block = part.getBody().front();
  if (next == part.getNumAxes()) return emitInnermost();
  if (int(next) == plan.lane_axis || (plan.tiling && int(next) == plan.tiling->axis))
    return emitAxes(next + 1);
  const Range& range = ranges_[next];
  serialLoop(block.getArgument(next), range.low, range.count, range.align, block,
             [&] { emitAxes(next + 1); });
}

void PartEmitter::emitInnermost() {
  PartOp part = plan.part;
  Block& block = part.getBody().front();
  if (plan.lane_axis < 0) return emitBlock(block);
  if (plan.tiling) return emitTiles();
  const Range& range = ranges_[plan.lane_axis];
  laneLoop(block.getArgument(plan.lane_axis), range.low, range.count, range.align, plan.blocks,
           block, nullptr);
}

//===--- Products -----------------------------------------------------------------------------===//

// Panels that the context may hold.
Value* PartEmitter::loadPanels(const KeptPanels& kept) {
  Value* place = b.CreateAlloca(b.getPtrTy());
  b.CreateStore(llvm::ConstantPointerNull::get(b.getPtrTy()), place);
  Value* panels = loadPointer(b, context_, kPanelsOfContext);
  emitDotIf(b, b.CreateIsNotNull(panels),
            [&] { b.CreateStore(loadPointer(b, panels, kept.number), place); });
  return b.CreateLoad(b.getPtrTy(), place);
}

void PartEmitter::emitProduct(Value* begin, Value* end) {
  Product product = *plan.product;
  PartOp part = plan.part;
  Block& block = part.getBody().front();
  auto extent = [&](ArrayRef<int> axes) {
    Value* count = b.getInt64(1);
    for (int axis : axes)
      count = b.CreateMul(count, size(part.getAxis(axis).getExtent().getResult(0)));
    return count;
  };
  auto sizeOf = [](Value* value) {
    auto* fixed = llvm::dyn_cast<llvm::ConstantInt>(value);
    return fixed ? DotSize{fixed->getSExtValue(), nullptr} : DotSize{0, value};
  };
  // The indices of some axes from the number of their point; the first one's is the slowest.
  auto indicesOf = [&](ArrayRef<int> axes, Value* point) {
    Values indices(axes.size());
    for (size_t i = indices.size(); i-- > 0;) {
      Value* length = extent(axes[i]);
      indices[i] = i == 0 ? point : b.CreateURem(point, length);
      point = b.CreateUDiv(point, length);
    }
    return indices;
  };
  auto operand = [&](const ProductFactor& factor, AffineExpr row, AffineExpr column) {
    DotOperand result;
    LoadOp load = factor.load;
    mlir::Type element = elementType(load.getMemory().getType());
    mlir::Value memory = load.getMemory();
    result.base = address(memory_.find(memory)->second, size(factor.start), element);
    result.row_stride = sizeOf(size(row));
    result.column_stride = sizeOf(size(column));
    SmallVector<Value*> strides; // in elements, of the batch axes
    for (int axis : product.batch_axes)
      strides.push_back(size(factor.strides[axis]));
    if (llvm::any_of(product.batch_axes, [&](int axis) { return factor.strides[axis] != 0; }))
      result.batch_offset = [&, strides](llvm::IRBuilderBase&, Value* batch) {
        Value* offset = b.getInt64(0);
        for (auto [stride, index] : llvm::zip(strides, indicesOf(product.batch_axes, batch)))
          offset = b.CreateAdd(offset, b.CreateMul(index, stride));
        return offset;
      };
    return result;
  };
  Value* scratch = loadPointer(b, context_, kScratchOfContext);
  DotProblem problem{product.plan,
                     sizeOf(extent(product.batch_axes)),
                     sizeOf(extent(product.row_axes)),
                     sizeOf(extent(product.column_axis)),
                     sizeOf(size(product.dot.getAxis().getExtent().getResult(0))),
                     operand(product.a,
                             product.row_axes.empty() ? getAffineConstantExpr(0, part.getContext())
                                                      : product.a.strides[product.row_axes.back()],
                             product.a.k_stride),
                     product.b.computed ? DotOperand()
                                        : operand(product.b, product.b.k_stride,
                                                  product.b.strides[product.column_axis])};
  if (product.b.window)
    problem.b.pack = [&](const DotPanelPlace& p) {
      b.CreateCall(dotWindowFunction(b, product.plan, *product.b.window),
                   {p.base, p.column, p.columns, p.step, p.steps, p.to});
    };
  if (product.b.computed)
    problem.b.pack = [&](const DotPanelPlace& place) {
      Value* numbers = b.CreateConstGEP1_64(b.getInt8Ty(), scratch, product.plan.numbersOffset());
      packComputed(product, place, numbers);
    };
  if (plan.kept) problem.panels = loadPanels(*plan.kept);
  hoist(block);
  auto setIndices = [&](ArrayRef<int> axes, Value* number) {
    for (auto [axis, index] : llvm::zip(axes, indicesOf(axes, number)))
      set(block.getArgument(axis), LaneValue::uniform(index));
  };
  DotEpilogue epilogue;
  epilogue.row = [&](Value* batch, Value* row, llvm::function_ref<void()> columns) {
    Scope inside(*this);
    setIndices(product.row_axes, row);
    setIndices(product.batch_axes, batch);
    hoist(block);
    columns();
  };
  epilogue.point = [&](const DotPoint& point) {
    Scope inside(*this);
    lanes_ = Lanes{true, plan.lanes, 1, point.mask, false};
    set(block.getArgument(product.column_axis), lanesAlong(point.column, 1));
    Value* sums = point.sums; // i32 of narrow integers
    if (sums->getType()->isIntOrIntVectorTy())
      sums = b.CreateSExt(sums, sums->getType()->getWithNewType(b.getInt64Ty()));
    set(product.dot.getResult(), LaneValue{LaneValue::Kind::varying, {sums}});
    emitBlock(block);
    lanes_ = Lanes{};
  };
  if (product.winograd)
    return emitDotWinograd(b, problem, *product.winograd, product.b.window->period_stride, scratch,
                           begin, end, epilogue);
  if (product.lines)
    return emitDotLines(b, problem, *product.lines, product.b.window->period_stride, scratch, begin,
                        end, epilogue);
  emitDot(b, problem, scratch, begin, end, epilogue);
}

} // namespace weft::cpu
