#include "passes/fusion_graph.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {
namespace {

// Cost up to which an expression of numbers is repeated in each kernel that reads it.
constexpr unsigned kCheapCost = 64;
// Weight up to which an expression of a leaf is.
constexpr unsigned kLightWeight = 8;

// Products and routines read their operands from memory.
bool isReadFromMemory(Value v) {
  return llvm::any_of(v.getUsers(), [](Operation* user) {
    return isProduct(user) || isRoutine(user) ||
           ((isa<ir::ViewOp>(user) || isLoadedBefore(user)) &&
            isReadFromMemory(user->getResult(0)));
  });
}

// Says whether a kernel can write `v` in the place of the result: a view of all its elements, where
// these can be computed in any order.
bool onlyShows(Value v, Value result) {
  if (v == result) return true;
  MLIRContext* context = v.getContext();
  if (!isElementwise(result.getDefiningOp()) ||
      ir::countOf(ir::shapeOf(v), context) != ir::countOf(ir::shapeOf(result), context))
    return false;
  while (v != result) {
    auto view = dyn_cast_or_null<ir::ViewOp>(v.getDefiningOp());
    if (!view) return false;
    v = view->getOperand(0);
  }
  return true;
}

} // namespace

FusionGraph::FusionGraph(func::FuncOp function) : function(function) {
  findNodes();
  findEdges();
}

// What a value costs that is made of numbers and leaves of one element alone.
std::optional<unsigned> FusionGraph::costOfNumbers(Value v) {
  Operation* op = v.getDefiningOp();
  if (!op || ir::isNumber(v)) return 1;
  if (auto it = cheap.find(op); it != cheap.end()) return it->second;
  return isa<ir::ViewOp>(op) ? costOfNumbers(op->getOperand(0)) : std::nullopt;
}

// Says whether an op reads elements of the value several times each.
static bool isSpread(Value v) {
  auto count = [](Value x) { return ir::countOf(ir::shapeOf(x), x.getContext()); };
  return llvm::any_of(v.getUsers(), [&](Operation* user) {
    if (user->getNumResults() != 1) return false;
    Value y = user->getResult(0);
    return isa<ir::ViewOp>(user) ? isSpread(y) : isElementwise(user) && count(y) != count(v);
  });
}

// A light expression of one leaf and numbers: reading it anew costs what reading its result would.
bool FusionGraph::isOfOneLeaf(Operation* op) {
  const ir::Record* record = ir::recordOf(op);
  if (record->kind != ir::RecordKind::pointwise || weightOf(op) > kLightWeight) return false;
  if (isDear(op) && isSpread(op->getResult(0))) return false;
  unsigned leaves = 0;
  for (Value operand : op->getOperands())
    if (isa<BlockArgument>(operand))
      leaves++;
    else if (!ir::isNumber(operand))
      return false;
  return leaves == 1;
}

// Says whether the function returns the value or a view of it.
bool FusionGraph::isShown(Value v) {
  return llvm::any_of(v.getUsers(), [&](Operation* user) {
    return isa<func::ReturnOp>(user) || (isa<ir::ViewOp>(user) && isShown(user->getResult(0)));
  });
}

// Says whether kernels look at each element wherever the value is computed: all of them enter, op
// by op, a reduction to one element.
bool FusionGraph::isReadWhole(Value v) {
  MLIRContext* context = v.getContext();
  AffineExpr one = getAffineConstantExpr(1, context);
  llvm::DenseSet<Operation*> seen;
  SmallVector<Value> stack{v};
  while (!stack.empty()) {
    Value x = stack.pop_back_val();
    for (Operation* user : x.getUsers()) {
      bool isGathered = isGather(user) && user->getOperand(0) == x;
      if (user->getNumResults() != 1 || isGathered || !seen.insert(user).second) continue;
      Value y = user->getResult(0);
      AffineExpr count = ir::countOf(ir::shapeOf(y), context);
      bool isReduction = asReduce(user).has_value();
      if (isReduction && count == one) return true;
      bool isAlike = (isElementwise(user) || isa<ir::ViewOp>(user)) &&
                     count == ir::countOf(ir::shapeOf(x), context);
      if (isReduction || isAlike) stack.push_back(y);
    }
  }
  return false;
}

