// PartPrinter: prints the body of one loom.part as C. Internal to the device emitter.
//
// Where a block computes one point, code outside of the loops that its threads share is run by
// every thread, with the same values; only stores are done by the first thread alone. Barriers
// stand where one thread may touch what another has touched since the last one.
#pragma once

#include "codegen/gpu/names.h"
#include "codegen/gpu/plan.h"
#include "ir/loom/rare.h"

#include <set>

namespace weft::gpu {

class PartPrinter {
public:
  PartPrinter(Code& out, const Names& names, const KernelPlan& kernel, const PartPlan& plan)
      : out(out), names(names), kernel(kernel), plan(plan), rare_(plan.part) {}
  void print();

private:
  using Texts = llvm::SmallVector<std::string, 4>;

  // Memory touched since the last barrier, or by an op: buffers all count as one, since two of them
  // may be the same memory; so does the tree in which threads join what they accumulated.
  struct Touched {
    std::set<const void*> read, written;
    bool empty() const { return read.empty() && written.empty(); }
  };

  struct Side; // of a product by tiles: the names of a factor in the text

  //--- part_printer.cpp: axes, ops, loops
  void declareLocals();
  /// Declares axes as the digits of a number, the last axis being the fastest.
  void printAxes(llvm::ArrayRef<unsigned> axes, mlir::AffineExpr points, std::string point);
  /// An expression of the sizes as an operand.
  std::string operand(mlir::AffineExpr expr) const;
  void printBlock(mlir::Block& block);
  /// Prints an op, unless a branch will do so.
  void printOp(mlir::Operation& op);
  void printNow(mlir::Operation& op);
  void printRarely(loom::RarelyOp op);
  void printScalar(mlir::Operation& op);
  Texts declareSums(mlir::Operation* op);
  void printLoop(mlir::Operation* op);
  void printSharedLoop(mlir::Operation* op, llvm::ArrayRef<std::string> sums);
  void printSerialLoop(mlir::Operation* op, llvm::ArrayRef<std::string> sums);
  void printIterations(mlir::Operation* op, const std::string& first, const std::string& step,
                       llvm::ArrayRef<std::string> sums);
  void step(mlir::Operation* op, llvm::ArrayRef<std::string> sums);
  void merge(mlir::Operation* op, llvm::ArrayRef<std::string> sums,
             llvm::ArrayRef<std::string> values);
  void joinThreads(mlir::Operation* op, llvm::ArrayRef<std::string> sums);
  void joinOthers(mlir::Operation* op, llvm::ArrayRef<std::string> sums,
                  llvm::ArrayRef<std::string> trees, const std::string& from, int step, int end);
  /// Opens a loop that is to be unrolled and returns its index.
  std::string openUnrolled(const char* stem, int first, int end, int step = 1);

  //--- part_product.cpp: products by tiles
  struct Fetched { // an element of a factor: what holds it, its row in the tile, its step
    std::string value, row, step;
  };
  void printProduct();
  Side declareSide(const ProductSide& side, const std::string& tile_number,
                   const std::string& thread_number);
  void printSteps(const Side& rows, const Side& columns, const std::string& sums);
  Fetched openFetched(const Side& side);
  void printFetch(const Side& side, const std::string& first);
  void printKeep(const Side& side, const std::string& half);
  std::string printRead(const Side& side, const std::string& half, const std::string& k);
  void printMultiply(const Side& rows, const Side& columns, const std::string& half,
                     const std::string& sums);
  std::pair<std::string, std::string> openRows(const Side& side, bool unrolled);
  void printTileEnd(const Side& rows, const Side& columns, std::string sums);

  //--- part_memory.cpp: loads, stores, barriers
  std::string withinText(loom::LoadOp op);
  void printLoad(loom::LoadOp op);
  void printStore(loom::StoreOp op);
  std::string element(mlir::Value memory, mlir::AffineMap map, mlir::ValueRange indices);
  Touched touchedBy(mlir::Operation* op) const;
  void touch(const Touched& next);
  void barrier();
  bool isShared() const { return !plan.point_per_thread && !own_; }

  Code& out;
  Names names;
  const KernelPlan& kernel;
  const PartPlan& plan;
  loom::RareSides rare_;
  llvm::DenseSet<mlir::Operation*> in_branch_; // of these, what the branches at hand have printed
  Touched since_barrier_;
  bool own_ = false; // inside a loop that the threads share
};

} // namespace weft::gpu
