// Let x be -inf in a hidden column. Softmax adds exp(-inf - m) = 0 to its sum there and 0 v = 0 to
// its result, so the column may be left out, if
// 1. rows are reduced by what -inf, or 0, is the identity of;
// 2. m is a number of the row. If m is -inf or NaN, the hidden column and all others are NaN or, by
//    exp, infinite, and divided by their sum all are NaN, with the column or without it;
// 3. the divisor is the sum of the row, or a number other than 0 in its place. A sum of 0 has only
//    terms of 0, so that all quotients are NaN in either case;
// 4. every element of v is finite, which is looked at when the program runs.
// A mask that is chosen (where) gives -inf whatever the score is. One that is added needs a score
// that is no NaN and not +inf: the largest elements of both factors bound it when the program runs.
// What is -inf is looked at in each tile: a mask may be made of positions, or be any tensor.
#include "passes/hidden_columns.h"

#include "passes/row_ops.h"

using namespace mlir;

namespace weft {

using expr::Primitive;
using ir::Exprs;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Far enough below the largest f32, f64 and bf16, and f16, for what rounding adds to a bound.
constexpr double kMostScore = 1e38, kMostHalfScore = 6e4;

bool isCast(Operation* op) {
  const ir::Record* record = ir::recordOf(op);
  return record && record->isCast;
}

} // namespace

//===--- The proof ----------------------------------------------------------------------------===//

bool HiddenColumns::find() {
  auto columns = chain.columns();
  if (!columns || *columns < 2 * ir::kGranule) return false;
  for (Operation& op : *chain.first->getBlock())
    if (chain.members.contains(&op) && &op != chain.last && chain.dependsOnFirst(&op)) {
      State state = find(&op);
      if (state == State::unknown) return false;
      states[op.getResult(0)] = state;
    }
  return stateOf(chain.last->getOperand(0)) == State::share && scores &&
         ir::shapeOf(scores) == ir::shapeOf(chain.first->getResult(0));
}

HiddenColumns::State HiddenColumns::find(Operation* op) {
  if (op == chain.first) return State::scores;
  if (asReduce(op)) return reduced(op);
  if (isa<ir::ViewOp>(op) || isCast(op)) {
    Value x = op->getOperand(0);
    State state = stateOf(x);
    bool isFloat = isa<FloatType>(ir::elementOf(op->getResult(0)));
    if (!isFloat || (isa<ir::ViewOp>(op) && state == State::low)) return State::unknown;
    if (positive.contains(x)) positive.insert(op->getResult(0));
    return state;
  }
  return pointwise(op);
}

HiddenColumns::State HiddenColumns::reduced(Operation* op) {
  auto identity = identityOfRows(op);
  if (!identity) return State::unknown;
  Value x = op->getOperand(0);
  switch (stateOf(x)) {
  case State::low:
    return isLowest(*identity) ? use(x, State::row) : State::unknown;
  case State::zero:
    if (!isZero(*identity)) return State::unknown;
    positive.insert(op->getResult(0));
    return State::row;
  default:
    return State::unknown;
  }
}

// All that reads masked scores reads the same ones.
HiddenColumns::State HiddenColumns::use(Value low, State state) {
  if (scores && scores != low) return State::unknown;
  scores = low;
  return state;
}

HiddenColumns::State HiddenColumns::pointwise(Operation* op) {
  Value x = op->getOperand(0);
  State state = stateOf(x);
  if (isa<ir::Exp>(op)) {
    if (state == State::low) return use(x, State::zero);
    if (state == State::below) return State::zero;
  }
  bool isAllRows = true, isAllScores = true;
  for (Value v : op->getOperands()) {
    isAllRows &= chain.dependsOnFirst(v) ? stateOf(v) == State::row : isOfRow(v);
    isAllScores &= !chain.dependsOnFirst(v) || stateOf(v) == State::scores;
  }
  if (isAllRows) return ofRows(op);
  State own = masked(op);
  if (own != State::unknown) return own;
  if (isAllScores) return State::scores;
  if (op->getNumOperands() != 2) return State::unknown;
  Value y = op->getOperand(1);
  bool isByRow = stateOf(y) == State::row;
  auto primitive = primitiveOf(op);
  if (primitive == Primitive::sub && isByRow && state == State::low) return use(x, State::below);
  if (primitive == Primitive::div && isByRow && state == State::zero && positive.contains(y))
    return State::share;
  return State::unknown;
}

