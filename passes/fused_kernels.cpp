#include "passes/fused_kernels.h"
#include "passes/typical_size.h"

#include "mlir/IR/IRMapping.h"

#include <set>

using namespace mlir;

namespace weft {
namespace {

// Bytes that a kernel must let go of to come before its turn.
constexpr double kLeastRelease = 1 << 16;

class KernelWriter {
public:
  KernelWriter(FusionGraph& graph, ArrayRef<FusedKernel> kernels)
      : graph(graph), kernels(kernels), kernelOf(graph.nodes.size()) {
    for (auto [k, kernel] : llvm::enumerate(kernels))
      for (ArrayRef<unsigned> part : kernel)
        for (unsigned n : part)
          kernelOf[n] = k;
  }

  void run() {
    OpBuilder builder(graph.body().getTerminator());
    SmallVector<Operation*> old;
    for (Operation& op : graph.body().without_terminator())
      old.push_back(&op);
    for (unsigned k : kernelOrder())
      writeKernel(builder, kernels[k]);
    Operation* ret = graph.body().getTerminator();
    for (OpOperand& operand : ret->getOpOperands())
      operand.set(outside(builder, operand.get()));
    for (Operation* op : llvm::reverse(old))
      if (op->use_empty()) op->erase();
  }

private:
  // What a kernel or the return sees of a value: a kernel's result, or a view of one.
  Value outside(OpBuilder& builder, Value v) {
    if (Value known = results.lookup(v)) return known;
    Operation* op = v.getDefiningOp();
    if (!op) return v;
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, outside(builder, operand));
    return results[v] = builder.clone(*op, mapping)->getResult(0);
  }

  SmallVector<unsigned> kernelOrder() {
    std::vector<llvm::DenseSet<unsigned>> next(kernels.size());
    std::vector<unsigned> waits(kernels.size());
    for (unsigned n = 0; n < graph.nodes.size(); n++)
      for (unsigned m : graph.after[n]) {
        unsigned a = kernelOf[n], b = kernelOf[m];
        if (a != b && next[a].insert(b).second) waits[b]++;
      }
    auto first = [&](unsigned k) {
      unsigned least = graph.nodes.size();
      for (ArrayRef<unsigned> part : kernels[k])
        least = std::min(least, part.front());
      return least;
    };
    Lives lives = findLives();
    std::set<std::pair<unsigned, unsigned>> ready; // by the first node
    for (unsigned k = 0; k < kernels.size(); k++)
      if (!waits[k]) ready.insert({first(k), k});
    SmallVector<unsigned> order;
    while (!ready.empty()) {
      auto chosen = llvm::min_element(ready, [&](auto a, auto b) {
        return std::min(lives.growth[a.second], -kLeastRelease) <
               std::min(lives.growth[b.second], -kLeastRelease);
      });
      unsigned k = chosen->second;
      ready.erase(chosen);
      order.push_back(k);
      lives.run(k);
      for (unsigned b : next[k])
        if (--waits[b] == 0) ready.insert({first(b), b});
    }
    return order;
  }

  // What kernels make for others, and who still reads it.
  struct Lives {
    std::vector<double> growth; // bytes by which what lives grows when a kernel has run
    std::vector<SmallVector<unsigned>> reads;   // nodes of others, by kernel
    std::vector<SmallVector<unsigned>> readers; // other kernels that have not run, by node
    std::vector<bool> isKept;                   // memory that nobody gets back, by node
    std::vector<double> bytes;                  // by node
    // Whoever alone still reads a node lets go of it.
    void noteLast(unsigned n) {
      if (readers[n].size() == 1 && !isKept[n]) growth[readers[n].front()] -= bytes[n];
    }
    void run(unsigned k) {
      for (unsigned n : reads[k]) {
        llvm::erase(readers[n], k);
        noteLast(n);
      }
    }
  };

  Lives findLives() {
    Lives lives;
    lives.growth.resize(kernels.size());
    lives.reads.resize(kernels.size());
    for (unsigned n = 0; n < graph.nodes.size(); n++) {
      unsigned own = kernelOf[n];
      SmallVector<unsigned>& readers = lives.readers.emplace_back();
      for (unsigned c : graph.consumers[n])
        if (unsigned k = kernelOf[c]; k != own && !llvm::is_contained(readers, k)) {
          readers.push_back(k);
          lives.reads[k].push_back(n);
        }
      lives.bytes.push_back(typicalBytes(graph.nodes[n]->getResult(0)));
      lives.isKept.push_back(!graph.returnedAs[n].empty());
      if (!lives.isKept[n] && !readers.empty()) lives.growth[own] += lives.bytes[n];
      lives.noteLast(n);
    }
    return lives;
  }

  void writeKernel(OpBuilder& builder, const FusedKernel& kernel) {
    SmallVector<SmallVector<Value>> outputs;
    SmallVector<Type> types;
    SmallVector<Location> locations;
    for (ArrayRef<unsigned> nodes : kernel) {
      outputs.push_back(graph.outputsOf(nodes));
      for (Value v : outputs.back())
        types.push_back(v.getType());
      for (unsigned n : nodes)
        locations.push_back(graph.nodes[n]->getLoc());
    }
    OperationState state(locations.front(), ir::KernelOp::getOperationName());
    state.addTypes(types);
    for (size_t k = 0; k < kernel.size(); k++)
      state.addRegion();
    auto op = cast<ir::KernelOp>(builder.create(state));
    unsigned result = 0;
    for (auto [k, nodes] : llvm::enumerate(kernel)) {
      Block& block = op.getParts()[k].emplaceBlock();
      OpBuilder inner = OpBuilder::atBlockEnd(&block);
      IRMapping mapping;
      for (unsigned n : nodes)
        cloneInto(inner, graph.nodes[n], mapping);
      SmallVector<Value> yielded;
      for (Value v : outputs[k])
        yielded.push_back(inside(inner, v, mapping));
      ir::YieldOp::create(inner, locations.front(), yielded);
    }
    for (auto& list : outputs)
      for (Value v : list)
        results[v] = op.getResult(result++);
  }

  void cloneInto(OpBuilder& inner, Operation* op, IRMapping& mapping) {
    for (Value operand : op->getOperands())
      inside(inner, operand, mapping);
    inner.clone(*op, mapping);
  }
  Value inside(OpBuilder& inner, Value v, IRMapping& mapping) {
    if (Value known = mapping.lookupOrNull(v)) return known;
    if (Value known = results.lookup(v); known && graph.number.contains(v.getDefiningOp())) {
      mapping.map(v, known);
      return known;
    }
    Operation* op = v.getDefiningOp();
    if (!op) return v;
    for (Value operand : op->getOperands())
      inside(inner, operand, mapping);
    return inner.clone(*op, mapping)->getResult(0);
  }

  FusionGraph& graph;
  ArrayRef<FusedKernel> kernels;
  std::vector<unsigned> kernelOf; // by node
  llvm::DenseMap<Value, Value> results;
};

} // namespace

void writeKernels(FusionGraph& graph, ArrayRef<FusedKernel> kernels) {
  KernelWriter(graph, kernels).run();
}

} // namespace weft
