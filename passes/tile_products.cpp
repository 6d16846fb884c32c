// Two products with a normalisation of rows between them (attention) run tile by tile: what lies
// between them is never whole.
// 1. From a product C upwards through its left factor, ops that keep rows apart are collected until
//    a product A is found: pointwise ops, reductions within a row, views that leave rows as they
//    are.
// 2. If a row is reduced on the way and nobody else reads what depends on A, these ops become a
//    function of one tile: one entry of the batch, some rows. It reads slices of its operands,
//    whose starts are symbols, and writes a window of C's result.
// 3. weft.tiles calls the function for each tile, any of them on any thread.
//   softmax(Q K^T) V, rows i of it  =  softmax(Q[i] K^T) V
// The rows of a tile depend on shapes alone, and each row is computed as it would be in whole.
// Where sizes are arguments the rows of a tile are an expression of them, and the last two tiles
// may share rows, which both compute alike.
#include "passes/part.h"
#include "passes/passes.h"
#include "passes/typical_size.h"

#include "ir/weft/index_math.h"

#include "mlir/IR/IRMapping.h"

#include <map>
#include <set>

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

// What lies between the products is worth a detour through tiles if it exceeds a core's cache, and
// a tile of it should not.
constexpr int64_t kLeastBytes = 1 << 20, kTileBytes = 512 << 10;
constexpr int64_t kLeastRows = 16, kMostRows = 128;

// For each dim of a value the dim of the tile that it runs along, or kWhole.
using Form = SmallVector<int, 6>;
constexpr int kWhole = -1;

// A value in one of the forms in which it is read.
using FormKey = std::pair<const void*, std::vector<int>>;
FormKey keyOf(Value v, const Form& form) {
  return {v.getAsOpaquePointer(), std::vector<int>(form.begin(), form.end())};
}

std::optional<int64_t> constantOf(AffineExpr e) {
  auto c = dyn_cast<AffineConstantExpr>(e);
  return c ? std::optional(c.getValue()) : std::nullopt;
}
bool isOne(AffineExpr e) { return constantOf(e) == 1; }

// The form of an operand that broadcasts to a value of form `form`.
Form broadcastForm(const Form& form, Value operand) {
  Exprs shape = ir::shapeOf(operand);
  Form result(form.end() - shape.size(), form.end());
  for (size_t k = 0; k < shape.size(); k++)
    if (isOne(shape[k])) result[k] = kWhole;
  return result;
}

// Dims of size 1 come and go, the others stay in order: no other reshape keeps rows apart.
std::optional<Form> reshapedForm(const Form& form, Value result, Value operand) {
  Exprs to = ir::shapeOf(result), from = ir::shapeOf(operand);
  Form own(from.size(), kWhole);
  size_t next = 0;
  for (size_t k = 0; k < from.size(); k++) {
    if (isOne(from[k])) continue;
    while (next < to.size() && isOne(to[next]))
      next++;
    if (next == to.size() || ir::canonical(to[next]) != ir::canonical(from[k])) return std::nullopt;
    own[k] = form[next++];
  }
  while (next < to.size() && isOne(to[next]))
    next++;
  return next == to.size() ? std::optional(own) : std::nullopt;
}

std::optional<Form> viewForm(Operation* op, const Form& form) {
  Value x = op->getOperand(0);
  if (isa<ir::ViewAs>(op)) return reshapedForm(form, op->getResult(0), x);
  if (isa<ir::Expand>(op)) return broadcastForm(form, x);
  if (!isa<ir::Permute>(op)) return std::nullopt;
  Form own(form.size(), kWhole);
  for (auto [to, from] : llvm::enumerate(ir::structureOf(op)))
    own[from] = form[to];
  return own;
}

