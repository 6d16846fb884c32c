// 1. Nodes are the ops that compute; views, numbers and sources cheap enough to repeat belong to
//    whoever reads them.
// 2. Every node is a group. Groups join along edges if together they are one space of points and no
//    path leaves them and comes back: elementwise ones first, then those with the product before
//    them, then with reductions, then groups that read the same value.
// 3. Elementwise groups that do not depend on each other become parts of one kernel, unless they
//    make or let go of much memory: such ones run when it is best for that.
// 4. The kernels are written out (fused_kernels.h).
#include "passes/fused_kernels.h"
#include "passes/fusion_profit.h"
#include "passes/passes.h"
#include "passes/typical_size.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {
namespace {

// Bytes of temporaries from which on a group is a kernel by itself.
constexpr double kMostBundled = 1 << 20;
// Kernels with which a group is tried before it gets one of its own.
constexpr unsigned kMostTries = 64;
constexpr unsigned kMostParts = 256;

class Fusion {
public:
  Fusion(func::FuncOp function, PassContext& context)
      : context(context), graph(function), profit(graph, context.isForDevice) {}

  void run() {
    for (unsigned n = 0; n < graph.nodes.size(); n++) {
      group.push_back(n);
      groups.push_back({{n}, true});
    }
    if (context.joins) join();
    bundle();
    remark();
    writeKernels(graph, parts());
  }

private:
  void join() {
    joinAlong(
        [&](unsigned a, unsigned b) { return isElementwiseGroup(a) && isElementwiseGroup(b); });
    joinAlong([&](unsigned a, unsigned b) { return hasProduct(a) && isElementwiseGroup(b); });
    for (bool changed = true; changed;)
      changed = joinAlong([&](unsigned a, unsigned b) {
        return !hasProduct(a) && !hasProduct(b) && !combinesOthers(a, b);
      });
    joinSiblings();
  }

  struct Group {
    SmallVector<unsigned> nodes; // in program order
    bool isAlive = true;
  };

  //===--- Groups -----------------------------------------------------------------------------===//

  bool isElementwiseGroup(unsigned g) {
    return llvm::all_of(groups[g].nodes, [&](unsigned n) { return isElementwise(graph.nodes[n]); });
  }
  bool hasProduct(unsigned g) {
    return llvm::any_of(groups[g].nodes, [&](unsigned n) { return isProduct(graph.nodes[n]); });
  }

  bool hasReduction(unsigned g) {
    return llvm::any_of(groups[g].nodes, [&](unsigned n) { return asReduce(graph.nodes[n]); });
  }

  // Says whether b makes one number of a's and of other reductions', which cannot be one kernel
  // with a and do not run before it anyway: with b apart all of them can run at once.
  bool combinesOthers(unsigned a, unsigned b) {
    MLIRContext* ctx = graph.function.getContext();
    AffineExpr one = getAffineConstantExpr(1, ctx);
    if (!hasReduction(a) || !isElementwiseGroup(b)) return false;
    SmallVector<unsigned> all = unite(a, b);
    llvm::SetVector<unsigned> others;
    for (unsigned n : groups[b].nodes) {
      if (ir::countOf(ir::shapeOf(graph.nodes[n]->getResult(0)), ctx) != one) return false;
      for (unsigned p : graph.producers[n])
        if (unsigned g = group[p]; g != a && g != b && hasReduction(g) && !isPath(g, a, true))
          others.insert(g);
    }
    if (others.empty()) return false;
    for (unsigned g : others)
      llvm::append_range(all, groups[g].nodes);
    llvm::sort(all);
    Reason why;
    return !analyse(all, why);
  }

  // Says whether a path leads from a to b through other groups, or any path where `orDirect`.
  bool isPath(unsigned a, unsigned b, bool orDirect) {
    llvm::DenseSet<unsigned> seen;
    SmallVector<unsigned> stack;
    auto expand = [&](unsigned g, bool isFirst) {
      for (unsigned n : groups[g].nodes)
        for (unsigned next : graph.after[n]) {
          unsigned to = group[next];
          if (to == g || (isFirst && to == b && !orDirect)) continue;
          if (to != a && seen.insert(to).second) stack.push_back(to);
        }
    };
    expand(a, true);
    while (!stack.empty()) {
      unsigned g = stack.pop_back_val();
      if (g == b) return true;
      expand(g, false);
    }
    return false;
  }