// A number in place of the sum of a row must not be 0.
HiddenColumns::State HiddenColumns::ofRows(Operation* op) {
  if (primitiveOf(op) != Primitive::where) return State::row;
  Value a = op->getOperand(1), b = op->getOperand(2);
  if (positive.contains(b)) std::swap(a, b);
  if (!positive.contains(a) || !ir::isNumber(b)) return State::row;
  divisors.insert(b);
  positive.insert(op->getResult(0));
  return State::row;
}

// Scores of which some become -inf, or that are moved with those that are.
HiddenColumns::State HiddenColumns::masked(Operation* op) {
  auto primitive = primitiveOf(op);
  unsigned first = primitive == Primitive::where ? 1 : 0, dependent = 0;
  if (op->getNumOperands() != first + 2) return State::unknown;
  Value own;
  for (Value v : op->getOperands())
    if (chain.dependsOnFirst(v)) {
      own = v;
      dependent++;
    }
  State state = stateOf(own);
  if (dependent != 1 || (state != State::scores && state != State::low)) return State::unknown;
  Value other = op->getOperand(op->getOperand(first) == own ? first + 1 : first);
  switch (primitive.value_or(Primitive::lowest)) {
  case Primitive::where:
    return op->getOperand(0) == own ? State::unknown : State::low;
  case Primitive::add:
    if (state == State::low) return State::low;
    if (isOfRow(other) || !termsOfScore() || !isBounded(own)) return State::unknown;
    needsBound = true;
    return State::low;
  case Primitive::mul:
    return state == State::low && isOfRow(other) ? State::low : State::unknown;
  default:
    return State::unknown;
  }
}

// How many products a score sums.
std::optional<int64_t> HiddenColumns::termsOfScore() {
  auto terms = dyn_cast<AffineConstantExpr>(ir::shapeOf(chain.first->getOperand(0)).back());
  return terms ? std::optional(terms.getValue()) : std::nullopt;
}

// The product, or that times numbers.
bool HiddenColumns::isBounded(Value v) {
  Operation* op = v.getDefiningOp();
  if (op == chain.first) return true;
  auto primitive = primitiveOf(op);
  bool isScale = primitive == Primitive::mul || primitive == Primitive::div;
  if (!isScale || !ir::isNumber(op->getOperand(1))) return false;
  scales.insert(op);
  return isBounded(op->getOperand(0));
}

//===--- What is looked at when the program runs ----------------------------------------------===//

Type HiddenColumns::findGuards() {
  guarded = {{chain.last->getOperand(1), (*chain.operandForms(chain.last, chain.form))[1]}};
  if (needsBound) {
    SmallVector<Form> forms = *chain.operandForms(chain.first, chain.columnsForm());
    for (unsigned k : {0, 1})
      guarded.push_back({chain.first->getOperand(k), forms[k]});
  }
  MLIRContext* context = chain.last->getContext();
  const int rows = static_cast<int>(chain.extents.size()) - 1;
  size_t rank = 0;
  for (auto& [v, form] : guarded) {
    for (int& dim : form)
      if (dim == rows || dim == kColumns) dim = kWhole;
    chain.inputs.insert(v);
    rank = std::max(rank, form.size());
  }
  Exprs one(rank, getAffineConstantExpr(1, context));
  return ir::tensorType(one, IntegerType::get(context, 64));
}