std::optional<Form> reducedForm(const ReduceView& reduce, const Form& form) {
  size_t rank = cast<RankedTensorType>(reduce.operand.getType()).getRank();
  bool keepdim = form.size() == rank;
  Form own;
  size_t next = 0;
  for (size_t dim = 0; dim < rank; dim++) {
    bool isReduced = llvm::is_contained(reduce.dims, static_cast<int64_t>(dim));
    own.push_back(isReduced ? kWhole : form[next]);
    if (isReduced && keepdim && form[next] != kWhole) return std::nullopt;
    next += !isReduced || keepdim;
  }
  return own;
}

// The forms in which an op whose rows are computed apart reads its operands.
std::optional<SmallVector<Form>> operandForms(Operation* op, const Form& form) {
  SmallVector<Form> forms;
  auto one = [&](std::optional<Form> own) -> std::optional<SmallVector<Form>> {
    if (!own) return std::nullopt;
    return SmallVector<Form>{*own};
  };
  if (isa<ir::ViewOp>(op)) return one(viewForm(op, form));
  if (auto reduce = asReduce(op)) return one(reducedForm(*reduce, form));
  if (isMatrixProduct(op)) {
    size_t rank = form.size();
    for (Value v : op->getOperands())
      if (cast<RankedTensorType>(v.getType()).getRank() < 2) return std::nullopt;
    if (rank < 2 || form[rank - 1] != kWhole) return std::nullopt;
    Form lhs(form), rhs(form);
    rhs[rank - 2] = kWhole;
    return SmallVector<Form>{broadcastForm(lhs, op->getOperand(0)),
                             broadcastForm(rhs, op->getOperand(1))};
  }
  const ir::Record* record = ir::recordOf(op);
  if (!record || record->kind != ir::RecordKind::pointwise) return std::nullopt;
  for (Value operand : op->getOperands())
    forms.push_back(broadcastForm(form, operand));
  return forms;
}

// The ops from a product to another one, and what they read.
class Chain {
public:
  explicit Chain(Operation* last) : last(last) {}

  bool find() {
    Value rows = last->getOperand(0), result = last->getResult(0);
    size_t rank = cast<RankedTensorType>(rows.getType()).getRank();
    if (rank < 2 || cast<RankedTensorType>(result.getType()).getRank() != int64_t(rank))
      return false;
    extents = Exprs(ArrayRef(ir::shapeOf(result)).drop_back());
    for (size_t k = 0; k + 1 < rank; k++)
      form.push_back(isOne(extents[k]) ? kWhole : int(k));
    form.push_back(kWhole);
    findFirst(rows);
    if (!first || !chooseTile()) return false;
    auto forms = operandForms(last, form);
    if (!forms) return false;
    members.insert(last);
    for (auto [operand, own] : llvm::zip_equal(last->getOperands(), *forms))
      visit(operand, own);
    return reaches && reduces && isPrivate();
  }

  // What a tile does with a value.
  enum class Role { input, number, source, computed };
  Role roleOf(Value v, const Form& form) {
    Operation* op = v.getDefiningOp();
    if (!op) return Role::input;
    if (ir::isNumber(v)) return Role::number;
    if (op == last || op == first) return operandForms(op, form) ? Role::computed : Role::input;
    const ir::Record* record = ir::recordOf(op);
    if (record && record->kind == ir::RecordKind::source)
      return record->isRandom ? Role::input : Role::source;
    bool isOwn = !isMatrixProduct(op) && !mayRefuse(op) && (dependsOnFirst(op) || isLight(op));
    return isOwn && operandForms(op, form) ? Role::computed : Role::input;
  }

  Operation* last;
  Operation* first = nullptr; // the product at the other end
  Exprs extents;              // of the tile's dims: the batch's, then the rows
  Exprs lengths;              // of a tile along each dim
  Form form;                  // of the result
  llvm::SetVector<Value> inputs, numbers;
  llvm::SetVector<Operation*> members;

private:
  // The nearest product of the shape of what `last` multiplies.
  void findFirst(Value rows) {
    SmallVector<Value> stack{rows};
    llvm::DenseSet<Value> seen;
    while (!stack.empty()) {
      Value v = stack.pop_back_val();
      Operation* op = v.getDefiningOp();
      if (!op || !seen.insert(v).second) continue;
      if (isMatrixProduct(op) && ir::shapeOf(v) == ir::shapeOf(rows)) {
        first = op;
        return;
      }
      if (!isMatrixProduct(op) && ir::recordOf(op)) llvm::append_range(stack, op->getOperands());
    }
  }

