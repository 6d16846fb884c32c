// PartLowering: emits the ops of one part as the body of a loom.part. A value is emitted where it
// is asked for, in the outermost block that knows its indices, and once in each block. Internal to
// the lowering.
#pragma once

#include "passes/loop_plan.h"
#include "passes/lower_part.h"
#include "passes/part_axes.h"
#include "passes/scalar_body.h"

namespace weft {

class PartLowering {
public:
  PartLowering(const Part& part, KernelFrame& frame, mlir::Location loc)
      : part(part), frame(frame), loc(loc), context(loc.getContext()), builder(context),
        ranges(part.ranges()), axes(part, usedExpressions(), windowExpressions()),
        plan(part, [&](mlir::Value output) { return isOverwritten(output); }) {}

  void run();

private:
  // An index that a gather found: where it is one of the dim, and itself, or 0 where it is none.
  struct Found {
    mlir::Value isInside, number, index;
  };
  struct Scope {
    explicit Scope(mlir::Block* block) : block(block) {}
    mlir::Block* block;
    llvm::DenseMap<std::tuple<mlir::Value, mlir::AffineMap, mlir::Value>, mlir::Value> values;
    llvm::DenseMap<unsigned, Found> found;
  };
  struct Condition {
    mlir::Value value;
    int depth = 0;
  };

  mlir::AffineExpr constant(int64_t v) { return mlir::getAffineConstantExpr(v, context); }
  mlir::AffineExpr dim(unsigned k) { return mlir::getAffineDimExpr(k, context); }
  bool hasLoops() const { return part.reduced.any(); }

  mlir::AffineExpr offsetOf(mlir::Value v, llvm::ArrayRef<mlir::AffineExpr> indices);
  llvm::SmallVector<mlir::AffineExpr> usedExpressions();
  bool isWindow(const PartAccess& access);
  llvm::SmallVector<mlir::AffineExpr> windowExpressions();
  int depthOf(llvm::ArrayRef<mlir::AffineExpr> exprs);
  bool isOverwritten(mlir::Value output);
  mlir::OpBuilder& at(int depth);

  //===--- Loops ------------------------------------------------------------------------------===//

  void emitBody();
  unsigned lastLevel() const;
  void emitStores(llvm::function_ref<bool(mlir::Value)> wanted);

  struct Fold {
    mlir::Operation* op;
    ReduceView view;
    mlir::Type compute;
    llvm::SmallVector<mlir::Type, 2> types;
  };

  Fold foldOf(mlir::Operation* op);
  ScalarBody bodyAt(int depth, mlir::Location loc, mlir::Type compute);
  void emitLevel(unsigned level);
  void endLoop();
  llvm::SmallVector<mlir::Value> emitNest(unsigned loop, llvm::ArrayRef<mlir::Value> identities,
                                          unsigned k);
  llvm::SmallVector<mlir::Value> combineAll(mlir::OpBuilder& b, mlir::ValueRange a,
                                            mlir::ValueRange x);
  llvm::SmallVector<mlir::Value> emitElements(unsigned loop);
  llvm::SmallVector<mlir::Value> elementsOf(llvm::ArrayRef<Fold> folds, int depth);
  mlir::Value finish(Fold& fold, llvm::ArrayRef<mlir::Value> accumulators);

  //===--- Values -----------------------------------------------------------------------------===//

  ir::Exprs canonical(llvm::ArrayRef<mlir::AffineExpr> indices);
  mlir::Value indexValue(mlir::AffineExpr e);
  mlir::Value emitIndex(mlir::AffineExpr e, int depth);
  Found found(unsigned k);
  mlir::Value emitGather(mlir::Operation* op, llvm::ArrayRef<mlir::AffineExpr> indices);
  mlir::Value numberOf(mlir::Value v, llvm::ArrayRef<mlir::AffineExpr> indices, Condition mask);
  mlir::Value valueOf(mlir::Value v, llvm::ArrayRef<mlir::AffineExpr> raw, Condition mask);
  llvm::SmallVector<mlir::Value> placesOf(llvm::MutableArrayRef<mlir::AffineExpr> exprs);
  std::pair<mlir::AffineMap, llvm::SmallVector<mlir::Value>> access(mlir::AffineExpr offset);
  mlir::Value emitLoad(mlir::Value v, llvm::ArrayRef<mlir::AffineExpr> indices, Condition mask,
                       int depth);
  void emitStore(mlir::Value output);
  mlir::Type keptType(mlir::Operation* op) {
    return loom::valueType(ir::elementOf(op->getResult(0)));
  }
  mlir::AffineMap keptMap(llvm::SmallVector<mlir::Value>& places);
  mlir::Value emitOp(mlir::Operation* op, llvm::ArrayRef<mlir::AffineExpr> indices, Condition mask,
                     int depth);
  mlir::Value emitOwn(mlir::Operation* op, llvm::ArrayRef<mlir::AffineExpr> indices, Condition mask,
                      int depth);
  mlir::Value emitNumber(ir::NumberOp op);
  mlir::Value emitRecord(mlir::Operation* op, llvm::ArrayRef<mlir::AffineExpr> indices,
                         Condition mask, int depth);
  mlir::Value elementNumber(mlir::Value i, llvm::ArrayRef<mlir::AffineExpr> shape,
                            mlir::Type compute, mlir::Location where, int depth);
  mlir::Value positionOf(mlir::Operation* op, llvm::ArrayRef<mlir::AffineExpr> indices,
                         mlir::Type compute, int depth);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::AffineExpr a, mlir::AffineExpr b);
  Condition both(Condition a, Condition b);
  mlir::Value emitUpdate(ir::SliceUpdateOp update, llvm::ArrayRef<mlir::AffineExpr> indices,
                         Condition mask);
  mlir::Value emitConcatenate(mlir::Operation* op, llvm::ArrayRef<mlir::AffineExpr> indices,
                              Condition mask);
  bool addsNarrowIntegers();
  mlir::Value emitProduct(mlir::Operation* op, llvm::ArrayRef<mlir::AffineExpr> indices);
  mlir::Value emitFactor(mlir::Value v, Factor factor);
  mlir::Value emitQuantized(mlir::Operation* op, const QuantizedBlocks& blocks, mlir::Value code,
                            mlir::Value scale);
  void setCurrent(mlir::Operation* op) { current = op; }

  struct Local {
    mlir::Value memory;
    bool isFilled = false;
  };

  const Part& part;
  KernelFrame& frame;
  mlir::Location loc;
  mlir::MLIRContext* context;
  mlir::OpBuilder builder;
  ir::Exprs ranges;
  PartAxes axes;
  LoopPlan plan;
  llvm::SmallVector<Scope> scopes;
  llvm::SmallVector<Fold> currentFolds;
  llvm::MapVector<mlir::Operation*, Local> kept;
  llvm::SmallVector<mlir::Operation*> filledHere;
  llvm::DenseMap<mlir::Operation*, mlir::Value> folded;
  mlir::Operation* current = nullptr;
  std::function<int32_t()> code = [this] { return frame.errorCode(current); };
  llvm::function_ref<int32_t()> codeOfCurrent = code;
};

} // namespace weft
