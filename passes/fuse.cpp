// 1. Nodes are the ops that compute; views, numbers and sources cheap enough to repeat belong to
//    whoever reads them.
// 2. Every node is a group. Groups join along edges if together they are one space of points and no
//    path leaves them and comes back: elementwise ones first, then those with the product before
//    them, then with reductions, then groups that read the same value.
// 3. Elementwise groups that do not depend on each other become parts of one kernel, unless they
//    make or let go of much memory: such ones run when it is best for that.
// 4. The kernels are written out in an order that respects their edges: what lets go of more than
//    it makes comes as soon as it can, other ones as in the program.
#include "passes/fusion_graph.h"
#include "passes/part.h"
#include "passes/passes.h"
#include "passes/typical_size.h"

#include "ir/weft/index_math.h"

#include "mlir/IR/IRMapping.h"

#include <set>

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

// What a product's epilogue may read and write besides the product, in tensors of its size: more
// would wait for memory.
constexpr unsigned kEpilogueStreams = 4;
// Elements up to which a reduction of everything runs in one kernel with what follows it.
constexpr int64_t kSmallReduction = 1 << 14;
// Bytes that a kernel must let go of to come before its turn.
constexpr double kLeastRelease = 1 << 16;
// Bytes of temporaries from which on a group is a kernel by itself.
constexpr double kMostBundled = 1 << 20;
// Kernels with which a group is tried before it gets one of its own.
constexpr unsigned kMostTries = 64;
constexpr unsigned kMostBuffers = 48, kMostParts = 256, kMostOps = 400;
// Instructions for one point, of functions' bodies too, from which on a kernel that computes is as
// fast as one that waits for memory, and each more takes the compiler 0.2 ms.
constexpr unsigned kMostWeight = 600;
// Overlapping slices of a computed value that a kernel reads.
constexpr unsigned kMostSlices = 8;

bool isCount(AffineExpr e, int64_t most) {
  auto c = dyn_cast<AffineConstantExpr>(e);
  return c && c.getValue() <= most;
}

class Fusion {
public:
  Fusion(func::FuncOp function, PassContext& context) : context(context), graph(function) {}

