// PartEmitter: walks the body of one loom.part and emits LLVM IR for the current lanes. Internal to
// the CPU emitter.
//
// A value of the body is uniform (one scalar for all lanes), linear (an index that grows by a
// constant from lane to lane) or varying (a vector for each block of lanes). Lanes run along an
// axis of the part or along a loop; outside of both everything is scalar. Ops that do not depend on
// an axis are emitted once, in front of its loop.
#pragma once

#include "codegen/cpu/dot.h"
#include "codegen/cpu/plan.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/IR/IRBuilder.h"

namespace weft::cpu {

struct LaneValue {
  enum class Kind { uniform, linear, varying };
  Kind kind = Kind::uniform;
  // uniform: one scalar. linear: for each block the scalar at its first lane. varying: a vector for
  // each block.
  llvm::SmallVector<llvm::Value*, 4> parts;
  int64_t stride = 0; // linear: from lane to lane
  int64_t align = 1;  // uniform and linear indices: a divisor of every entry of `parts`
  // linear, where it is known: how far each part lies behind the first one, and a divisor of that.
  llvm::SmallVector<int64_t, 4> behind = {};
  int64_t first_align = 1;

  bool isUniform() const { return kind == Kind::uniform; }
  static LaneValue uniform(llvm::Value* value, int64_t align = 1) {
    return {Kind::uniform, {value}, 0, align};
  }
};

/// The lanes that code is being emitted for.
struct Lanes {
  bool active = false;
  int width = 1, blocks = 1;
  llvm::Value* mask = nullptr; // <width x i1>, null: all lanes; only with one block
  bool streaming = false;      // nontemporal stores are aligned here
};

/// (bound > x) | (bound != bound) ? bound : x, the maximum that is NaN where one of them is, or
/// with < the minimum.
struct Extremum {
  mlir::Value bound, x;
  bool is_maximum;
};

class PartEmitter {
public:
  PartEmitter(llvm::IRBuilder<>& builder, const PartPlan& plan, const CpuTarget& target)
      : b(builder), plan(plan), target(target) {}

  /// Binds a kernel argument: a buffer's base pointer, or a scalar.
  void bindBuffer(mlir::Value buffer, llvm::Value* base) { memory_[buffer] = base; }
  void bindScalar(mlir::Value scalar, llvm::Value* value) {
    set(scalar, LaneValue::uniform(value));
  }
  void bindSizes(llvm::ArrayRef<llvm::Value*> sizes) { sizes_.assign(sizes.begin(), sizes.end()); }

  /// Emits the chunks [begin, end) of the part. `context` points to the weft_kernel_context.
  void emit(llvm::Value* context, llvm::Value* begin, llvm::Value* end);

  /// Says whether stores by-pass the cache somewhere, so that the kernel must end with a fence.
  bool streams() const { return streams_; }

  /// Emits an expression of the sizes.
  llvm::Value* size(mlir::AffineExpr expr);

private:
  using Values = llvm::SmallVector<llvm::Value*, 8>;
  using LaneValues = llvm::SmallVector<LaneValue, 4>;

  // What a loop accumulates: `step` joins a new value to the accumulators, `merge` two
  // accumulators.
  struct Reduction {
    LaneValues identities;
    llvm::SmallVector<mlir::Type, 4> types;
    std::function<LaneValues(const LaneValues&, const LaneValues&)> step, merge;
  };

  //--- parts.cpp: chunks, axes
  void placeLocals(llvm::Value* context);
  void emitChunk(llvm::Value* chunk);
  void emitAxes(unsigned next);
  void emitInnermost();

  //--- part_product.cpp
  void emitProduct(llvm::Value* begin, llvm::Value* end);
  llvm::Value* loadPanels(const KeptPanels& kept);
  llvm::Value* extentOf(llvm::ArrayRef<int> axes);
  Values indicesOf(llvm::ArrayRef<int> axes, llvm::Value* point);
  void setIndices(llvm::ArrayRef<int> axes, llvm::Value* point);
  DotOperand operandOf(const ProductFactor& factor, mlir::AffineExpr row, mlir::AffineExpr column);
  DotProblem problemOf(llvm::Value* scratch);
  DotEpilogue epilogueOf();

  //--- computed_factor.cpp
  void packComputed(const Product& product, const DotPanelPlace& place, llvm::Value* numbers);
  void computeRun(const Product& product, llvm::Value* first, llvm::Value* to, int blocks);

  //--- tiles.cpp
  void emitTiles();
  void emitStrips(llvm::Value* low, llvm::Value* count, llvm::Value* lane_low,
                  llvm::Value* lane_count);
  void stageTile(const Tiling::Load& staged, llvm::Value* low, llvm::Value* lane_low);
  LaneValue loadStaged(loom::LoadOp op);