  bool dependsOnFirst(Operation* op) {
    auto [it, isNew] = dependent.try_emplace(op, op == first);
    if (!isNew || it->second) return it->second;
    bool any = llvm::any_of(op->getOperands(), [&](Value v) {
      return v.getDefiningOp() && dependsOnFirst(v.getDefiningOp());
    });
    return dependent[op] = any;
  }

  // Made of sources and numbers alone: computed again in each tile.
  bool isLight(Operation* op) {
    const ir::Record* record = ir::recordOf(op);
    if (ir::isNumber(op->getResult(0))) return true;
    if (!record || record->isRandom || record->mayRefuse || asReduce(op)) return false;
    if (record->kind == ir::RecordKind::structured) return false;
    return llvm::all_of(op->getOperands(),
                        [&](Value v) { return v.getDefiningOp() && isLight(v.getDefiningOp()); });
  }

  void visit(Value v, const Form& own) {
    if (!seen.insert(keyOf(v, own)).second) return;
    Operation* op = v.getDefiningOp();
    switch (roleOf(v, own)) {
    case Role::input:
      inputs.insert(v);
      return;
    case Role::number:
      numbers.insert(v);
      return;
    case Role::source:
      for (Value operand : op->getOperands())
        visit(operand, {});
      return;
    case Role::computed:
      break;
    }
    members.insert(op);
    reaches |= op == first;
    reduces |= asReduce(op).has_value();
    SmallVector<Form> forms = *operandForms(op, own);
    for (auto [operand, read] : llvm::zip_equal(op->getOperands(), forms))
      visit(operand, read);
  }

  bool isPrivate() {
    for (Operation* op : members)
      if (op != last && dependsOnFirst(op))
        for (Operation* user : op->getUsers())
          if (!members.contains(user)) return false;
    return !inputs.contains(first->getResult(0));
  }

  bool chooseTile() {
    MLIRContext* context = last->getContext();
    Exprs between = ir::shapeOf(first->getResult(0));
    auto count = constantOf(ir::countOf(between, context));
    auto rows = constantOf(extents.back()), columns = constantOf(between.back());
    constexpr int64_t item = 4;
    if (count && *count * item < kLeastBytes) return false;
    lengths.assign(extents.size(), getAffineConstantExpr(1, context));
    if (!rows) {
      // As many tiles as their bytes ask for, of equal length.
      AffineExpr bytes = extents.back() * between.back() * item;
      lengths.back() = extents.back().ceilDiv(bytes.floorDiv(kTileBytes) + 1);
      return true;
    }
    if (columns == 0) return false;
    int64_t row = item * columns.value_or(kTypicalExtent);
    int64_t length = std::min({kMostRows, kTileBytes / row, *rows});
    while (length >= kLeastRows && *rows % length)
      length--;
    if (length < kLeastRows) return false;
    lengths.back() = getAffineConstantExpr(length, context);
    return true;
  }

  std::set<FormKey> seen;
  llvm::DenseMap<Operation*, bool> dependent;
  bool reduces = false, reaches = false;
};

// Makes the function of a tile and its call.
class Tiling {
public:
  Tiling(func::FuncOp function, Chain& chain)
      : function(function), chain(chain), context(function.getContext()), builder(context) {
    for (BlockArgument argument : function.getArguments())
      sizes += argument.getType().isIndex();
    for (AffineExpr extent : chain.extents)
      starts.push_back(isOne(extent) ? kWhole : moving++);
  }