// Sources that are not random, expressions of numbers (one element each), and those of one leaf.
bool FusionGraph::isCheap(Operation* op) {
  if (isLoadedBefore(op)) return true;
  const ir::Record* record = ir::recordOf(op);
  if (!record || record->isRandom || !isElementwise(op) || isGather(op) ||
      isReadFromMemory(op->getResult(0)))
    return false;
  if (record->mayRefuse && (isShown(op->getResult(0)) || !isReadWhole(op->getResult(0))))
    return false;
  if (isOfOneLeaf(op)) {
    cheap[op] = kCheapCost; // what is made of it is not cheap
    return true;
  }
  AffineExpr one = getAffineConstantExpr(1, op->getContext());
  bool isSource = record->kind == ir::RecordKind::source;
  if (!isSource && ir::countOf(ir::shapeOf(op->getResult(0)), op->getContext()) != one)
    return false;
  unsigned cost = std::max(1u, weightOf(op));
  for (Value operand : op->getOperands()) {
    auto own = costOfNumbers(operand);
    if (!own) return false;
    cost += *own;
  }
  if (cost > kCheapCost) return false;
  cheap[op] = cost;
  return true;
}

void FusionGraph::findNodes() {
  llvm::DenseSet<Value> returned;
  for (Value v : body().getTerminator()->getOperands())
    returned.insert(v);
  for (Operation& op : body().without_terminator()) {
    if (isTransparent(&op) || (!returned.contains(op.getResult(0)) && isCheap(&op))) continue;
    number[&op] = nodes.size();
    nodes.push_back(&op);
  }
}

void FusionGraph::sourcesOf(Value v, function_ref<void(unsigned, Value)> visit) {
  Operation* op = v.getDefiningOp();
  if (!op) return;
  auto it = number.find(op);
  if (it != number.end()) return visit(it->second, v);
  for (Value operand : op->getOperands())
    sourcesOf(operand, visit);
}

void FusionGraph::argumentsOf(Value v, function_ref<void(BlockArgument)> visit) {
  if (auto argument = dyn_cast<BlockArgument>(v)) return visit(argument);
  if (!number.contains(v.getDefiningOp()))
    for (Value operand : v.getDefiningOp()->getOperands())
      argumentsOf(operand, visit);
}

void FusionGraph::findEdges() {
  producers.resize(nodes.size());
  consumers.resize(nodes.size());
  after.resize(nodes.size());
  returnedAs.resize(nodes.size());
  for (unsigned n = 0; n < nodes.size(); n++)
    for (Value operand : nodes[n]->getOperands())
      sourcesOf(operand, [&](unsigned p, Value) {
        producers[n].insert(p);
        consumers[p].insert(n);
        after[p].insert(n);
      });
  orderRecomputed();
  for (OpOperand& operand : body().getTerminator()->getOpOperands()) {
    sourcesOf(operand.get(), [&](unsigned p, Value) { returnedAs[p].insert(operand.get()); });
    orderOverwrite(operand);
  }
  orderRefusals();
}

// What is computed again waits for whatever else its readers read: it would be kept from the start
// otherwise.
void FusionGraph::orderRecomputed() {
  auto isAgain = [&](unsigned n) { return nodes[n]->hasAttr(ir::kRecomputedName); };
  std::vector<llvm::SetVector<unsigned>> waited(nodes.size()); // for what, by node
  for (unsigned n = nodes.size(); n-- > 0;) {
    if (!isAgain(n)) continue;
    for (unsigned reader : consumers[n]) {
      // A copy that reads it waits already.
      const llvm::SetVector<unsigned>& others =
          isAgain(reader) ? waited[reader] : producers[reader];
      for (unsigned other : others)
        if (other < n && !isAgain(other)) {
          after[other].insert(n);
          waited[n].insert(other);
        }
    }
  }
}

// Whoever reads a leaf's old value runs before the node that makes its new one, where the data
// allows it.
void FusionGraph::orderOverwrite(OpOperand& operand) {
  auto leaf = function.getResultAttrOfType<IntegerAttr>(operand.getOperandNumber(), ir::kLeafName);
  if (!leaf) return;
  Value old = function.getArgument(leaf.getInt());
  llvm::SetVector<unsigned> readers;
  for (unsigned n = 0; n < nodes.size(); n++)
    for (Value v : nodes[n]->getOperands())
      argumentsOf(v, [&](BlockArgument a) {
        if (a == old) readers.insert(n);
      });
  sourcesOf(operand.get(), [&](unsigned writer, Value) {
    for (unsigned reader : readers)
      if (reader != writer && !isPath(writer, reader)) after[reader].insert(writer);
  });
}

// What may refuse its operands runs before anything writes a leaf, where the data allows it: an op
// that eager code would not have reached must not have written.
void FusionGraph::orderRefusals() {
  refuses.resize(nodes.size());
  overwrites.resize(nodes.size());
  for (OpOperand& operand : body().getTerminator()->getOpOperands())
    if (function.getResultAttr(operand.getOperandNumber(), ir::kLeafName))
      sourcesOf(operand.get(), [&](unsigned n, Value) { overwrites.set(n); });
  std::vector<SmallVector<unsigned>> before(nodes.size());
  for (unsigned n = 0; n < nodes.size(); n++) {
    unsigned self = n;
    refuses[n] = llvm::any_of(opsOf(self), mayRefuse);
    for (unsigned next : after[n])
      before[next].push_back(n);
  }
  for (unsigned n : refuses.set_bits()) {
    llvm::DenseSet<unsigned> ancestors{n};
    SmallVector<unsigned> stack{n};
    while (!stack.empty())
      for (unsigned previous : before[stack.pop_back_val()])
        if (ancestors.insert(previous).second) stack.push_back(previous);
    for (unsigned writer : overwrites.set_bits())
      if (!ancestors.contains(writer) && after[n].insert(writer)) before[writer].push_back(n);
  }
}

