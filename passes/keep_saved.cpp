// Of what a backward pass outside of the program will read, only what is dear to make again is
// kept.
// 1. Results that are marked as saved are read by nobody but a backward pass. Leaves and the other
//    results are there by then; leaves that may hold something else count as gone.
// 2. A minimum cut between those and the saved results chooses what is kept: its bytes, and the
//    time that making the rest again takes, are least. What is kept need not be saved: of softmax
//    it is two numbers a row.
// 3. The function returns what is kept, and each result says which value of the segment it is.
//    Whoever runs the program makes the others again, by the segment's own ops.
// It runs on the function as imported, so that values are those of the segment.
#include "passes/memory_prices.h"
#include "passes/min_cut.h"
#include "passes/part.h"
#include "passes/passes.h"
#include "passes/typical_size.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weft {
namespace {

class SavedChoice {
public:
  SavedChoice(func::FuncOp function, PassContext& context)
      : function(function), body(function.getBody().front()), context(context),
        prices(context.byteWorth) {}

  void run() {
    findResults();
    if (saved.empty()) return;
    cut();
    if (gain() >= prices.leastGain()) rewrite();
    for (Operation& op : body)
      op.removeAttr(ir::kValueName);
    for (BlockArgument leaf : body.getArguments())
      function.removeArgAttr(leaf.getArgNumber(), ir::kFixedName);
  }

private:
  void findResults() {
    for (auto [k, v] : llvm::enumerate(body.getTerminator()->getOperands()))
      (function.getResultAttr(k, ir::kSavedName) ? saved : held).insert(v);
    for (Value v : held)
      saved.remove(v);
  }

  // Nothing is made of what its contents may have changed of, nor of what ops in place make.
  bool isFixed(Operation* op) { return !isa<ir::ViewOp>(op) && !op->hasAttr(ir::kValueName); }
  bool isFixed(BlockArgument leaf) {
    return function.getArgAttr(leaf.getArgNumber(), ir::kFixedName) != nullptr;
  }

  void cut() {
    FlowGraph graph;
    unsigned source = graph.addNode(), sink = graph.addNode();
    llvm::MapVector<Value, unsigned> nodes; // of what comes in; the next one is what goes out
    for (Operation& op : body.without_terminator()) {
      if (isa<ir::ScalarOp, ir::NumberOp>(op)) continue;
      Value v = op.getResult(0);
      unsigned in = nodes[v] = graph.addNode(), out = graph.addNode();
      graph.addEdge(in, out, priceOfKeeping(&op));
      if (saved.contains(v)) graph.addEdge(out, sink, FlowGraph::kUncut);
      if (isFixed(&op) || !isCheapToMake(&op)) {
        graph.addEdge(source, in, FlowGraph::kUncut);
        continue;
      }
      graph.addEdge(source, in, priceOfMaking(&op));
      for (Value operand : op.getOperands())
        if (auto node = nodes.find(operand); node != nodes.end())
          graph.addEdge(node->second + 1, in, FlowGraph::kUncut);
        else if (auto leaf = dyn_cast<BlockArgument>(operand); leaf && isFixed(leaf))
          graph.addEdge(source, in, FlowGraph::kUncut);
    }
    llvm::BitVector side = graph.sinkSide(source, sink);
    for (auto [v, in] : nodes)
      if (side[in])
        again.insert(v);
      else if (side[in + 1] && !held.contains(v))
        kept.insert(v);
  }

  double priceOfKeeping(Operation* op) {
    if (isa<ir::ViewOp>(op) || isFixed(op)) return FlowGraph::kUncut;
    return held.contains(op->getResult(0)) ? 0 : prices.ofKeeping(op);
  }

  // Who reads a saved value is not known yet: it may be a product.
  double priceOfMaking(Operation* op) {
    Value v = op->getResult(0);
    return prices.ofMaking(op) + (saved.contains(v) ? prices.ofWriting(v) : 0);
  }

  double gain() {
    double bytes = 0;
    for (Value v : saved)
      bytes += typicalBytes(v);
    for (Value v : kept)
      bytes -= typicalBytes(v);
    return bytes;
  }

  void rewrite() {
    Operation* end = body.getTerminator();
    SmallVector<Value> results;
    SmallVector<Attribute> attributes;
    for (auto [k, v] : llvm::enumerate(end->getOperands())) {
      if (saved.contains(v) && again.contains(v)) {
        remark(v);
        continue;
      }
      results.push_back(v);
      attributes.push_back(DictionaryAttr::get(function.getContext(), function.getResultAttrs(k)));
    }
    OpBuilder builder(function.getContext());
    for (Value v : kept)
      if (!saved.contains(v)) {
        results.push_back(v);
        attributes.push_back(builder.getDictionaryAttr(
            {builder.getNamedAttr(ir::kSavedName, builder.getUnitAttr()),
             builder.getNamedAttr(ir::kValueName, v.getDefiningOp()->getAttr(ir::kValueName))}));
      }
    end->setOperands(results);
    function.setType(builder.getFunctionType(function.getArgumentTypes(), TypeRange(results)));
    function.setAllResultAttrs(attributes);
  }

  void remark(Value v) {
    if (!context.remarks) return;
    Operation* op = v.getDefiningOp();
    context.remarks->list.push_back(
        {Remark::Kind::left_out, op->getLoc(), op->getName().stripDialect().str(),
         UnknownLoc::get(op->getContext()), "backward",
         Reason{"left-out", "it is computed again of what is kept"}, int64_t(typicalBytes(v))});
  }

  func::FuncOp function;
  Block& body;
  PassContext& context;
  MemoryPrices prices;
  llvm::SetVector<Value> saved, held; // results: those that backward alone reads, others
  llvm::SetVector<Value> kept, again;
};

} // namespace

LogicalResult keepSaved(ModuleOp module, PassContext& context) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) SavedChoice(function, context).run();
  return success();
}

} // namespace weft
