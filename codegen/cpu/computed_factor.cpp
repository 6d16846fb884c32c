// Panels of a right factor that the dot's body computes: a column after the other its numbers are
// made in scratch memory, with lanes along k as its codes lie, and transposed from there.
#include "codegen/cpu/part_emitter.h"

#include "codegen/cpu/dot_parts.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

constexpr int kBlocks = 4; // vectors along k at a time

} // namespace

// The numbers of the column at hand for k in [first, first + lanes * blocks), where `first` is a
// multiple of as many.
void PartEmitter::computeRun(const Product& product, Value* first, Value* to, int blocks) {
  Scope inside(*this);
  int width = product.plan.lanes;
  DotOp dot = product.dot;
  lanes_ = Lanes{true, width, blocks, nullptr, false};
  set(dot.getBody().getArgument(0), lanesAlong(first, int64_t(width) * blocks));
  for (Operation* op : product.b.ops)
    if (!has(op->getResult(0)) && !plan.rare.contains(op)) emitOp(*op);
  LaneValue numbers = get(product.b.computed);
  for (int i = 0; i < blocks; ++i)
    b.CreateAlignedStore(vectorOf(numbers, i),
                         b.CreateConstGEP1_64(b.getFloatTy(), to, int64_t(i) * width),
                         llvm::Align(4));
  lanes_ = Lanes{};
}

void PartEmitter::packComputed(const Product& product, const DotPanelPlace& place, Value* numbers) {
  const DotPlan& dot = product.plan;
  PartOp part = plan.part;
  Value* count =
      b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, place.columns, b.getInt64(dot.tileColumns()));
  auto none = [] { return Values{}; };
  forLoop(count, 1, {}, [&](Value* column, ArrayRef<Value*>) {
    Scope inside(*this);
    set(part.getBody().getArgument(product.column_axis),
        LaneValue::uniform(b.CreateAdd(place.column, column)));
    Value* line =
        b.CreateGEP(b.getFloatTy(), numbers, b.CreateMul(column, b.getInt64(dot.k_block)));
    int64_t step = int64_t(dot.lanes) * kBlocks;
    auto runs = [&](Value* from, Value* steps, int blocks) {
      forLoop(steps, int64_t(dot.lanes) * blocks, {}, [&](Value* k, ArrayRef<Value*>) {
        Value* at = b.CreateAdd(from, k);
        computeRun(product, b.CreateAdd(place.step, at), b.CreateGEP(b.getFloatTy(), line, at),
                   blocks);
        return none();
      });
    };
    Value* whole = b.CreateAnd(place.steps, b.getInt64(-step));
    runs(b.getInt64(0), whole, kBlocks);
    runs(whole, b.CreateSub(place.steps, whole), 1);
    return none();
  });
  DotPlan plain = dot; // of the numbers, whatever A is stored as
  plain.shape.element = DotElement::f32;
  DotPanel panel{dot.tileColumns(), dot.k_block, 1, false};
  b.CreateCall(dotPackFunction(b, plain, panel), {numbers, b.getInt64(dot.k_block), b.getInt64(1),
                                                  place.columns, place.steps, place.to});
}

} // namespace weft::cpu
