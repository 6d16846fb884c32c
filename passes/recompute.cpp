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
#include "passes/min_cut.h"
#include "passes/part.h"
#include "passes/passes.h"

#include "passes/typical_size.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {
namespace {

constexpr unsigned kMostRounds = 4;
// Bytes below which a round is not worth it where no budget asks for it.
constexpr double kLeastGain = 1 << 20;
// A product with a longer sum is not cheap whatever a byte is worth.
constexpr int64_t kMostInner = 256;
// What a core does in a nanosecond, roughly: primitives of elementwise ops, of products, bytes
// written for those who read from memory.
constexpr double kPrimitives = 80, kProductPrimitives = 60, kBytesWritten = 10;

// The value whose memory a value shows.
Value baseOf(Value v) {
  while (auto view = dyn_cast_or_null<ir::ViewOp>(v.getDefiningOp()))
    v = view->getOperand(0);
  return v;
}

bool isCheap(Operation* op) {
  if (isa<ir::ViewOp>(op)) return true;
  if (mayRefuse(op) || isRoutine(op)) return false;
  if (isMatrixProduct(op)) return typicalValue(innerSizeOf(op)) <= double(kMostInner);
  return isElementwise(op);
}

bool isReadFromMemory(Value v) {
  return llvm::any_of(v.getUsers(), [](Operation* user) {
    return isProduct(user) || isRoutine(user) ||
           (isa<ir::ViewOp>(user) && isReadFromMemory(user->getResult(0)));
  });
}

double nanosecondsOf(Operation* op) {
  if (isa<ir::ViewOp>(op)) return 0;
  Value y = op->getResult(0);
  double compute = isMatrixProduct(op)
                       ? 2 * typicalCount(y) * typicalValue(innerSizeOf(op)) / kProductPrimitives
                       : typicalCount(y) * std::max(1u, weightOf(op)) / kPrimitives;
  return compute + (isReadFromMemory(y) ? typicalBytes(y) / kBytesWritten : 0);
}

class Recomputation {
public:
  Recomputation(func::FuncOp function, PassContext& context)
      : body(function.getBody().front()), context(context) {}

  void run() {
    for (unsigned round = 0; round < kMostRounds; round++) {
      number();
      findFullestPoint();
      findEarly();
      findNeeded();
      cut();
      if (kept - keptBehindCut() < (context.byteWorth > kUsualByteWorth ? 1 : kLeastGain)) return;
      rewrite();
    }
  }

private:
  bool isBehind(Operation* op) { return position.lookup(op) > point; }
  bool isEarly(Value v) { return v.getDefiningOp() && early.contains(v.getDefiningOp()); }

  void number() {
    ofProducts.clear();
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
      if (isBehind(op) && isCheap(op) && !returned.contains(op->getResult(0))) {
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
      graph.addEdge(in, out, isView ? FlowGraph::kUncut : priceOfKeeping(op));
      if (needed.contains(v)) graph.addEdge(out, sink, FlowGraph::kUncut);
      if (!isCheap(op) || pinned.contains(v)) {
        graph.addEdge(source, in, FlowGraph::kUncut);
        continue;
      }
      if (!isBehind(op)) graph.addEdge(source, in, nanosecondsOf(op) / context.byteWorth);
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

  // In bytes: what nobody reads from memory would not be written if it were not kept.
  double priceOfKeeping(Operation* op) {
    Value v = op->getResult(0);
    if (returned.contains(v)) return 0;
    bool isWritten = !isElementwise(op) || isReadFromMemory(v) || isEndOfProduct(op);
    double bytes = typicalBytes(v);
    return bytes + (isWritten ? 0 : bytes / kBytesWritten / std::min(context.byteWorth, 1.0));
  }

  // Says whether an op ends what follows a product in its kernel: a reduction, which is another
  // kernel, reads it.
  bool isEndOfProduct(Operation* op) {
    return isReduced(op->getResult(0)) && isOfProducts(op->getResult(0));
  }
  static bool isReduced(Value v) {
    return llvm::any_of(v.getUsers(), [](Operation* user) {
      return asReduce(user) || (isa<ir::ViewOp>(user) && isReduced(user->getResult(0)));
    });
  }
  // Products, and what elementwise ops make of them and of arguments.
  bool isOfProducts(Value v) {
    Operation* op = baseOf(v).getDefiningOp();
    if (!op || ir::isNumber(baseOf(v)) || isProduct(op)) return true;
    auto [known, isNew] = ofProducts.try_emplace(op, false);
    if (!isNew) return known->second;
    bool isMade = isElementwise(op) && llvm::all_of(op->getOperands(), [&](Value operand) {
                    return isOfProducts(operand);
                  });
    return ofProducts[op] = isMade;
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
  SmallVector<Operation*> ops;
  llvm::DenseMap<Operation*, unsigned> position;
  llvm::DenseSet<Value> returned; // or what the function returns a view of
  unsigned point = 0;
  double kept = 0; // bytes, at the point
  llvm::SetVector<Operation*> early, again;
  llvm::DenseSet<Value> needed, pinned, saved;
  llvm::DenseMap<Value, Value> copies;
  llvm::DenseMap<Operation*, bool> ofProducts;
};

} // namespace

LogicalResult recompute(ModuleOp module, PassContext& context) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) Recomputation(function, context).run();
  return success();
}

} // namespace weft