Value HiddenColumns::emitGuards(TileFunction& tile) {
  RowWriter w{tile.builder, chain.last->getLoc()};
  SmallVector<Value> largest;
  for (auto& [v, form] : guarded) {
    Value x = w.apply<ir::Abs>({tile.ofInput(v, form)}, ir::elementOf(v));
    largest.push_back(
        w.reduce<ir::Max>(x, true, llvm::to_vector(llvm::seq<int64_t>(0, form.size()))));
  }
  auto read = [&](Value v) { return tile.tiled(v, broadcastForm(chain.form, v)); };
  Value holds = w.compare<ir::Lt>(largest[0], kInfinity);
  for (Value divisor : divisors)
    holds = w.both(holds, w.compare<ir::Ne>(read(divisor), 0));
  if (needsBound) {
    Type element = ir::elementOf(largest[1]);
    Value bound = w.apply<ir::Mul>({largest[1], largest[2]}, element);
    bound = w.apply<ir::Mul>({bound, w.number(double(*termsOfScore()), element)}, element);
    for (Operation* scale : llvm::reverse(scales)) {
      Value by = w.apply<ir::Abs>({read(scale->getOperand(1))}, element);
      bound = primitiveOf(scale) == Primitive::mul ? w.apply<ir::Mul>({bound, by}, element)
                                                   : w.apply<ir::Div>({bound, by}, element);
    }
    holds = w.both(holds, w.compare<ir::Lt>(bound, element.isF16() ? kMostHalfScore : kMostScore));
  }
  Type i64 = tile.builder.getI64Type();
  return w.apply<ir::Where>({holds, w.number(1, i64), w.number(0, i64)}, i64);
}

// Where `v` is -inf, or null where that is not known.
Value HiddenColumns::emitHidden(TileFunction& tile, Value v, const Form& form) {
  if (stateOf(v) != State::low) return {};
  Operation* op = v.getDefiningOp();
  SmallVector<Form> forms = *chain.operandForms(op, form);
  if (isCast(op)) return emitHidden(tile, op->getOperand(0), forms[0]);
  RowWriter w{tile.builder, op->getLoc()};
  auto operand = [&](unsigned k) { return tile.tiled(op->getOperand(k), forms[k]); };
  auto dependent = [&](unsigned k) { return chain.dependsOnFirst(op->getOperand(k)); };
  if (op->getNumOperands() == 3) {
    unsigned own = dependent(1) ? 1 : 2, other = 3 - own;
    Value isOwn = own == 1 ? operand(0) : w.isNot(operand(0));
    Value hidden = w.both(w.isNot(isOwn), w.compare<ir::Eq>(operand(other), -kInfinity));
    Value before = emitHidden(tile, op->getOperand(own), forms[own]);
    return before ? w.compare<ir::LogicalOr>(hidden, w.both(isOwn, before)) : hidden;
  }
  unsigned own = dependent(0) ? 0 : 1, other = 1 - own;
  Value before = emitHidden(tile, op->getOperand(own), forms[own]);
  Value x = operand(other);
  if (primitiveOf(op) == Primitive::mul) return w.both(before, w.compare<ir::Gt>(x, 0));
  if (before) return w.both(before, w.compare<ir::Lt>(x, kInfinity));
  return w.compare<ir::Eq>(x, -kInfinity);
}

SmallVector<Value> HiddenColumns::emitVisible(TileFunction& tile) {
  RowWriter w{tile.builder, chain.last->getLoc()};
  Type f32 = tile.builder.getF32Type(), i64 = tile.builder.getI64Type();
  int64_t columns = *chain.columns();
  Value hidden = emitHidden(tile, scores, chain.form);
  Value seen = w.apply<ir::Where>({hidden, w.number(0, f32), w.number(1, f32)}, f32);
  int64_t rank = cast<RankedTensorType>(seen.getType()).getRank();
  if (rank > 1)
    seen = w.reduce<ir::Max>(seen, false, llvm::to_vector(llvm::seq<int64_t>(0, rank - 1)));
  Value isSeen = w.compare<ir::Gt>(seen, 0);
  Value first =
      w.apply<ir::Where>({isSeen, w.arange(0, columns), w.number(double(columns), i64)}, i64);
  Value end = w.apply<ir::Where>({isSeen, w.arange(1, columns), w.number(0, i64)}, i64);
  return {w.reduce<ir::Min>(first, false, {0}), w.reduce<ir::Max>(end, false, {0})};
}

} // namespace weft
