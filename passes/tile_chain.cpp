#include "passes/tile_chain.h"

#include "passes/typical_size.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

namespace {

// What lies between the products is worth a detour through tiles if it exceeds a core's cache, and
// a tile of it should not.
constexpr int64_t kLeastBytes = 1 << 20, kTileBytes = 512 << 10;
constexpr int64_t kLeastRows = 16, kMostRows = 128;
// Products of fewer rows pack the other factor for too little work.
constexpr int64_t kFewRows = 64;
// Where columns come in blocks: a block of the scores, of the keys and of the values share the
// cache.
constexpr int64_t kBlockColumns = 256, kMostBlockRows = 256;
// What is computed of few elements, so many or this share of its own, with so many operations for
// each of its own, is computed in each tile rather than written and read.
constexpr double kFewElements = 1024, kFewOfOwn = 1.0 / 16, kMostWeight = 12;
constexpr size_t kMostOps = 32;

bool isOne(AffineExpr e) { return constantOf(e) == 1; }

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

// The last dim is that of the columns: TileChain::narrow finds where it is not.
std::optional<Form> reducedForm(const ReduceView& reduce, const Form& form, bool isNarrow) {
  size_t rank = cast<RankedTensorType>(reduce.operand.getType()).getRank();
  bool keepdim = form.size() == rank;
  Form own;
  size_t next = 0;
  for (size_t dim = 0; dim < rank; dim++) {
    bool isReduced = llvm::is_contained(reduce.dims, static_cast<int64_t>(dim));
    int reduced = isNarrow && dim + 1 == rank ? kColumns : kWhole;
    own.push_back(isReduced ? reduced : form[next]);
    if (isReduced && keepdim && form[next] != kWhole) return std::nullopt;
    next += !isReduced || keepdim;
  }
  return own;
}

} // namespace

Form broadcastForm(const Form& form, Value operand) {
  Exprs shape = ir::shapeOf(operand);
  Form result(form.end() - shape.size(), form.end());
  for (size_t k = 0; k < shape.size(); k++)
    if (isOne(shape[k])) result[k] = kWhole;
  return result;
}

std::optional<SmallVector<Form>> TileChain::operandForms(Operation* op, const Form& form) const {
  auto one = [&](std::optional<Form> own) -> std::optional<SmallVector<Form>> {
    if (!own) return std::nullopt;
    return SmallVector<Form>{*own};
  };
  if (isa<ir::ViewOp>(op)) return one(viewForm(op, form));
  if (auto reduce = asReduce(op)) return one(reducedForm(*reduce, form, isNarrow));
  if (isMatrixProduct(op)) {
    size_t rank = form.size();
    for (Value v : op->getOperands())
      if (cast<RankedTensorType>(v.getType()).getRank() < 2) return std::nullopt;
    bool sumsColumns = isNarrow && op == last;
    if (rank < 2 || form[rank - 1] != (isNarrow && op == first ? kColumns : kWhole))
      return std::nullopt;
    Form lhs(form), rhs(form);
    lhs[rank - 1] = rhs[rank - 2] = sumsColumns ? kColumns : kWhole;
    return SmallVector<Form>{broadcastForm(lhs, op->getOperand(0)),
                             broadcastForm(rhs, op->getOperand(1))};
  }
  const ir::Record* record = ir::recordOf(op);
  if (!record || record->kind != ir::RecordKind::pointwise) return std::nullopt;
  SmallVector<Form> forms;
  for (Value operand : op->getOperands())
    forms.push_back(broadcastForm(form, operand));
  return forms;
}

bool TileChain::find() {
  Value rows = last->getOperand(0), result = last->getResult(0);
  size_t rank = cast<RankedTensorType>(rows.getType()).getRank();
  if (rank < 2 || cast<RankedTensorType>(result.getType()).getRank() != int64_t(rank)) return false;
  extents = Exprs(ArrayRef(ir::shapeOf(result)).drop_back());
  for (size_t k = 0; k + 1 < rank; k++)
    form.push_back(isOne(extents[k]) ? kWhole : int(k));
  form.push_back(kWhole);
  findFirst(rows);
  return first && chooseTile() && collect();
}

bool TileChain::narrow() {
  isNarrow = true;
  if (collect() && isCut) return true;
  isNarrow = false;
  collect();
  return false;
}

bool TileChain::collect() {
  for (auto* values : {&inputs, &numbers})
    values->clear();
  members.clear();
  seen.clear();
  reduces = reaches = false;
  isCut = true;
  auto forms = operandForms(last, form);
  if (!forms) return false;
  members.insert(last);
  for (auto [operand, own] : llvm::zip_equal(last->getOperands(), *forms))
    visit(operand, own);
  return reaches && reduces && isPrivate();
}