  //--- loops.cpp
  Values forLoop(llvm::Value* count, int64_t step, llvm::ArrayRef<llvm::Value*> initial,
                 llvm::function_ref<Values(llvm::Value*, llvm::ArrayRef<llvm::Value*>)> body);
  enum class Odds { unknown, rare };
  Values ifElse(llvm::Value* condition, llvm::function_ref<Values()> then_body,
                llvm::function_ref<Values()> else_body, Odds odds = Odds::unknown);
  void serialLoop(mlir::Value index, llvm::Value* low, llvm::Value* count, int64_t align,
                  mlir::Block& block, llvm::function_ref<void()> body);
  void emitLoop(mlir::Operation* op, loom::AxisAttr axis, mlir::Block& body,
                const Reduction& reduction);
  void emitSerialReduction(mlir::Operation* op, llvm::Value* count, mlir::Block& body,
                           const Reduction& reduction);
  Reduction reductionOf(loom::LoopOp op);
  Reduction reductionOf(loom::DotOp op);
  LaneValues yieldsOf(mlir::Block& block);

  //--- lane_loops.cpp
  LaneValues laneLoop(mlir::Value index, llvm::Value* low, llvm::Value* count, int64_t align,
                      int64_t blocks, mlir::Block& block, const Reduction* reduction);
  Values laneBlocks(mlir::Value index, llvm::Value* low, llvm::Value* first, llvm::Value* count,
                    int64_t align, const Lanes& lanes, mlir::Block& block,
                    const Reduction* reduction, llvm::ArrayRef<llvm::Value*> initial);
  Values merged(const Reduction& reduction, llvm::ArrayRef<llvm::Value*> x,
                llvm::ArrayRef<llvm::Value*> y);
  Values joinBlocks(const Reduction& reduction, llvm::ArrayRef<llvm::Value*> carried,
                    int64_t blocks);
  Values joinLanes(const Reduction& reduction, Values total);
  llvm::Value* streamsAligned(mlir::Value index, llvm::Value* low, mlir::Block& block);

  //--- body.cpp
  void hoist(mlir::Block& block);
  bool canHoist(mlir::Operation& op, const llvm::SmallPtrSetImpl<mlir::Value>& written);
  void emitBlock(mlir::Block& block);
  void emitOp(mlir::Operation& op);
  bool waitsForChoice(mlir::Operation& op);
  LaneValue emitChoice(mlir::arith::SelectOp op);
  llvm::Value* anyLane(const LaneValue& condition, bool negated = false);
  void emitRequire(loom::RequireOp op);
  bool emitIndexOp(mlir::Operation& op);
  bool emitExtremum(mlir::Operation& op);
  bool emitCombine(mlir::Operation& op, const Extremum& e);
  bool emitBound(mlir::Operation& op, const Extremum& e);
  llvm::Constant* constantOf(mlir::arith::ConstantOp op);
  llvm::Type* typeOf(mlir::Type type);

  //--- rare.cpp
  bool isReady(loom::RarelyOp op, llvm::SmallPtrSetImpl<mlir::Operation*>& made);
  llvm::SmallVector<loom::RarelyOp> choicesWith(loom::RarelyOp op);
  void emitRareSides(llvm::ArrayRef<loom::RarelyOp> choices, llvm::Value* any);
  void emitRarely(loom::RarelyOp op);
  llvm::SmallVector<mlir::Operation*> sideOf(loom::RarelyOp op) {
    return plan.rare.sideOf(op, [&](mlir::Operation* o) { return has(o->getResult(0)); });
  }

  //--- index.cpp
  LaneValue constantIndex(int64_t value);
  LaneValue lanesAlong(llvm::Value* first, int64_t align);
  LaneValue addIndex(const LaneValue& x, const LaneValue& y);
  LaneValue scaleIndex(const LaneValue& x, int64_t factor);
  LaneValue multiplyIndex(const LaneValue& x, const LaneValue& y);
  LaneValue divideBlocks(const LaneValue& x, int64_t divisor, bool is_mod);
  LaneValue divideIndex(mlir::AffineExprKind kind, const LaneValue& x, const LaneValue& y);
  LaneValue evaluate(mlir::AffineExpr expr, llvm::ArrayRef<LaneValue> dims);
  LaneValue evaluate(mlir::AffineMap map, mlir::ValueRange indices);
  llvm::Constant* iota(int64_t stride, unsigned bits = 64);
  llvm::Value* vectorOf(const LaneValue& value, unsigned block);
  LaneValue byBlock(llvm::function_ref<llvm::Value*(unsigned)> emit);

  //--- lookup.cpp
  bool emitLookup(mlir::Operation& op);
  bool emitCode(mlir::Operation& op);