  void run() {
    for (unsigned n = 0; n < graph.nodes.size(); n++) {
      group.push_back(n);
      groups.push_back({{n}, true});
    }
    findWindows();
    if (context.joins) join();
    bundle();
    remark();
    writeOut();
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

  bool isProfitable(const Part& part, Reason& why) {
    MLIRContext* ctx = graph.function.getContext();
    AffineExpr full = ir::countOf(part.extents, ctx);
    unsigned reads = 0, writes = 0;
    llvm::DenseSet<Value> buffers;
    for (const PartAccess& access : part.accesses)
      if (buffers.insert(access.value).second && !access.isFactor)
        reads += ir::countOf(ir::shapeOf(access.value), ctx) == full;
    for (Value v : part.outputs)
      writes += ir::countOf(ir::shapeOf(v), ctx) == full;
    unsigned weight = 0;
    for (Operation* op : part.ops)
      weight += weightOf(op);
    if (buffers.size() + part.outputs.size() > kMostBuffers || part.ops.size() > kMostOps ||
        (weight > kMostWeight && part.ops.size() > 1))
      return why.set("too-large", "the kernel would be too large");
    if (repeatsForGather(part))
      return why.set("repeated", "it reads what is computed more often than it has elements");
    if (repeatsForWindows(part))
      return why.set("repeated", "overlapping slices read what is computed");
    if (part.product && reads + writes > kEpilogueStreams + 1)
      return why.set("epilogue-traffic", "the epilogue of a product would read and write " +
                                             Twine(reads + writes) + " tensors of its size");
    if (part.reduced.any() && pointStreams(part) > kEpilogueStreams)
      return why.set("epilogue-traffic", "what follows the reduction would read and write " +
                                             Twine(pointStreams(part)) +
                                             " tensors of its result's size");
    if (part.reduced.none() || !writes) return true;
    bool foldsLast = part.reduced[part.reduced.size() - 1];
    if ((foldsLast && !part.reduced.all()) || isCount(full, kSmallReduction)) return true;
    return foldsLast
               ? why.set("one-point", "a reduction of everything leaves one point")
               : why.set("leading-dims", "a reduction over leading dims does not write along them");
  }

  // Says whether a gather reads more elements of what the part computes than there are.
  bool repeatsForGather(const Part& part) {
    return llvm::any_of(part.ops, [&](Operation* op) {
      if (!isGather(op)) return false;
      Operation* from = op->getOperand(0).getDefiningOp();
      while (isa_and_nonnull<ir::ViewOp>(from))
        from = from->getOperand(0).getDefiningOp();
      bool isComputed = from && part.contains(from) && graph.number.contains(from);
      return isComputed && !isNoLarger(op->getResult(0), op->getOperand(0));
    });
  }
  // Finds, for each op whose result many overlapping slices read, such as windows, the ops that
  // read it for them: those of the slices, and what joins it to a rim.
  void findWindows() {
    for (Operation* op : graph.nodes) {
      auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
      if (!type || !type.hasStaticShape() || isa<ir::Concatenate>(op)) continue;
      llvm::DenseSet<Value> slices; // as computing ops read them
      int64_t read = 0;
      SmallVector<Operation*> readers;
      llvm::SetVector<std::pair<Value, unsigned>> values; // that show it, and whether in slices
      values.insert({op->getResult(0), 0});
      for (size_t k = 0; k < values.size(); k++) {
        auto [v, isSlice] = values[k];
        for (Operation* user : v.getUsers()) {
          bool shows = isa<ir::ViewOp, ir::Concatenate>(user);
          if (shows) values.insert({user->getResult(0), isSlice || isa<ir::Slice>(user)});
          if (!shows && isSlice && slices.insert(v).second)
            read += cast<RankedTensorType>(v.getType()).getNumElements();
          if (!isTransparent(user) && (isSlice || shows)) readers.push_back(user);
        }
      }
      if (slices.size() > kMostSlices && read > 2 * type.getNumElements())
        windowReaders[op] = readers;
    }
  }
  // Says whether the part computes what windows read and reads it for them: it is computed and
  // written once instead.
  bool repeatsForWindows(const Part& part) {
    return llvm::any_of(windowReaders, [&](const auto& entry) {
      auto isMember = [&](Operation* op) { return part.contains(op); };
      return isMember(entry.first) && llvm::any_of(entry.second, isMember);
    });
  }
  // Says whether a tensor has no more elements than another of its rank, as far as is known.
  static bool isNoLarger(Value v, Value other) {
    MLIRContext* ctx = v.getContext();
    AffineExpr one = getAffineConstantExpr(1, ctx);
    if (llvm::all_of(llvm::zip_equal(ir::shapeOf(v), ir::shapeOf(other)), [&](auto sizes) {
          auto [a, b] = sizes;
          return a == one || ir::canonical(a) == ir::canonical(b);
        }))
      return true;
    auto a = dyn_cast<AffineConstantExpr>(ir::countOf(ir::shapeOf(v), ctx)),
         b = dyn_cast<AffineConstantExpr>(ir::countOf(ir::shapeOf(other), ctx));
    return a && b && a.getValue() <= b.getValue();
  }

  // Tensors with one element a point that are read or written.
  unsigned pointStreams(const Part& part) {
    MLIRContext* ctx = graph.function.getContext();
    Exprs sizes;
    for (unsigned k = 0; k < part.extents.size(); k++)
      if (!part.reduced[k]) sizes.push_back(part.extents[k]);
    AffineExpr points = ir::countOf(sizes, ctx);
    llvm::SetVector<Value> streams(part.outputs.begin(), part.outputs.end());
    for (const PartAccess& access : part.accesses)
      streams.insert(access.value);
    return llvm::count_if(streams,
                          [&](Value v) { return ir::countOf(ir::shapeOf(v), ctx) == points; });
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
    if (groups[a].nodes.size() + groups[b].nodes.size() > kMostOps) return false;
    if (refusesAndOverwrites(a, b)) return false;
    if (isPath(a, b, false) || isPath(b, a, true)) return false;
    Reason why;
    SmallVector<unsigned> all = unite(a, b);
    auto part = analyse(all, why);
    if (!part || !isProfitable(*part, why)) return false;
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
    if (part && isProfitable(*part, why))
      return {"joined-before", "it joined another kernel first"};
    return why;
  }

  //===--- Writing out ------------------------------------------------------------------------===//

  void writeOut() {
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
        unsigned a = kernelOfGroup[group[n]], b = kernelOfGroup[group[m]];
        if (a != b && next[a].insert(b).second) waits[b]++;
      }
    auto first = [&](unsigned k) {
      unsigned least = graph.nodes.size();
      for (unsigned g : kernels[k].groups)
        least = std::min(least, groups[g].nodes.front());
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
      unsigned own = kernelOfGroup.lookup(group[n]);
      SmallVector<unsigned>& readers = lives.readers.emplace_back();
      for (unsigned c : graph.consumers[n])
        if (unsigned k = kernelOfGroup.lookup(group[c]);
            k != own && !llvm::is_contained(readers, k)) {
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

  void writeKernel(OpBuilder& builder, const Kernel& kernel) {
    SmallVector<SmallVector<Value>> outputs;
    SmallVector<Type> types;
    SmallVector<Location> locations;
    for (unsigned g : kernel.groups) {
      outputs.push_back(graph.outputsOf(groups[g].nodes));
      for (Value v : outputs.back())
        types.push_back(v.getType());
      for (unsigned n : groups[g].nodes)
        locations.push_back(graph.nodes[n]->getLoc());
    }
    OperationState state(locations.front(), ir::KernelOp::getOperationName());
    state.addTypes(types);
    for (size_t k = 0; k < kernel.groups.size(); k++)
      state.addRegion();
    auto op = cast<ir::KernelOp>(builder.create(state));
    unsigned result = 0;
    for (auto [k, g] : llvm::enumerate(kernel.groups)) {
      Block& block = op.getParts()[k].emplaceBlock();
      OpBuilder inner = OpBuilder::atBlockEnd(&block);
      IRMapping mapping;
      for (unsigned n : groups[g].nodes)
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

  PassContext& context;
  FusionGraph graph;
  llvm::DenseMap<Operation*, SmallVector<Operation*>> windowReaders;
  std::vector<unsigned> group;
  std::vector<Group> groups;
  std::vector<Kernel> kernels;
  llvm::DenseMap<unsigned, unsigned> kernelOfGroup; // of those bundled so far
  llvm::DenseMap<Value, Value> results;
};

} // namespace

LogicalResult fuse(ModuleOp module, PassContext& context) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) Fusion(function, context).run();
  return success();
}

} // namespace weft
