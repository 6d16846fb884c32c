// What a step keeps from its forward to its backward part is computed again there where that is
// cheap.
// 1. The fullest point is the one behind which the values have the most bytes that were made before
//    it and are read after it. Arguments and results have memory of their own.
// 2. Early values are those made before the point, and what cheap ops behind it make of them alone.
//    Later ops read some of them: these have to be kept, or made again of others.
// 3. A minimum cut chooses what is kept: its bytes, and the time that making the rest again takes,
//    are least. (Chen et al., Training deep nets with sublinear memory cost, 2016, is the idea;
//    PyTorch's AOTAutograd chooses by such a cut as well.)
// 4. What lies behind the cut is copied before its first reader, marked, and what nobody reads any
//    more goes. Fusion runs marked ops no earlier than what their readers read besides (fuse).
// 5. Again, until no more is gained.
// Ops are pure, random ones are numbered: a copy computes the same.
#include "passes/memory_prices.h"
#include "passes/min_cut.h"
#include "passes/part.h"
#include "passes/passes.h"
#include "passes/typical_size.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {
namespace {

constexpr unsigned kMostRounds = 4;

class Recomputation {
public:
  Recomputation(func::FuncOp function, PassContext& context)
      : body(function.getBody().front()), context(context), prices(context.byteWorth) {}

  void run() {
    for (unsigned round = 0; round < kMostRounds; round++) {
      number();
      findFullestPoint();
      findEarly();
      findNeeded();
      cut();
      if (kept - keptBehindCut() < prices.leastGain()) return;
      rewrite();
    }
  }

private:
  bool isBehind(Operation* op) { return position.lookup(op) > point; }
  bool isEarly(Value v) { return v.getDefiningOp() && early.contains(v.getDefiningOp()); }

  void number() {
    prices.forget();
    ops.clear();
    position.clear();
    returned.clear();
    for (Operation& op : body.without_terminator()) {
      position[&op] = ops.size();
      ops.push_back(&op);
    }
    for (Value v : body.getTerminator()->getOperands())
      returned.insert(baseOf(v));
  }

  void findFullestPoint() {
    llvm::DenseMap<Value, unsigned> last;
    for (auto [k, op] : llvm::enumerate(ops))
      for (Value v : op->getOperands())
        last[baseOf(v)] = k;
    std::vector<double> change(ops.size() + 1);
    for (auto [k, op] : llvm::enumerate(ops)) {
      if (isTransparent(op) || returned.contains(op->getResult(0))) continue;
      change[k] += typicalBytes(op->getResult(0));
      change[std::max<unsigned>(k, last.lookup(op->getResult(0)))] -=
          typicalBytes(op->getResult(0));
    }
    double live = 0;
    kept = -1;
    for (unsigned k = 0; k < ops.size(); k++)
      if ((live += change[k]) > kept) {
        kept = live;
        point = k;
      }
  }

  void findEarly() {
    early.clear();
    llvm::DenseSet<Operation*> reachesBack; // made of something that is made before the point
    for (Operation* op : ops) {
      if (isa<ir::ScalarOp, ir::NumberOp>(op)) continue;
      bool isMade = !isBehind(op);
      if (isBehind(op) && isCheapToMake(op) && !returned.contains(op->getResult(0))) {
        auto isFine = [&](Value v) {
          return isa<BlockArgument>(v) || ir::isNumber(v) || isEarly(v);
        };
        isMade = llvm::all_of(op->getOperands(), isFine) &&
                 llvm::any_of(op->getOperands(),
                              [&](Value v) { return isEarly(v) && !ir::isNumber(v); });
      }
      if (isMade) early.insert(op);
    }
  }

  // Early values that others read, and those of them that must be kept since nothing would hold
  // back what is made again.
  void findNeeded() {
    needed.clear();
    pinned.clear();
    for (Operation* op : ops) {
      if (early.contains(op) || isa<ir::ScalarOp, ir::NumberOp>(op)) continue;
      bool waits = llvm::any_of(op->getOperands(), [&](Value v) {
        Value base = baseOf(v);
        return base.getDefiningOp() && !ir::isNumber(base) && !isEarly(base);
      });
      for (Value v : op->getOperands()) {
        if (!isEarly(v)) continue;
        needed.insert(v);
        if (!waits) pinned.insert(baseOf(v));
      }
    }
  }