  SmallVector<unsigned> unite(unsigned a, unsigned b) {
    SmallVector<unsigned> all(groups[a].nodes);
    llvm::append_range(all, groups[b].nodes);
    llvm::sort(all);
    return all;
  }

  std::optional<Part> analyse(ArrayRef<unsigned> set, Reason& why) {
    return Part::analyse(graph.outputsOf(set), graph.opsOf(set), why);
  }

  // A kernel that may refuse its operands could not write a leaf directly.
  bool refusesAndOverwrites(unsigned a, unsigned b) {
    auto any = [&](const llvm::SmallBitVector& bits) {
      auto isSet = [&](unsigned n) { return bits[n]; };
      return llvm::any_of(groups[a].nodes, isSet) || llvm::any_of(groups[b].nodes, isSet);
    };
    return any(graph.refuses) && any(graph.overwrites);
  }

  bool tryJoin(unsigned a, unsigned b) {
    if (groups[a].nodes.size() + groups[b].nodes.size() > kMostFusedOps) return false;
    if (refusesAndOverwrites(a, b)) return false;
    if (isPath(a, b, false) || isPath(b, a, true)) return false;
    Reason why;
    SmallVector<unsigned> all = unite(a, b);
    auto part = analyse(all, why);
    if (!part || !profit.isProfitable(*part, why)) return false;
    groups[a].nodes = all;
    groups[b].isAlive = false;
    for (unsigned n : groups[b].nodes)
      group[n] = a;
    groups[b].nodes.clear();
    return true;
  }

  bool joinAlong(function_ref<bool(unsigned, unsigned)> wanted) {
    bool changed = false;
    for (unsigned c = 0; c < graph.nodes.size(); c++)
      for (unsigned p : graph.producers[c]) {
        unsigned a = group[p], b = group[c];
        if (a == b || !wanted(a, b)) continue;
        changed |= tryJoin(a, b);
      }
    return changed;
  }

  // Groups that read one value in one space are one pass over it.
  void joinSiblings() {
    llvm::MapVector<Value, SmallVector<unsigned>> readers;
    for (unsigned n = 0; n < graph.nodes.size(); n++) {
      llvm::SetVector<Value> read;
      for (Value operand : graph.nodes[n]->getOperands()) {
        graph.sourcesOf(operand, [&](unsigned p, Value v) {
          if (group[p] != group[n]) read.insert(v);
        });
        graph.argumentsOf(operand, [&](BlockArgument v) {
          if (isa<RankedTensorType>(v.getType())) read.insert(v);
        });
      }
      for (Value v : read)
        readers[v].push_back(n);
    }
    for (auto& [v, list] : readers) {
      if (list.size() > 64) continue;
      for (unsigned i = 0; i < list.size(); i++)
        for (unsigned j = i + 1; j < list.size(); j++) {
          unsigned a = group[list[i]], b = group[list[j]];
          if (a == b || hasProduct(a) || hasProduct(b) || !sharesSpace(a, b)) continue;
          if (!isPath(a, b, true)) tryJoin(a, b);
        }
    }
  }
  bool sharesSpace(unsigned a, unsigned b) {
    Reason why;
    auto x = analyse(groups[a].nodes, why), y = analyse(groups[b].nodes, why);
    MLIRContext* ctx = graph.function.getContext();
    return x && y && ir::countOf(x->extents, ctx) == ir::countOf(y->extents, ctx) &&
           x->reduced == y->reduced;
  }

  //===--- Parts ------------------------------------------------------------------------------===//

  // Elementwise groups without a path between them: one launch for all of them.
  void bundle() {
    for (unsigned g = 0; g < groups.size(); g++) {
      if (!groups[g].isAlive) continue;
      bool isPlain = context.joins && isElementwiseGroup(g) && temporaryBytes(g) < kMostBundled;
      bool joined = false;
      unsigned tries = 0;
      for (unsigned k = 0; k < kernels.size() && isPlain && tries < kMostTries; k++) {
        Kernel& kernel = kernels[k];
        if (!kernel.isPlain || kernel.groups.size() >= kMostParts) continue;
        tries++;
        if (canRunTogether(kernel.groups, g)) {
          kernel.groups.push_back(g);
          kernelOfGroup[g] = k;
          joined = true;
          break;
        }
      }
      if (!joined) {
        kernelOfGroup[g] = kernels.size();
        kernels.push_back({{g}, isPlain});
      }
    }
  }

