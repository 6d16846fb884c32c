// The register tile: rows x vectors accumulators that stay in registers over a run of k.
#include "codegen/cpu/dot_parts.h"

#include "llvm/IR/IntrinsicsX86.h"

#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

// Tiles between the columns of B that are read in place and those that are fetched.
constexpr int64_t kTilesAhead = 2;

class TileEmitter {
public:
  TileEmitter(IRBuilderBase& builder, const DotPlan& plan, const DotTileLayout& layout,
              Function* function)
      : b(builder), plan(plan), layout(layout), types(builder.getContext(), plan),
        function(function), sums(function->getArg(2)),
        sums_of_tile(plan.tile_rows * plan.tile_vectors) {}

  void emit() {
    Value *a = function->getArg(0), *panel = function->getArg(1), *k = function->getArg(3);
    BasicBlock *entry = block("entry"), *loop = block("k"), *done = block("done");
    b.SetInsertPoint(entry);
    std::vector<Value*> start = initialSums();
    if (plan.shiftsColumns()) addShifts(start, function->getArg(5));
    BasicBlock* before = b.GetInsertBlock();
    b.CreateCondBr(b.CreateICmpSGT(k, b.getInt64(0)), loop, done);

    b.SetInsertPoint(loop);
    PHINode* left = phi(types.i64, k, before);
    PHINode *a_here = phi(types.ptr, a, before), *b_here = phi(types.ptr, panel, before);
    std::vector<PHINode*> carried;
    for (size_t i = 0; i < start.size(); ++i) {
      carried.push_back(phi(types.vec, start[i], before));
      sums_of_tile[i] = carried[i];
    }
    for (int step = 0; step < plan.unroll; ++step)
      emitStep(a_here, b_here, step);
    left->addIncoming(b.CreateNSWSub(left, b.getInt64(plan.unroll)), loop);
    a_here->addIncoming(at(a_here, layout.a_step * plan.unroll), loop);
    b_here->addIncoming(at(b_here, layout.b_step * plan.unroll), loop);
    for (size_t i = 0; i < start.size(); ++i)
      carried[i]->addIncoming(sums_of_tile[i], loop);
    b.CreateCondBr(b.CreateICmpSGT(left->getIncomingValue(1), b.getInt64(0)), loop, done);

    b.SetInsertPoint(done);
    std::vector<PHINode*> results;
    for (size_t i = 0; i < start.size(); ++i) {
      results.push_back(phi(types.vec, start[i], before));
      results[i]->addIncoming(sums_of_tile[i], loop);
    }
    for (size_t i = 0; i < start.size(); ++i)
      b.CreateAlignedStore(results[i], sumAddress(i), vectorAlign());
    b.CreateRetVoid();
    done->moveAfter(loop);
  }

private:
  BasicBlock* block(const char* name) { return BasicBlock::Create(b.getContext(), name, function); }

  PHINode* phi(Type* type, Value* value, BasicBlock* from) {
    PHINode* node = b.CreatePHI(type, 2);
    node->addIncoming(value, from);
    return node;
  }

  Value* at(Value* base, int64_t bytes) { return b.CreateConstGEP1_64(b.getInt8Ty(), base, bytes); }

  Align vectorAlign() const { return Align(plan.target.vector_bytes); }

  Value* sumAddress(size_t i) {
    int64_t row = int64_t(i) / plan.tile_vectors, vector = int64_t(i) % plan.tile_vectors;
    return b.CreateConstGEP1_64(types.sum, sums, row * layout.sums_row + vector * plan.lanes);
  }

  // Zeros, or the sums of the steps before where those may exist.
  std::vector<Value*> initialSums() {
    std::vector<Value*> zeros(sums_of_tile.size(), Constant::getNullValue(types.vec));
    if (!plan.severalBlocks()) return zeros;
    BasicBlock *entry = b.GetInsertBlock(), *load = block("continue"), *start = block("start");
    b.CreateCondBr(function->getArg(4), start, load);
    b.SetInsertPoint(load);
    std::vector<Value*> loaded;
    for (size_t i = 0; i < zeros.size(); ++i)
      loaded.push_back(b.CreateAlignedLoad(types.vec, sumAddress(i), vectorAlign()));
    b.CreateBr(start);
    b.SetInsertPoint(start);
    std::vector<Value*> merged;
    for (size_t i = 0; i < zeros.size(); ++i) {
      PHINode* node = phi(types.vec, zeros[i], entry);
      node->addIncoming(loaded[i], load);
      merged.push_back(node);
    }
    return merged;
  }

  // What takes the shift of B's columns from the sums of each row.
  void addShifts(std::vector<Value*>& start, Value* shifts) {
    for (size_t i = 0; i < start.size(); ++i) {
      int64_t row = int64_t(i) / plan.tile_vectors;
      Value* shift =
          b.CreateAlignedLoad(types.sum, at(shifts, row * plan.sumBytes()), Align(plan.sumBytes()));
      start[i] = b.CreateAdd(start[i], b.CreateVectorSplat(plan.lanes, shift));
    }
  }

