// PartPrinter: prints the body of one loom.part as C. Internal to the device emitter.
//
// Where a block computes one point, code outside of the loops that its threads share is run by
// every thread, with the same values; only stores are done by the first thread alone. Barriers
// stand where one thread may touch what another has touched since the last one.
#pragma once

#include "codegen/gpu/names.h"
#include "codegen/gpu/plan.h"
#include "ir/loom/rare.h"

#include <map>
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

  static constexpr int kTreeKeys[2] = {}; // stand for the memory in which threads join sums

  struct Side; // of a product by tiles: the names of a factor in the text

  //--- part_printer.cpp: axes, ops, loops
  void declareLocals();
  /// Declares axes as the digits of a number, the last axis being the fastest.
  void printAxes(llvm::ArrayRef<unsigned> axes, mlir::AffineExpr points, std::string point);
  void declareIndex(const std::string& name, const std::string& value);
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
  void openIterations(mlir::Operation* op, const std::string& first, const std::string& step,
                      const std::string& guard = "");
  void printIterations(mlir::Operation* op, const std::string& first, const std::string& step,
                       llvm::ArrayRef<std::string> sums);
  void step(mlir::Operation* op, llvm::ArrayRef<std::string> sums);
  void merge(mlir::Operation* op, llvm::ArrayRef<std::string> sums,
             llvm::ArrayRef<std::string> values);
  void assign(llvm::ArrayRef<std::string> variables, mlir::ValueRange values);
  void printWalk(loom::WalkOp op);
  /// Opens a loop that is to be unrolled and returns its index.
  std::string openUnrolled(const char* stem, int first, int end, int step = 1,
                           const char* how = "WEFT_UNROLL");
  std::string openUnrolledRun(const char* stem, int end);

  //--- part_join.cpp: sums of all threads
  void joinThreads(mlir::Operation* op, llvm::ArrayRef<std::string> sums);
  Texts declareTrees(mlir::Operation* op);
  void joinWarp(mlir::Operation* op, llvm::ArrayRef<std::string> sums,
                llvm::ArrayRef<std::string> trees);
  void joinFrom(mlir::Operation* op, llvm::ArrayRef<std::string> sums,
                llvm::function_ref<std::string(size_t)> other);

  //--- part_wide.cpp: runs of iterations
  struct Turn { // what a thread does of a wide body at once
    const WideBody& body;
    std::string first; // where its first run starts
    int64_t apart;     // how far its runs are apart
    bool all;          // every run starts inside of the extent
    // Flags that say that accesses are contiguous and aligned, by the size that must be 1 for it.
    std::map<std::string, std::string> flags;
  };
  struct Run;
  void printWideLoop(mlir::Operation* op, const WideBody& wide, llvm::ArrayRef<std::string> sums);
  void printWidePoints(const WideBody& wide);
  void printTurn(const Turn& turn, llvm::function_ref<void()> behind);
  std::map<std::string, std::string> declareFlags(const WideBody& wide);
  Run openRun(const Turn& turn);
  std::pair<std::string, std::string> openElements(const Turn& turn, const Run& run);
  void openWide(const Turn& turn, const Run& run, const std::string& flag);
  std::string stepText(const WideLoad& load) const;
  void fetch(const Turn& turn, const std::string& flag,
             llvm::ArrayRef<std::pair<loom::LoadOp, std::string>> loads);
  void printRun(loom::LoadOp load, const std::string& from,
                llvm::function_ref<void(const std::string&, int)> use);
  void putDown(const Turn& turn, const Run& run,
               llvm::ArrayRef<std::pair<loom::StoreOp, std::string>> stores);
  template <class Access>
  std::string elementAt(Access access, const WideBody& wide, const std::string& index);
  std::string spaceOf(mlir::Value memory) const;

  //--- part_product.cpp: products by tiles
  void printProduct();
  void printByThreads();
  void printTile(const Side& rows, const Side& columns, llvm::StringRef element);
  std::string tileNumber(const ProductSide& side) const;
  Side declareSide(const ProductSide& side, const std::string& tile_number,
                   const std::string& thread_number);
  void printSteps(const Side& rows, const Side& columns, const std::string& sums);
  std::string printRead(const Side& side, const std::string& half, const std::string& k);
  void printMultiply(const Side& rows, const Side& columns, const std::string& half,
                     const std::string& sums);
  std::pair<std::string, std::string> openRows(const Side& side, bool unrolled);
  void printTileEnd(const Side& rows, const Side& columns, std::string sums);
  struct TileEnd { // arrays of what the elements of a row load first and store last
    std::vector<std::pair<loom::LoadOp, std::string>> loads;
    std::vector<std::pair<loom::StoreOp, std::string>> stores;
  };
  TileEnd declareTileEnd(mlir::Block& body, int across);

  //--- part_fetch.cpp: their factors
  struct Fetched { // an element or a run of a factor: its number, its row in the tile, its step
    std::string number, row, step;
  };
  Fetched openFetched(const Side& side);
  Texts insideOf(const Side& side, const std::string& row, const std::string& k, int count);
  void printFetch(const Side& side, const std::string& first);
  void printFetchElement(const Side& side, const std::string& to, const std::string& row,
                         const std::string& k);
  void printFetchRun(const Side& side, const Fetched& fetched, const std::string& row,
                     const std::string& k);
  void printFetchEdge(const Side& side, llvm::ArrayRef<std::string> arrays, const std::string& row,
                      const std::string& k);
  void printKeep(const Side& side, const std::string& half);

  //--- part_mma.cpp: products by tensor cores
  void printByMatrices();
  Side declareMatrices(const ProductSide& side, int warps, int apart, int pairs);
  void printMatrixSteps(const Side& rows, const Side& columns, const std::string& sums);
  struct Chunk { // 16 bytes of a stretch: whether the thread has it, and where it lies
    std::string exists, place, row, k, from;
  };
  struct Copies { // the thread's chunks of a stretch: their number and the names of what is known
    const Side& side;
    int count;
    std::string from, place, whole;
  };
  Chunk declareChunk(const Side& side, const std::string& e, const std::string& first);
  Copies declareCopies(const Side& side);
  void printCopies(const Copies& copies, const std::string& first, const std::string& stage);
  void printChunks(const Copies& copies, const std::string& first, const std::string& stage);
  void printCopyEdge(const Side& side, const std::string& to, const std::string& row,
                     const std::string& k);
  void printReadMatrices(const Side& side, const std::string& to, const std::string& stage,
                         const std::string& first, const std::string& k);
  void printMultiplyMatrices(const Side& rows, const Side& columns, const std::string& stage,
                             const std::string& sums);

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
  // Of wide bodies: where a load's value is, where a store's goes, and the iteration's number among
  // those of its thread.
  llvm::DenseMap<mlir::Operation*, std::string> registers_;
  std::string of_thread_;
  std::map<std::string, std::string> kept_; // elements of the row that registers hold, by place
  int trees_ = 0; // that threads have joined sums in: every other one is in other memory
};

} // namespace weft::gpu
