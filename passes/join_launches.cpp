// What finishes a reduction runs in the launch of the reduction, as a phase of its own.
// 1. An edge a -> b between launches: b reads what a makes, or one of them writes a leaf that the
//    other one touches, or a may refuse its operands and b writes any leaf.
// 2. b joins a along an edge if a folds, b only combines what few points or folds leave, and no
//    path leads from a to b through other launches. What joined takes part in further joins.
// 3. Light folds that one launch reads, and that do not depend on each other, join.
// 4. A launch's phase is the length of the longest path to it inside its group.
// 5. Each group becomes one kernel, its phases apart by barriers, and one launch.
// A phase has the chunks that its launch would have had, so that nothing runs on fewer threads.
#include "passes/passes.h"
#include "passes/typical_size.h"

#include "ir/loom/loom.h"
#include "ir/weft/weft.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <set>

using namespace mlir;

namespace weft {
namespace {

// Points that are few whatever they combine.
constexpr double kFewPoints = 256;
// Elements up to which a fold is light: it reads what the cache still holds when it waits for
// others.
constexpr double kLightFold = 1 << 16;
constexpr size_t kMostParts = 256;

struct Work {
  bool isWhole = false;              // joins nothing
  bool hasDot = false, folds = true; // every part ends in accumulators
  double points = 0, elements = 0;   // of the largest part; elements with all loops
};

double extentOf(loom::AxisAttr axis) {
  return double(axis.getConstantExtent().value_or(kTypicalExtent));
}

double elementsIn(Block& block) {
  double most = 1;
  for (auto loop : block.getOps<loom::LoopOp>())
    most = std::max(most, extentOf(loop.getAxis()) * elementsIn(loop.getBody().front()));
  return most;
}

Work workOf(loom::KernelOp kernel) {
  Work work;
  for (loom::PartOp part : kernel.getParts()) {
    double points = 1;
    for (unsigned k = 0; k < part.getNumAxes(); k++)
      points *= extentOf(part.getAxis(k));
    work.points = std::max(work.points, points);
    work.elements = std::max(work.elements, points * elementsIn(part.getBody().front()));
    work.hasDot |= !part.getBody().front().getOps<loom::DotOp>().empty();
    work.folds &= llvm::any_of(part.getBody().front().getOps<loom::LoopOp>(),
                               [](loom::LoopOp loop) { return loop.getNumResults() > 0; });
  }
  return work;
}

// Says whether `b` is the small end of what `a` folds.
bool isFinish(const Work& a, const Work& b) {
  if (a.isWhole || b.isWhole || a.hasDot || b.hasDot || !a.folds) return false;
  bool isSmall = b.elements <= kFewPoints || 2 * b.elements <= a.elements;
  return isSmall && (b.folds || b.points <= kFewPoints);
}

bool isLightFold(const Work& a) { return !a.hasDot && a.folds && a.elements <= kLightFold; }

class Joining {
public:
  Joining(ModuleOp module, func::FuncOp function, PassContext& context)
      : module(module), function(function), context(context), builder(function.getContext()) {}

  void run() {
    module.walk([&](ir::LaunchOp launch) { uses[launch.getKernel()]++; });
    Block& body = function.getBody().front();
    for (Operation& op : body.without_terminator()) {
      auto launch = dyn_cast<ir::LaunchOp>(op);
      if (!launch || !(isOwner(launch) || isWhole(launch))) return;
      numbers[launch] = launches.size();
      launches.push_back(launch);
      kernels[launch] = lookUp(launch);
    }
    findEdges();
    for (auto [k, launch] : llvm::enumerate(launches)) {
      work.push_back(isOwner(launch) ? workOf(kernelOf(launch))
                                     : Work{.isWhole = true, .folds = false});
      groupOf.push_back(k);
      groups.push_back({static_cast<unsigned>(k)});
    }
    for (bool changed = true; changed;) {
      changed = false;
      for (auto [a, b] : edges)
        changed |= isFinish(work[a], work[b]) &&
                   tryJoin(a, b, {"finishes-reduction", "it finishes a reduction"});
    }
    joinReadTogether();
    for (unsigned g : order())
      if (groups[g].size() > 1)
        write(groups[g]);
      else
        launches[groups[g][0]]->moveBefore(body.getTerminator());
  }

private:
  loom::KernelOp lookUp(ir::LaunchOp launch) {
    return module.lookupSymbol<loom::KernelOp>(launch.getKernel());
  }
  loom::KernelOp kernelOf(ir::LaunchOp launch) { return kernels.lookup(launch); }