  //--- memory.cpp
  void prefetch(const PartPlan::Prefetch& next, llvm::Value* base, const LaneValue& offset,
                mlir::Type element);
  // Where a load reads, and what it gives where its mask is off.
  struct LoadPlace {
    llvm::Value* base;
    LaneValue offset;
    mlir::Type element;
    bool moved; // stays in memory's type
    bool masked;
    LaneValue mask, other;
    bool isUniform() const {
      return offset.isUniform() && (!masked || (mask.isUniform() && other.isUniform()));
    }
  };
  LaneValue emitLoad(loom::LoadOp op);
  LoadPlace placeOf(loom::LoadOp op);
  llvm::Value* loadScalar(const LoadPlace& place, unsigned block);
  LaneValue loadUniform(const LoadPlace& place);
  LaneValue loadAllOrNone(const LoadPlace& place);
  LaneValue loadVectors(const LoadPlace& place, bool may_be_nowhere);
  LaneValue isWithin(loom::LoadOp op);
  void emitStore(loom::StoreOp op);
  void emitInterleaved(llvm::ArrayRef<loom::StoreOp> stores); // interleave.cpp
  LaneValue placeInLocal(const LaneValue& offset);
  llvm::Value* address(llvm::Value* base, llvm::Value* offset, mlir::Type element);
  bool isStrided(const LaneValue& offset);
  llvm::Value* activeLanes(llvm::Value* mask);
  llvm::Value* loadLanes(llvm::Value* base, const LaneValue& offset, unsigned block,
                         llvm::Value* mask, mlir::Type element);
  struct StoreKind {
    bool is_nontemporal, is_whole; // whole: not under a mask of LLVM's making
  };
  bool needsWholeStores(mlir::Value memory) const;
  void storeLanes(llvm::Value* value, llvm::Value* base, const LaneValue& offset, unsigned block,
                  llvm::Value* mask, mlir::Type element, StoreKind to);
  llvm::Type* memoryType(mlir::Type element);
  llvm::Value* fromMemory(llvm::Value* value, mlir::Type element);
  llvm::Value* toMemory(llvm::Value* value, mlir::Type element);
  /// Like toMemory, but for what was moved and is as memory has it.
  llvm::Value* inMemory(llvm::Value* value, mlir::Type element);
  bool isTiledByLanes(mlir::Value memory);

  //--- runs.cpp
  struct Run {
    llvm::Value* numbers; // f32, one for each run
    mlir::Value index;
    int64_t length;
  };
  void widenRuns(loom::AxisAttr axis, mlir::Block& body);
  llvm::Value* widened(loom::LoadOp load, llvm::Value* first, int64_t count);
  LaneValue loadOfRun(const Run& run);

  //--- values
  bool has(mlir::Value value) const { return values_.count(value) || memory_.count(value); }
  LaneValue get(mlir::Value value) { return values_.find(value)->second; }
  void set(mlir::Value value, LaneValue lanes) {
    if (values_.insert({value, lanes}).second)
      order_.push_back(value);
    else
      values_[value] = lanes;
  }
  // Forgets what was set since: code after a region must not use values from inside it.
  struct Scope {
    PartEmitter& emitter;
    size_t mark;
    explicit Scope(PartEmitter& e) : emitter(e), mark(e.order_.size()) {}
    ~Scope() {
      while (emitter.order_.size() > mark) {
        mlir::Value value = emitter.order_.pop_back_val();
        emitter.values_.erase(value);
        emitter.rare_sides_.erase(value);
      }
    }
  };

  llvm::IRBuilder<>& b;
  const PartPlan& plan;
  const CpuTarget& target;
  Lanes lanes_;
  llvm::Value* context_ = nullptr;
  llvm::SmallVector<llvm::Value*, 4> sizes_;
  llvm::DenseMap<mlir::Value, LaneValue> values_;
  llvm::SmallVector<mlir::Value, 64> order_;
  // By the result of a choice that is yet to be made; undefined where no lane has the condition.
  llvm::DenseMap<mlir::Value, LaneValue> rare_sides_;
  llvm::DenseMap<mlir::Value, llvm::Value*> memory_; // buffers and locals
  struct Range {
    llvm::Value *low, *count;
    int64_t align;
  };
  llvm::SmallVector<Range, 4> ranges_; // of the axes, in the current chunk
  // Inside a transposed tile: memory of each staged load, and the row at the current point.
  llvm::DenseMap<mlir::Operation*, llvm::Value*> tiles_;
  llvm::Value* tile_row_ = nullptr;
  llvm::DenseMap<mlir::Operation*, Run> runs_; // of loads in the loop at hand
  bool streams_ = false;
};

} // namespace weft::cpu
