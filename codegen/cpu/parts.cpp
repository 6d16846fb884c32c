// A part from the outside in: chunks of the launch, ranges of its axes in a chunk, nested loops.
#include "codegen/cpu/part_emitter.h"

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

} // namespace weft::cpu
