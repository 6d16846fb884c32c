// The register tile of a product with fewer columns than a vector has lanes: lanes hold steps of k,
// one vector for each row and column, and are added up when the steps are done.
#include "codegen/cpu/dot_parts.h"

#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

class TileAlongKEmitter {
public:
  TileAlongKEmitter(IRBuilderBase& builder, const DotPlan& plan, const DotTileLayout& layout,
                    Function* function)
      : b(builder), plan(plan), layout(layout), types(builder.getContext(), plan),
        function(function), sums(function->getArg(2)), columns(int(plan.shape.n)),
        sums_of_tile(plan.tile_rows * columns, Constant::getNullValue(types.vec)) {}

  void emit() {
    Value *a = function->getArg(0), *panel = function->getArg(1), *steps = function->getArg(3);
    b.SetInsertPoint(BasicBlock::Create(b.getContext(), "entry", function));
    Value* whole = b.CreateAnd(steps, b.getInt64(-int64_t(plan.lanes)));
    wholeVectors(a, panel, whole);
    if (plan.k_block % plan.lanes != 0 || plan.shape.k % plan.lanes != 0)
      lastVector(a, panel, whole, b.CreateNSWSub(steps, whole));
    for (int row = 0; row < plan.tile_rows; ++row)
      storeRow(row);
    b.CreateRetVoid();
  }

private:
  void wholeVectors(Value* a, Value* panel, Value* whole) {
    LLVMContext& context = b.getContext();
    BasicBlock* before = b.GetInsertBlock();
    BasicBlock* loop = BasicBlock::Create(context, "k", function);
    BasicBlock* done = BasicBlock::Create(context, "done", function);
    b.CreateCondBr(b.CreateICmpSGT(whole, b.getInt64(0)), loop, done);
    b.SetInsertPoint(loop);
    PHINode* step = b.CreatePHI(types.i64, 2, "step");
    step->addIncoming(b.getInt64(0), before);
    std::vector<PHINode*> carried;
    for (Value*& sum : sums_of_tile) {
      carried.push_back(b.CreatePHI(types.vec, 2));
      carried.back()->addIncoming(sum, before);
      sum = carried.back();
    }
    addVector(at(types.stored, a, step), panelAt(panel, step), nullptr);
    Value* next = b.CreateNSWAdd(step, b.getInt64(plan.lanes));
    step->addIncoming(next, loop);
    b.CreateCondBr(b.CreateICmpSLT(next, whole), loop, done);
    b.SetInsertPoint(done);
    for (auto [phi, sum] : zip_equal(carried, sums_of_tile)) {
      phi->addIncoming(sum, loop);
      PHINode* result = b.CreatePHI(types.vec, 2);
      result->addIncoming(Constant::getNullValue(types.vec), before);
      result->addIncoming(sum, loop);
      sum = result;
    }
  }

  // Lanes beyond the last step are 0 in A, and in the panel.
  void lastVector(Value* a, Value* panel, Value* step, Value* count) {
    BasicBlock* before = b.GetInsertBlock();
    std::vector<Value*> without = sums_of_tile;
    BasicBlock* last = nullptr;
    emitDotIf(b, b.CreateICmpSGT(count, b.getInt64(0)), [&] {
      addVector(at(types.stored, a, step), panelAt(panel, step),
                firstLanesDot(b, plan.lanes, count));
      last = b.GetInsertBlock();
    });
    for (auto [sum, old] : zip_equal(sums_of_tile, without)) {
      PHINode* merged = b.CreatePHI(types.vec, 2);
      merged->addIncoming(old, before);
      merged->addIncoming(sum, last);
      sum = merged;
    }
  }