  void cut() {
    FlowGraph graph;
    unsigned source = graph.addNode(), sink = graph.addNode();
    llvm::DenseMap<Value, unsigned> nodes; // of what comes in; the next one is what goes out
    for (Operation* op : early) {
      Value v = op->getResult(0);
      bool isView = isa<ir::ViewOp>(op);
      unsigned in = nodes[v] = graph.addNode(), out = graph.addNode();
      const double price = returned.contains(v) ? 0 : prices.ofKeeping(op);
      graph.addEdge(in, out, isView ? FlowGraph::kUncut : price);
      if (needed.contains(v)) graph.addEdge(out, sink, FlowGraph::kUncut);
      if (!isCheapToMake(op) || pinned.contains(v)) {
        graph.addEdge(source, in, FlowGraph::kUncut);
        continue;
      }
      if (!isBehind(op)) graph.addEdge(source, in, prices.ofMaking(op));
      for (Value operand : op->getOperands())
        if (isEarly(operand)) graph.addEdge(nodes.lookup(operand) + 1, in, FlowGraph::kUncut);
    }
    llvm::BitVector side = graph.sinkSide(source, sink);
    again.clear();
    saved.clear();
    for (Operation* op : early) {
      unsigned in = nodes.lookup(op->getResult(0));
      if (side[in])
        again.insert(op);
      else if (side[in + 1])
        saved.insert(op->getResult(0));
    }
  }

  double keptBehindCut() {
    double bytes = 0;
    for (Value v : saved)
      bytes += returned.contains(v) ? 0 : typicalBytes(v);
    return bytes;
  }

  void rewrite() {
    copies.clear();
    remark();
    for (Operation* op : ops) {
      if (!isBehind(op) || early.contains(op)) continue;
      OpBuilder builder(op);
      for (OpOperand& operand : op->getOpOperands())
        operand.set(late(builder, operand.get()));
    }
    for (Operation* op : llvm::reverse(ops))
      if (again.contains(op) && op->use_empty()) op->erase();
  }

  // The value as a reader behind the point takes it.
  Value late(OpBuilder& builder, Value v) {
    Operation* op = v.getDefiningOp();
    if (!op || !again.contains(op)) return v;
    if (Value copy = copies.lookup(v)) return copy;
    IRMapping mapping;
    bool isSame = isa<ir::ViewOp>(op);
    for (Value operand : op->getOperands()) {
      mapping.map(operand, late(builder, operand));
      isSame &= mapping.lookup(operand) == operand;
    }
    if (isSame) return copies[v] = v;
    Operation* copy = builder.clone(*op, mapping);
    if (!isa<ir::ViewOp>(op)) copy->setAttr(ir::kRecomputedName, builder.getUnitAttr());
    return copies[v] = copy->getResult(0);
  }

  // Says of each value that is no longer kept what that saves.
  void remark() {
    if (!context.remarks) return;
    llvm::DenseMap<Value, Operation*> readers; // the last one behind the point
    for (Operation* op : ops)
      for (Value v : op->getOperands())
        if (isBehind(op)) readers[baseOf(v)] = op;
    for (Operation* op : again) {
      Value v = op->getResult(0);
      Operation* reader = readers.lookup(v);
      if (isTransparent(op) || isBehind(op) || !reader || returned.contains(v)) continue;
      auto name = [](Operation* named) { return named->getName().stripDialect().str(); };
      context.remarks->list.push_back(
          {Remark::Kind::recomputed, op->getLoc(), name(op), reader->getLoc(), name(reader),
           Reason{"recomputed", "it is computed again for what reads it later"},
           int64_t(typicalBytes(v))});
    }
  }

  Block& body;
  PassContext& context;
  MemoryPrices prices;
  SmallVector<Operation*> ops;
  llvm::DenseMap<Operation*, unsigned> position;
  llvm::DenseSet<Value> returned; // or what the function returns a view of
  unsigned point = 0;
  double kept = 0; // bytes, at the point
  llvm::SetVector<Operation*> early, again;
  llvm::DenseSet<Value> needed, pinned, saved;
  llvm::DenseMap<Value, Value> copies;
};

} // namespace

LogicalResult recompute(ModuleOp module, PassContext& context) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) Recomputation(function, context).run();
  return success();
}

} // namespace weft