  void run(unsigned number) {
    name = "tiles" + std::to_string(number);
    createFunction();
    Value result = tiled(chain.last->getResult(0), chain.form);
    func::ReturnOp::create(builder, chain.last->getLoc(), result);
    call();
  }

private:
  AffineExpr constant(int64_t v) { return getAffineConstantExpr(v, context); }
  AffineExpr startOf(int dim) {
    return starts[dim] < 0 ? constant(0) : getAffineSymbolExpr(sizes + starts[dim], context);
  }
  // A length that is no constant is the function's last size.
  AffineExpr lengthOf(int dim) {
    AffineExpr length = chain.lengths[dim];
    return constantOf(length) ? length : getAffineSymbolExpr(sizes + moving, context);
  }
  bool takesLength() const { return !constantOf(chain.lengths.back()); }
  static StringRef nameOf(StringRef op) { return op.drop_front(StringRef("weft.").size()); }

  // The shape of a value in a tile.
  Exprs tileShape(Value v, const Form& form) {
    Exprs shape = ir::shapeOf(v);
    for (size_t k = 0; k < shape.size(); k++)
      if (form[k] != kWhole) shape[k] = lengthOf(form[k]);
    return shape;
  }
  RankedTensorType tileType(Value v, const Form& form) {
    return ir::tensorType(tileShape(v, form), ir::elementOf(v));
  }

  // Arguments: inputs, the window of the result, run-time numbers, the caller's sizes, starts, a
  // length that is no constant.
  void createFunction() {
    Value result = chain.last->getResult(0);
    SmallVector<Type> types;
    for (Value v : chain.inputs)
      types.push_back(v.getType());
    Type window = tileType(result, chain.form);
    types.push_back(window);
    for (Value v : chain.numbers)
      if (auto scalar = v.getDefiningOp<ir::ScalarOp>()) {
        arguments[v] = types.size();
        types.push_back(scalar.getValue().getType());
      }
    types.append(sizes + moving + takesLength(), builder.getIndexType());
    builder.setInsertionPointToEnd(function->getBlock());
    tile = func::FuncOp::create(builder, chain.last->getLoc(), name,
                                builder.getFunctionType(types, window));
    tile.setPrivate();
    Block* body = tile.addEntryBlock();
    unsigned out = chain.inputs.size();
    tile.setArgAttr(out, ir::kLayoutName, AffineMapAttr::get(windowLayout(result)));
    tile.setResultAttr(0, ir::kLeafName, builder.getI64IntegerAttr(out));
    builder.setInsertionPointToEnd(body);
  }

  AffineMap windowLayout(Value result) {
    Exprs shape = ir::shapeOf(result), indices;
    for (unsigned k = 0; k < shape.size(); k++) {
      indices.push_back(getAffineDimExpr(k, context));
      if (k < chain.extents.size()) indices.back() = indices.back() + startOf(k);
    }
    AffineExpr offset = ir::canonical(ir::linearise(indices, shape, context));
    return AffineMap::get(shape.size(), sizes + moving + takesLength(), offset);
  }

  Value sliced(Value v, const Form& form) {
    for (auto [k, dim] : llvm::enumerate(form)) {
      if (dim == kWhole) continue;
      Exprs shape = ir::shapeOf(v);
      shape[k] = lengthOf(dim);
      Exprs place{startOf(dim), shape[k], constant(1)};
      v = ir::createRecord(builder, v.getLoc(), nameOf(ir::Slice::getOperationName()), v,
                           ir::tensorType(shape, ir::elementOf(v)), {int64_t(k)}, place);
    }
    return v;
  }

  Value tiled(Value v, const Form& form) {
    FormKey key = keyOf(v, form);
    if (auto known = made.find(key); known != made.end()) return known->second;
    Value result = make(v, form);
    return made[key] = result;
  }