  void addVector(Value* a, Value* panel, Value* mask) {
    std::vector<Value*> row;
    for (int i = 0; i < plan.tile_rows; ++i) {
      Value* from = b.CreateConstGEP1_64(b.getInt8Ty(), a, i * layout.a_row);
      row.push_back(emitDotLoad(b, types, from, plan.lanes, mask));
    }
    for (int j = 0; j < columns; ++j) {
      Value* from = b.CreateConstGEP1_64(types.sum, panel, int64_t(j) * plan.lanes);
      Value* column = b.CreateAlignedLoad(types.vec, from, Align(plan.target.vector_bytes));
      for (int i = 0; i < plan.tile_rows; ++i) {
        Value*& sum = sums_of_tile[i * columns + j];
        sum = multiplyAddDot(b, plan, row[i], column, sum);
      }
    }
  }

  // The sums of a row stand in the first lanes of a line, which has them from the blocks before.
  void storeRow(int row) {
    Value* total = addLanes(ArrayRef(sums_of_tile).slice(size_t(row) * columns, columns));
    Value* line = b.CreateConstGEP1_64(types.sum, sums, row * layout.sums_row);
    Align align(plan.target.vector_bytes);
    if (plan.severalBlocks()) {
      Value* before = b.CreateAlignedLoad(types.vec, line, align);
      before = b.CreateSelect(function->getArg(4), Constant::getNullValue(types.vec), before);
      total = add(before, total);
    }
    b.CreateAlignedStore(total, line, align);
  }

  // Lane j of the result is the sum of the lanes of vector j; further lanes are unspecified.
  // Invariant: a vector is segments of `width` lanes, one for each column, in order. A stage adds
  // the halves of the segments of two vectors, which become one.
  Value* addLanes(ArrayRef<Value*> of_columns) {
    std::vector<Value*> vectors(of_columns);
    vectors.resize(PowerOf2Ceil(vectors.size()), PoisonValue::get(types.vec));
    for (int width = plan.lanes; width > 1; width /= 2) {
      std::vector<Value*> halved;
      for (size_t i = 0; i < vectors.size(); i += 2) {
        Value* second = i + 1 < vectors.size() ? vectors[i + 1] : PoisonValue::get(types.vec);
        halved.push_back(add(b.CreateShuffleVector(vectors[i], second, halves(width, 0)),
                             b.CreateShuffleVector(vectors[i], second, halves(width, width / 2))));
      }
      vectors = halved;
    }
    return vectors[0];
  }

  // The lanes that start `from` behind the beginning of their segment of two vectors, half of them.
  std::vector<int> halves(int width, int from) const {
    std::vector<int> lanes;
    for (int segment = 0; segment < 2 * plan.lanes; segment += width)
      for (int lane = 0; lane < width / 2; ++lane)
        lanes.push_back(segment + from + lane);
    return lanes;
  }

  Value* add(Value* x, Value* y) {
    return types.sum->isIntegerTy() ? b.CreateAdd(x, y) : b.CreateFAdd(x, y);
  }
  Value* at(Type* type, Value* base, Value* index) { return b.CreateGEP(type, base, index); }
  Value* panelAt(Value* panel, Value* step) {
    return at(types.sum, panel, b.CreateNSWMul(step, b.getInt64(columns)));
  }

  IRBuilderBase& b;
  const DotPlan& plan;
  const DotTileLayout& layout;
  DotTypes types;
  Function* function;
  Value* sums;
  int columns;
  std::vector<Value*> sums_of_tile; // [rows][columns]
};

} // namespace

Function* dotTileAlongKFunction(IRBuilderBase& b, const DotPlan& plan,
                                const DotTileLayout& layout) {
  DotTypes types(b.getContext(), plan);
  std::string name = std::string("weft.dot.along_k.") + nameOfElement(plan.shape.element) + "." +
                     std::to_string(plan.tile_rows) + "x" + std::to_string(plan.shape.n) + ".a" +
                     std::to_string(layout.a_row) + ".k" + std::to_string(plan.k_block) + "of" +
                     std::to_string(plan.shape.k);
  return dotFunction(
      b, name, {types.ptr, types.ptr, types.ptr, types.i64, b.getInt1Ty(), types.ptr},
      [&](Function* function) { TileAlongKEmitter(b, plan, layout, function).emit(); });
}

} // namespace weft::cpu