  ir::RoutineOp routineOf(ir::LaunchOp launch) {
    return module.lookupSymbol<ir::RoutineOp>(launch.getKernel());
  }

  // Of a routine, of tiles, or of a device in the place of a routine: it stays as it is. What such
  // a one writes over, nobody else reads.
  bool isWhole(ir::LaunchOp launch) {
    return !lookUp(launch) || (uses.lookup(launch.getKernel()) == 1 &&
                               llvm::all_of(launch.getTied(), [&](int64_t input) {
                                 if (input < 0) return true;
                                 Value under = launch.getInputs()[input];
                                 return isa<BlockArgument>(under) || under.hasOneUse();
                               }));
  }

  // A launch of a kernel of its own with one phase: what lowering to loom makes.
  bool isOwner(ir::LaunchOp launch) {
    loom::KernelOp kernel = lookUp(launch);
    return kernel && kernel.getPhases().size() == 1 && uses.lookup(launch.getKernel()) == 1 &&
           llvm::all_of(launch.getTied(), [&](int64_t input) {
             return input < 0 || isa<BlockArgument>(launch.getInputs()[input]);
           });
  }

  // Light folds that one launch reads, in the order of the first of them.
  void joinReadTogether() {
    std::vector<SmallVector<unsigned>> folds(launches.size()); // by reader
    for (auto [a, reader] : edges)
      if (isLightFold(work[a])) folds[reader].push_back(a);
    for (auto [a, reader] : edges)
      for (unsigned b : folds[reader])
        if (a < b && isLightFold(work[a]) && !isPath(groupOf[a], groupOf[b], true) &&
            !isPath(groupOf[b], groupOf[a], true))
          tryJoin(a, b, {"read-together", "one kernel reads both"});
  }

  //===--- Edges ------------------------------------------------------------------------------===//

  void findEdges() {
    std::vector<llvm::DenseSet<Value>> reads(launches.size()), writes(launches.size());
    llvm::SmallBitVector refuses(launches.size());
    for (auto [k, launch] : llvm::enumerate(launches)) {
      refuses[k] = mayRefuse(launch);
      for (Value v : launch.getInputs())
        if (auto from = v.getDefiningOp<ir::LaunchOp>())
          edges.insert({numbers.lookup(from), k});
        else
          reads[k].insert(v);
      for (auto [r, input] : llvm::enumerate(launch.getTied()))
        if (input >= 0) writes[k].insert(launch.getInputs()[input]);
    }
    for (OpOperand& operand : function.getBody().front().getTerminator()->getOpOperands()) {
      auto leaf =
          function.getResultAttrOfType<IntegerAttr>(operand.getOperandNumber(), ir::kLeafName);
      auto launch = operand.get().getDefiningOp<ir::LaunchOp>();
      if (leaf && launch)
        writes[numbers.lookup(launch)].insert(function.getArgument(leaf.getInt()));
    }
    auto meet = [](const llvm::DenseSet<Value>& a, const llvm::DenseSet<Value>& b) {
      return llvm::any_of(a, [&](Value v) { return b.contains(v); });
    };
    for (unsigned b = 0; b < launches.size(); b++)
      for (unsigned a = 0; a < b; a++)
        if ((refuses[a] && !writes[b].empty()) || meet(writes[a], reads[b]) ||
            meet(reads[a], writes[b]) || meet(writes[a], writes[b]))
          edges.insert({a, b});
  }

  bool mayRefuse(ir::LaunchOp launch) {
    if (ir::RoutineOp routine = routineOf(launch)) return routine.getCode() != 0;
    if (!kernelOf(launch)) return false;
    auto found = kernelOf(launch).walk([](loom::RequireOp) { return WalkResult::interrupt(); });
    return found.wasInterrupted();
  }

  // Says whether a path leads from one group to another through a third, or any path where
  // `orDirect`.
  bool isPath(unsigned from, unsigned to, bool orDirect) {
    llvm::DenseSet<unsigned> seen{from};
    SmallVector<unsigned> stack{from};
    while (!stack.empty()) {
      unsigned g = stack.pop_back_val();
      for (unsigned k : groups[g])
        for (auto edge = edges.lower_bound({k, 0}); edge != edges.end() && edge->first == k;
             ++edge) {
          unsigned next = groupOf[edge->second];
          if (next == g || (g == from && next == to && !orDirect)) continue;
          if (next == to) return true;
          if (seen.insert(next).second) stack.push_back(next);
        }
    }
    return false;
  }

  size_t partsOf(unsigned g) {
    size_t count = 0;
    for (unsigned k : groups[g])
      count += llvm::range_size(kernelOf(launches[k]).getParts());
    return count;
  }