  Value make(Value v, const Form& form) {
    Operation* op = v.getDefiningOp();
    switch (chain.roleOf(v, form)) {
    case Chain::Role::input:
      return sliced(tile.getArgument(llvm::find(chain.inputs, v) - chain.inputs.begin()), form);
    case Chain::Role::number:
      if (auto known = arguments.find(v); known != arguments.end())
        return ir::ScalarOp::create(builder, v.getLoc(), v.getType(),
                                    tile.getArgument(known->second));
      return builder.clone(*op)->getResult(0);
    case Chain::Role::source: {
      IRMapping mapping;
      for (Value operand : op->getOperands())
        mapping.map(operand, tiled(operand, {}));
      return sliced(builder.clone(*op, mapping)->getResult(0), form);
    }
    case Chain::Role::computed:
      break;
    }
    IRMapping mapping;
    SmallVector<Form> forms = *operandForms(op, form);
    SmallVector<Value> operands;
    for (auto [operand, read] : llvm::zip_equal(op->getOperands(), forms))
      operands.push_back(tiled(operand, read));
    Operation* copy = builder.clone(*op);
    copy->setOperands(operands);
    copy->getResult(0).setType(tileType(v, form));
    Exprs shape = tileShape(v, form);
    if (isa<ir::ViewAs, ir::Expand>(op))
      copy->setAttr("sizes",
                    AffineMapAttr::get(AffineMap::get(0, ir::countSymbols(shape), shape, context)));
    return copy->getResult(0);
  }

  std::string summary() {
    std::string text;
    for (Operation* op : llvm::reverse(chain.members))
      if (!isTransparent(op))
        text += (text.empty() ? "" : " ") + op->getName().stripDialect().str();
    return text;
  }

  void call() {
    builder.setInsertionPoint(chain.last);
    SmallVector<Value> operands(chain.inputs.begin(), chain.inputs.end());
    for (Value v : chain.numbers)
      if (arguments.contains(v)) operands.push_back(v);
    Exprs counts, steps, extents;
    for (auto [k, extent] : llvm::enumerate(chain.extents))
      if (starts[k] >= 0) {
        AffineExpr length = chain.lengths[k];
        auto divided = dyn_cast<AffineBinaryOpExpr>(length); // the extent by the number of tiles
        counts.push_back(divided ? divided.getRHS() : ir::canonical(extent.floorDiv(length)));
        steps.push_back(length);
        extents.push_back(extent);
      }
    auto mapOf = [&](const Exprs& list) {
      return AffineMap::get(0, ir::countSymbols(list), list, context);
    };
    SmallVector<Location> places;
    for (Operation* op : chain.members)
      places.push_back(op->getLoc());
    Value old = chain.last->getResult(0);
    auto tiles =
        ir::TilesOp::create(builder, FusedLoc::get(context, places), old.getType(), name, operands,
                            mapOf(counts), mapOf(steps), mapOf(extents), summary());
    old.replaceAllUsesWith(tiles.getResult());
    for (bool changed = true; changed;) {
      changed = false;
      for (Operation* op : llvm::make_early_inc_range(chain.members))
        if (op->use_empty()) {
          chain.members.remove(op);
          op->erase();
          changed = true;
          break;
        }
    }
  }

  func::FuncOp function;
  Chain& chain;
  MLIRContext* context;
  OpBuilder builder;
  func::FuncOp tile;
  std::string name;
  unsigned sizes = 0;         // the function's size arguments
  int moving = 0;             // dims of the tile that have more than one place
  SmallVector<int, 6> starts; // by dim of the tile: its number among those, or kWhole
  llvm::DenseMap<Value, unsigned> arguments; // of run-time numbers
  std::map<FormKey, Value> made;
};

} // namespace

LogicalResult tileProducts(ModuleOp module, PassContext& pass) {
  if (!pass.tiles) return success();
  unsigned number = 0;
  SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
  for (func::FuncOp function : functions) {
    if (function.isDeclaration()) continue;
    SmallVector<Operation*> products;
    for (Operation& op : function.getBody().front())
      if (isMatrixProduct(&op)) products.push_back(&op);
    // From the end on: a product that became part of a tile is no end of another one.
    llvm::DenseSet<Operation*> taken;
    for (Operation* op : llvm::reverse(products)) {
      if (taken.contains(op)) continue;
      Chain chain(op);
      if (!chain.find()) continue;
      taken.insert(chain.first);
      Tiling(function, chain).run(number++);
    }
  }
  return success();
}

} // namespace weft