  // What a group makes for others, and reads of others that nobody else reads.
  double temporaryBytes(unsigned g) {
    double bytes = 0;
    llvm::DenseSet<unsigned> seen;
    auto isOther = [&](unsigned n) { return group[n] != g; };
    for (unsigned n : groups[g].nodes) {
      if (graph.returnedAs[n].empty() && llvm::any_of(graph.consumers[n], isOther))
        bytes += typicalBytes(graph.nodes[n]->getResult(0));
      for (unsigned p : graph.producers[n])
        if (isOther(p) && graph.returnedAs[p].empty() && seen.insert(p).second &&
            llvm::all_of(graph.consumers[p],
                         [&](unsigned c) { return group[c] == g || group[c] == group[p]; }))
          bytes += typicalBytes(graph.nodes[p]->getResult(0));
    }
    return bytes;
  }

  struct Kernel {
    SmallVector<unsigned> groups;
    bool isPlain;
  };

  // No path between g and the kernel's groups, also not through kernels bundled so far.
  bool canRunTogether(ArrayRef<unsigned> members, unsigned g) {
    return !reaches(members, g) && !reaches({g}, members);
  }
  bool reaches(ArrayRef<unsigned> from, ArrayRef<unsigned> to) {
    llvm::DenseSet<unsigned> targets(to.begin(), to.end()), seen;
    SmallVector<unsigned> stack(from.begin(), from.end());
    while (!stack.empty()) {
      unsigned g = stack.pop_back_val();
      for (unsigned n : groups[g].nodes)
        for (unsigned next : graph.after[n]) {
          unsigned h = group[next];
          if (h == g) continue;
          if (targets.contains(h)) return true;
          if (!seen.insert(h).second) continue;
          stack.push_back(h);
          auto own = kernelOfGroup.find(h);
          if (own == kernelOfGroup.end()) continue;
          for (unsigned mate : kernels[own->second].groups) {
            if (targets.contains(mate)) return true;
            if (seen.insert(mate).second) stack.push_back(mate);
          }
        }
    }
    return false;
  }

  std::vector<FusedKernel> parts() {
    std::vector<FusedKernel> all;
    for (const Kernel& kernel : kernels) {
      FusedKernel& parts = all.emplace_back();
      for (unsigned g : kernel.groups)
        parts.push_back(groups[g].nodes);
    }
    return all;
  }

  // Says of each edge between kernels why it is one.
  void remark() {
    if (!context.remarks) return;
    llvm::DenseSet<std::pair<unsigned, unsigned>> told;
    for (unsigned c = 0; c < graph.nodes.size(); c++)
      for (unsigned p : graph.producers[c]) {
        if (group[p] == group[c] || !told.insert({group[p], group[c]}).second) continue;
        auto name = [&](unsigned n) { return graph.nodes[n]->getName().stripDialect().str(); };
        context.remarks->list.push_back({Remark::Kind::apart, graph.nodes[c]->getLoc(), name(c),
                                         graph.nodes[p]->getLoc(), name(p),
                                         whyApart(group[p], group[c])});
      }
  }
  Reason whyApart(unsigned a, unsigned b) {
    if (isPath(a, b, false)) return {"ordered", "another kernel has to run between them"};
    if (combinesOthers(a, b)) return {"combines-reductions", "it combines several reductions"};
    if (refusesAndOverwrites(a, b))
      return {"refuses", "an element may be refused, and a tensor that is written must stay then"};
    Reason why;
    auto part = analyse(unite(a, b), why);
    if (part && profit.isProfitable(*part, why))
      return {"joined-before", "it joined another kernel first"};
    return why;
  }

  PassContext& context;
  FusionGraph graph;
  FusionProfit profit;
  std::vector<unsigned> group;
  std::vector<Group> groups;
  std::vector<Kernel> kernels;
  llvm::DenseMap<unsigned, unsigned> kernelOfGroup; // of those bundled so far
};

} // namespace

LogicalResult fuse(ModuleOp module, PassContext& context) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) Fusion(function, context).run();
  return success();
}

} // namespace weft