Form TileChain::columnsForm() const {
  Form scores(form);
  scores.back() = kColumns;
  return scores;
}

std::optional<int64_t> TileChain::columns() const {
  return constantOf(ir::shapeOf(first->getResult(0)).back());
}

TileChain::Role TileChain::roleOf(Value v, const Form& form) {
  Operation* op = v.getDefiningOp();
  if (!op) return Role::input;
  if (ir::isNumber(v)) return Role::number;
  if (op == last || op == first) return operandForms(op, form) ? Role::computed : Role::input;
  const ir::Record* record = ir::recordOf(op);
  if (record && record->kind == ir::RecordKind::source)
    return record->isRandom ? Role::input : Role::source;
  bool isOwn = !isMatrixProduct(op) && !mayRefuse(op) &&
               (dependsOnFirst(op) || isLight(op) || isExpansion(op));
  return isOwn && operandForms(op, form) ? Role::computed : Role::input;
}

// The nearest product of the shape of what `last` multiplies.
void TileChain::findFirst(Value rows) {
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

bool TileChain::dependsOnFirst(Operation* op) {
  auto [it, isNew] = dependent.try_emplace(op, op == first);
  if (!isNew || it->second) return it->second;
  bool any = llvm::any_of(op->getOperands(), [&](Value v) {
    return v.getDefiningOp() && dependsOnFirst(v.getDefiningOp());
  });
  return dependent[op] = any;
}

// Made of sources and numbers alone: computed again in each tile.
bool TileChain::isLight(Operation* op) {
  const ir::Record* record = ir::recordOf(op);
  if (ir::isNumber(op->getResult(0))) return true;
  if (!record || record->isRandom || record->mayRefuse || asReduce(op)) return false;
  if (record->kind == ir::RecordKind::structured) return false;
  return llvm::all_of(op->getOperands(),
                      [&](Value v) { return v.getDefiningOp() && isLight(v.getDefiningOp()); });
}

// Computed of few elements: of a slope for each head and of positions.
bool TileChain::isExpansion(Operation* op) {
  auto countOf = [](Value v) {
    return constantOf(ir::countOf(ir::shapeOf(v), v.getContext())).value_or(-1);
  };
  double elements = 0, weight = 0, own = double(countOf(op->getResult(0)));
  llvm::SetVector<Value> values;
  values.insert(op->getResult(0));
  for (size_t k = 0; k < values.size(); k++) {
    Value v = values[k];
    int64_t count = countOf(v);
    if (count < 0 || values.size() > kMostOps) return false;
    if (ir::isNumber(v)) continue;
    Operation* from = v.getDefiningOp();
    const ir::Record* record = from ? ir::recordOf(from) : nullptr;
    if (record && record->kind == ir::RecordKind::source && !record->isRandom) continue;
    bool isComputed = record && !record->mayRefuse &&
                      (isa<ir::ViewAs, ir::Expand, ir::Permute>(from) ||
                       record->kind == ir::RecordKind::pointwise);
    if (!isComputed) {
      if (k == 0) return false;
      elements += double(count);
      continue;
    }
    if (!isTransparent(from)) weight += double(weightOf(from)) * double(count);
    values.insert(from->operand_begin(), from->operand_end());
  }
  return elements <= std::max(kFewElements, own * kFewOfOwn) && weight <= own * kMostWeight;
}

void TileChain::visit(Value v, const Form& own) {
  if (!seen.insert(keyOf(v, own)).second) return;
  Operation* op = v.getDefiningOp();
  if (op == first) isCut &= own.back() == kColumns && llvm::count(own, kColumns) == 1;
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

bool TileChain::isPrivate() {
  for (Operation* op : members)
    if (op != last && dependsOnFirst(op))
      for (Operation* user : op->getUsers())
        if (!members.contains(user)) return false;
  return !inputs.contains(first->getResult(0));
}

bool TileChain::chooseTile() {
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
  if (columns == 0 || *rows < kLeastRows) return false;
  int64_t row = item * columns.value_or(kTypicalExtent);
  setRows(std::clamp(kTileBytes / row, kLeastRows, kMostRows));
  return true;
}

// Tiles of equal length, of which the last one may share rows with the one before it.
void TileChain::setRows(int64_t most) {
  int64_t rows = *constantOf(extents.back()), tiles = llvm::divideCeil(rows, most);
  lengths.back() = getAffineConstantExpr(llvm::divideCeil(rows, tiles), last->getContext());
}

bool TileChain::isLong() const {
  auto rows = constantOf(extents.back()), ofTile = constantOf(lengths.back());
  return rows && ofTile && columns() && *ofTile < std::min(*rows, kFewRows);
}

void TileChain::cutBlocks() {
  block = kBlockColumns;
  setRows(kMostBlockRows);
}

} // namespace weft