  bool tryJoin(unsigned a, unsigned b, const Reason& why) {
    unsigned from = groupOf[a], to = groupOf[b];
    if (from == to || partsOf(from) + partsOf(to) > kMostParts || isPath(from, to, false) ||
        isPath(to, from, false))
      return false;
    for (unsigned k : groups[to])
      groupOf[k] = from;
    llvm::append_range(groups[from], groups[to]);
    llvm::sort(groups[from]);
    groups[to].clear();
    if (context.remarks)
      context.remarks->list.push_back({Remark::Kind::joined, launches[b].getLoc(),
                                       launches[b].getSummary().str(), launches[a].getLoc(),
                                       launches[a].getSummary().str(), why});
    return true;
  }

  // Groups in an order that respects the edges, else that of the program.
  SmallVector<unsigned> order() {
    std::set<unsigned> left;
    for (unsigned g = 0; g < groups.size(); g++)
      if (!groups[g].empty()) left.insert(g);
    SmallVector<unsigned> result;
    while (!left.empty()) {
      auto isFree = [&](unsigned g) {
        return llvm::none_of(edges, [&](auto edge) {
          unsigned from = groupOf[edge.first];
          return groupOf[edge.second] == g && from != g && left.count(from);
        });
      };
      auto next = llvm::find_if(left, isFree);
      result.push_back(*next);
      left.erase(next);
    }
    return result;
  }

  //===--- Writing out ------------------------------------------------------------------------===//

  std::map<unsigned, SmallVector<unsigned>> phasesOf(ArrayRef<unsigned> members) {
    llvm::DenseMap<unsigned, unsigned> phase;
    std::map<unsigned, SmallVector<unsigned>> phases;
    for (unsigned b : members) {
      unsigned own = 0;
      for (unsigned a : members)
        if (a < b && edges.count({a, b})) own = std::max(own, phase.lookup(a) + 1);
      phase[b] = own;
      phases[own].push_back(b);
    }
    return phases;
  }

  // "sum*2 div" and "sum" as "sum*3 div".
  std::string summaryOf(ArrayRef<unsigned> members) {
    llvm::MapVector<StringRef, int64_t> counts;
    for (unsigned k : members) {
      SmallVector<StringRef> words;
      launches[k].getSummary().split(words, ' ');
      for (StringRef word : words) {
        auto [name, times] = word.split('*');
        int64_t count = 1;
        times.getAsInteger(10, count);
        counts[name] += count;
      }
    }
    std::string text;
    for (auto [name, count] : counts)
      text +=
          (text.empty() ? "" : " ") + name.str() + (count > 1 ? "*" + std::to_string(count) : "");
    return text;
  }

  // What the members' launches take and make, each once.
  struct Arguments {
    llvm::SetVector<Value> inputs, results;          // results that no member makes are inputs
    llvm::SetVector<std::pair<Value, Type>> scalars; // and the type in which a kernel takes it
    llvm::DenseMap<Value, Value> tied;               // a result, and the input under it
    llvm::SetVector<int64_t> positions;              // of ops in the segment
  };

  Arguments argumentsOf(ArrayRef<unsigned> members) {
    Arguments all;
    for (unsigned k : members) {
      ir::LaunchOp launch = launches[k];
      for (Value v : launch.getInputs())
        if (!all.results.contains(v)) all.inputs.insert(v);
      for (auto [number, argument] : llvm::zip(launch.getScalars(), scalarArguments(launch)))
        all.scalars.insert({number, argument.getType()});
      for (auto [r, result] : llvm::enumerate(launch.getResults())) {
        all.results.insert(result);
        if (int64_t input = launch.getTied()[r]; input >= 0)
          all.tied[result] = launch.getInputs()[input];
      }
      if (auto list = launch->getAttrOfType<DenseI64ArrayAttr>("positions"))
        all.positions.insert_range(list.asArrayRef());
    }
    return all;
  }

  ArrayRef<BlockArgument> scalarArguments(ir::LaunchOp launch) {
    ArrayRef<BlockArgument> arguments = kernelOf(launch).getBody().getArguments();
    return arguments.drop_back(launch.getSizes().size()).take_back(launch.getScalars().size());
  }