bool FusionGraph::isPath(unsigned from, unsigned to) {
  SmallVector<unsigned> stack{from};
  llvm::DenseSet<unsigned> seen;
  while (!stack.empty()) {
    unsigned n = stack.pop_back_val();
    if (n == to) return true;
    for (unsigned next : after[n])
      if (seen.insert(next).second) stack.push_back(next);
  }
  return false;
}

// Says whether a kernel that computes all elements of the nodes `whole` reads all elements of a
// value.
bool FusionGraph::isReadWholeBy(Value v, const llvm::DenseSet<unsigned>& whole) {
  MLIRContext* context = v.getContext();
  AffineExpr count = ir::countOf(ir::shapeOf(v), context);
  for (Operation* user : v.getUsers()) {
    if (user->getNumResults() != 1) continue;
    Value y = user->getResult(0);
    auto known = dyn_cast<AffineConstantExpr>(ir::countOf(ir::shapeOf(y), context));
    bool isEachShown = ir::countOf(ir::shapeOf(y), context) == count ||
                       (isa<ir::Expand>(user) && known && known.getValue() > 0);
    if (isa<ir::ViewOp>(user)) {
      if (isEachShown && isReadWholeBy(y, whole)) return true;
      continue;
    }
    const ir::Record* record = ir::recordOf(user);
    bool isPointwise = record && record->kind == ir::RecordKind::pointwise &&
                       (isEachShown || (known && known.getValue() > 0));
    bool isIndex = isGather(user) && user->getOperand(1) == v && user->getOperand(0) != v;
    if (!isPointwise && !isIndex && !asReduce(user)) continue;
    auto it = number.find(user);
    if (it == number.end() ? isReadWholeBy(y, whole) : whole.contains(it->second)) return true;
  }
  return false;
}

// What may refuse an element looks at each of them, whichever are read: the nodes of a set that do
// so only because their results are written.
llvm::DenseSet<unsigned> FusionGraph::unreadRefusals(ArrayRef<unsigned> set,
                                                     const llvm::DenseSet<unsigned>& members) {
  llvm::DenseSet<unsigned> whole, unread;
  if (llvm::none_of(set, [&](unsigned n) { return mayRefuse(nodes[n]); })) return unread;
  for (unsigned n : llvm::reverse(set)) {
    Value result = nodes[n]->getResult(0);
    bool isRead = isReadWhole(result) || isReadWholeBy(result, whole);
    if (!isRead && mayRefuse(nodes[n])) unread.insert(n);
    if (isRead || unread.contains(n) || !returnedAs[n].empty() ||
        llvm::any_of(consumers[n], [&](unsigned c) { return !members.contains(c); }))
      whole.insert(n);
  }
  return unread;
}

SmallVector<Value> FusionGraph::outputsOf(ArrayRef<unsigned> set) {
  llvm::DenseSet<unsigned> members(set.begin(), set.end());
  llvm::DenseSet<unsigned> unread = unreadRefusals(set, members);
  llvm::SetVector<Value> outputs;
  for (unsigned n : set) {
    Value result = nodes[n]->getResult(0);
    auto isOutside = [&](unsigned c) { return !members.contains(c); };
    bool isShared =
        unread.contains(n) || returnedAs[n].size() > 1 || llvm::any_of(consumers[n], isOutside);
    if (isShared)
      outputs.insert(result);
    else if (!returnedAs[n].empty())
      outputs.insert(onlyShows(returnedAs[n][0], result) ? returnedAs[n][0] : result);
  }
  if (outputs.empty()) // dead, but a kernel has a result
    outputs.insert(nodes[set.back()]->getResult(0));
  return outputs.takeVector();
}

SmallVector<Operation*> FusionGraph::opsOf(ArrayRef<unsigned> set) {
  llvm::SetVector<Operation*> ops;
  std::function<void(Value)> visit = [&](Value v) {
    Operation* op = v.getDefiningOp();
    if (!op || number.contains(op) || ops.contains(op)) return;
    for (Value operand : op->getOperands())
      visit(operand);
    if (cheap.contains(op)) ops.insert(op);
  };
  for (unsigned n : set) {
    for (Value operand : nodes[n]->getOperands())
      visit(operand);
    ops.insert(nodes[n]);
  }
  return ops.takeVector();
}

} // namespace weft