  void emitStep(Value* a, Value* panel, int step) {
    std::vector<Value*> row;
    for (int v = 0; v < plan.tile_vectors; ++v)
      row.push_back(columnsOf(at(panel, step * layout.b_step), v));
    Align align(plan.group > 1 ? 1 : plan.sumBytes());
    for (int i = 0; i < plan.tile_rows; ++i) {
      Value* scalar =
          b.CreateAlignedLoad(types.sum, at(a, step * layout.a_step + i * layout.a_row), align);
      Value* factor = b.CreateVectorSplat(plan.lanes, scalar);
      for (int v = 0; v < plan.tile_vectors; ++v) {
        Value*& sum = sums_of_tile[i * plan.tile_vectors + v];
        sum = multiplyAdd(factor, row[v], sum);
      }
    }
  }

  // Vector v of a step of B: of a panel, or of the group's rows in place.
  Value* columnsOf(Value* step, int v) {
    if (plan.packs_b || plan.group == 1)
      return b.CreateAlignedLoad(types.vec, at(step, v * plan.target.vector_bytes),
                                 Align(plan.sumBytes()));
    std::vector<Value*> rows;
    int64_t bytes = types.stored->getScalarSizeInBits() / 8, width = plan.lanes * bytes;
    for (int g = 0; g < plan.group; ++g) {
      int64_t place = g * layout.b_row + v * width;
      rows.push_back(b.CreateAlignedLoad(types.row, at(step, place), Align(bytes)));
      // Short pieces of several rows: no prefetcher of the processor follows them.
      if (v * width % 64 == 0)
        b.CreateIntrinsic(Intrinsic::prefetch, {types.ptr},
                          {at(step, place + kTilesAhead * plan.tile_vectors * width), b.getInt32(0),
                           b.getInt32(3), b.getInt32(1)});
    }
    return interleaveDot(b, types, rows);
  }

  Value* multiplyAdd(Value* x, Value* y, Value* sum) {
    if (plan.widensSteps()) return addWidePairs(x, y, sum);
    if (plan.group == 2) return addPairs(x, y, sum);
    if (plan.group == 4) return addQuads(b, sum, y, x); // u8 of B by i8 of A
    return multiplyAddDot(b, plan, x, y, sum);
  }

  // Two fused multiply-adds a lane, the odd step first; denormals count as zeros.
  Value* addPairs(Value* x, Value* y, Value* sum) {
    auto* pairs = FixedVectorType::get(b.getBFloatTy(), 2 * plan.lanes);
    return b.CreateIntrinsic(Intrinsic::x86_avx512bf16_dpbf16ps_512, {},
                             {sum, b.CreateBitCast(y, pairs), b.CreateBitCast(x, pairs)});
  }

  // The sum of two products of i16 a lane.
  Value* addWidePairs(Value* x, Value* y, Value* sum) {
    auto* pairs = FixedVectorType::get(b.getInt16Ty(), 2 * plan.lanes);
    auto id = plan.lanes == 8 ? Intrinsic::x86_avx2_pmadd_wd : Intrinsic::x86_avx512_pmaddw_d_512;
    Value* products =
        b.CreateIntrinsic(id, {}, {b.CreateBitCast(x, pairs), b.CreateBitCast(y, pairs)});
    return b.CreateAdd(sum, products);
  }

  IRBuilderBase& b;
  const DotPlan& plan;
  const DotTileLayout& layout;
  DotTypes types;
  Function* function;
  Value* sums;
  std::vector<Value*> sums_of_tile; // [rows][vectors]
};

} // namespace

Function* dotTileFunction(IRBuilderBase& b, const DotPlan& plan, const DotTileLayout& layout) {
  DotTypes types(b.getContext(), plan);
  const char* element = types.stored->isIntegerTy(8) ? "i8"
                        : types.sum == types.i64     ? "i64"
                        : plan.sumBytes() == 4       ? "f32"
                                                     : "f64";
  std::string name = std::string("weft.dot.tile.") + element + "." +
                     std::to_string(plan.tile_rows) + "x" + std::to_string(plan.tile_vectors) +
                     ".a" + std::to_string(layout.a_row) + "." + std::to_string(layout.a_step) +
                     ".b" + std::to_string(layout.b_step) + "." + std::to_string(layout.b_row) +
                     ".c" + std::to_string(layout.sums_row) + ".u" + std::to_string(plan.unroll) +
                     ".g" + std::to_string(plan.group) + (plan.severalBlocks() ? "s" : "");
  return dotFunction(b, name,
                     {types.ptr, types.ptr, types.ptr, types.i64, b.getInt1Ty(), types.ptr},
                     [&](Function* function) { TileEmitter(b, plan, layout, function).emit(); });
}

} // namespace weft::cpu