  void write(ArrayRef<unsigned> members) {
    Arguments all = argumentsOf(members);
    ir::LaunchOp first = launches[members.front()];
    loom::KernelOp kernel = createKernel(members, all);
    builder.setInsertionPoint(function.getBody().front().getTerminator());
    SmallVector<Value> numbers;
    SmallVector<Type> types;
    SmallVector<int64_t> tied, positions(all.positions.getArrayRef());
    for (auto [number, type] : all.scalars)
      numbers.push_back(number);
    for (Value result : all.results) {
      types.push_back(result.getType());
      Value under = all.tied.lookup(result);
      tied.push_back(under ? llvm::find(all.inputs, under) - all.inputs.begin() : -1);
    }
    llvm::sort(positions);
    auto launch = ir::LaunchOp::create(builder, first.getLoc(), types, kernel.getSymName(),
                                       all.inputs.getArrayRef(), numbers, first.getSizes(),
                                       builder.getDenseI64ArrayAttr(tied), ArrayAttr(),
                                       builder.getStringAttr(summaryOf(members)));
    launch->setAttr("positions", builder.getDenseI64ArrayAttr(positions));
    for (auto [old, made] : llvm::zip(all.results, launch.getResults()))
      Value(old).replaceAllUsesWith(made);
    for (unsigned k : llvm::reverse(members))
      launches[k].erase();
  }

  loom::KernelOp createKernel(ArrayRef<unsigned> members, const Arguments& all) {
    SmallVector<Type> types;
    auto add = [&](Value v) {
      types.push_back(loom::BufferType::get(function.getContext(), ir::elementOf(v)));
    };
    llvm::for_each(all.inputs, add);
    for (Value result : all.results)
      if (!all.tied.contains(result)) add(result);
    for (auto [number, type] : all.scalars)
      types.push_back(type);
    ir::LaunchOp first = launches[members.front()];
    types.append(first.getSizes().size(), builder.getIndexType());
    loom::KernelOp old = kernelOf(first);
    builder.setInsertionPoint(old);
    auto kernel = loom::KernelOp::create(builder, old.getLoc(), old.getSymName(), types);
    kernel->setDiscardableAttrs(old->getDiscardableAttrDictionary());
    Block& block = kernel.getBody().front();

    unsigned next = 0;
    llvm::DenseMap<Value, Value> buffers;
    llvm::DenseMap<std::pair<Value, Type>, Value> scalars;
    for (Value input : all.inputs)
      buffers[input] = block.getArgument(next++);
    for (Value result : all.results) {
      Value under = all.tied.lookup(result);
      buffers[result] = under ? buffers.lookup(under) : Value(block.getArgument(next++));
    }
    for (auto key : all.scalars)
      scalars[key] = block.getArgument(next++);
    for (auto& [phase, list] : phasesOf(members)) {
      builder.setInsertionPointToEnd(&block);
      if (phase > 0) loom::BarrierOp::create(builder, old.getLoc());
      for (unsigned k : list)
        cloneParts(launches[k], buffers, scalars, kernel);
    }
    for (unsigned k : members)
      kernelOf(launches[k]).erase();
    return kernel;
  }

  void cloneParts(ir::LaunchOp launch, const llvm::DenseMap<Value, Value>& buffers,
                  const llvm::DenseMap<std::pair<Value, Type>, Value>& scalars,
                  loom::KernelOp into) {
    loom::KernelOp from = kernelOf(launch);
    ArrayRef<BlockArgument> arguments = from.getBody().getArguments();
    IRMapping mapping;
    unsigned next = 0;
    for (Value v : launch.getInputs())
      mapping.map(arguments[next++], buffers.lookup(v));
    for (auto [r, result] : llvm::enumerate(launch.getResults()))
      if (launch.getTied()[r] < 0) mapping.map(arguments[next++], buffers.lookup(result));
    for (auto [number, argument] : llvm::zip(launch.getScalars(), scalarArguments(launch)))
      mapping.map(argument, scalars.lookup({number, argument.getType()}));
    mapping.map(from.getSizes(), into.getSizes());
    for (loom::PartOp part : from.getParts())
      builder.clone(*part, mapping);
  }

  ModuleOp module;
  func::FuncOp function;
  PassContext& context;
  OpBuilder builder;
  llvm::StringMap<unsigned> uses; // of a kernel, by launches
  SmallVector<ir::LaunchOp> launches;
  llvm::DenseMap<Operation*, unsigned> numbers;
  llvm::DenseMap<Operation*, loom::KernelOp> kernels;
  std::vector<Work> work;
  std::set<std::pair<unsigned, unsigned>> edges;
  std::vector<unsigned> groupOf;
  std::vector<SmallVector<unsigned>> groups;
};

} // namespace

LogicalResult joinLaunches(ModuleOp module, PassContext& context) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) Joining(module, function, context).run();
  return success();
}

} // namespace weft
