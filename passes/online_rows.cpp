// Rows that hold -inf, +inf or NaN come out as in whole rows:
// - While m is -inf all terms are 0, and so are t and s: x - m is taken as x then. A row of -inf
//   alone is NaN in whole, so t is made NaN at the end.
// - From m = +inf on, exp(inf - inf) = NaN is a term; a NaN is the largest of its row.
#include "passes/online_rows.h"

#include "passes/row_ops.h"

using namespace mlir;

namespace weft {

using expr::Primitive;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

} // namespace

bool OnlineRows::find() {
  if (chain.columns().value_or(0) == 0) return false;
  for (Operation& op : *chain.first->getBlock())
    if (chain.members.contains(&op) && &op != chain.last && chain.dependsOnFirst(&op)) {
      Role role = find(&op);
      if (role == Role::unknown) return false;
      roles[op.getResult(0)] = role;
    }
  Value result = chain.last->getResult(0);
  if (roleOf(chain.last->getOperand(0)) != Role::shares) return false;
  Type element = ir::elementOf(result);
  // Sums of narrower elements would be rounded after each block.
  return (element.isF32() || element.isF64()) && ir::elementOf(scores) == element &&
         ir::shapeOf(scores) == ir::shapeOf(chain.first->getResult(0));
}

// Says whether what an op reads of the chain has a role, and all else is one number for a row.
bool OnlineRows::isKnown(Operation* op, Role role) const {
  return llvm::all_of(op->getOperands(), [&](Value v) {
    return chain.dependsOnFirst(v) ? roleOf(v) == role : role == Role::scores || isOfRow(v);
  });
}

OnlineRows::Role OnlineRows::find(Operation* op) {
  if (op == chain.first) return Role::scores;
  if (asReduce(op)) return reduced(op);
  const ir::Record* record = ir::recordOf(op);
  bool isPointwise = record && record->kind == ir::RecordKind::pointwise;
  if ((isPointwise || isa<ir::ViewOp>(op)) && isKnown(op, Role::scores)) return Role::scores;
  if (!isPointwise) return Role::unknown;
  Value x = op->getOperand(0);
  if (isa<ir::Exp>(op) && roleOf(x) == Role::shifted && !terms) {
    terms = op->getResult(0);
    return Role::terms;
  }
  if (isKnown(op, Role::total)) return Role::total;
  if (op->getNumOperands() != 2) return Role::unknown;
  Value y = op->getOperand(1);
  auto primitive = primitiveOf(op);
  if (primitive == Primitive::sub && x == scores && y == largest) return Role::shifted;
  bool divides = primitive == Primitive::div || primitive == Primitive::mul;
  if (!divides || x != terms || roleOf(y) != Role::total || division) return Role::unknown;
  division = op;
  return Role::shares;
}

OnlineRows::Role OnlineRows::reduced(Operation* op) {
  auto identity = identityOfRows(op);
  Value x = op->getOperand(0), result = op->getResult(0);
  bool keepsDim = cast<RankedTensorType>(result.getType()).getRank() ==
                  cast<RankedTensorType>(x.getType()).getRank();
  if (!identity || !keepsDim) return Role::unknown;
  if (roleOf(x) == Role::scores && isLowest(*identity) && !largest) {
    scores = x;
    largest = result;
    return Role::largest;
  }
  if (roleOf(x) == Role::terms && isZero(*identity) && !total) {
    total = result;
    return Role::total;
  }
  return Role::unknown;
}

RankedTensorType OnlineRows::typeInTile(Value v, const Form& form) const {
  ir::Exprs shape = ir::shapeOf(v);
  for (auto [size, dim] : llvm::zip_equal(shape, form))
    if (dim != kWhole) size = chain.lengths[dim];
  return ir::tensorType(shape, ir::elementOf(v));
}

SmallVector<Type> OnlineRows::stateTypes() const {
  return {typeInTile(largest, chain.form), typeInTile(total, chain.form),
          typeInTile(chain.last->getResult(0), chain.form)};
}

SmallVector<Value> OnlineRows::emitNone(TileFunction& tile, ArrayRef<Type> state) {
  RowWriter w{tile.builder, chain.last->getLoc()};
  auto full = [&](double v, Type type) { return w.full(v, cast<RankedTensorType>(type)); };
  return {full(-kInfinity, state[0]), full(0, state[1]), full(0, state[2])};
}

SmallVector<Value> OnlineRows::emitBlock(TileFunction& tile) {
  RowWriter w{tile.builder, chain.last->getLoc()};
  Type element = ir::elementOf(largest);
  Value before = tile.further(0);
  Value x = tile.tiled(scores, chain.columnsForm());
  int64_t columns = cast<RankedTensorType>(x.getType()).getRank() - 1;
  Value m = w.apply<ir::Maximum>({before, w.reduce<ir::Max>(x, true, {columns})}, element);
  Value isLow = w.compare<ir::Eq>(m, -kInfinity);
  Value shift = w.apply<ir::Where>({isLow, w.number(0, element), m}, element);
  tile.set(largest, chain.form, shift);
  Value p = tile.tiled(terms, chain.columnsForm());
  Value factor = w.apply<ir::Exp>({w.apply<ir::Sub>({before, shift}, element)}, element);
  auto moved = [&](Value sum, Value further) {
    return w.apply<ir::Add>({w.apply<ir::Mul>({sum, factor}, element), further}, element);
  };
  Value t = moved(tile.further(1), w.reduce<ir::Sum>(p, true, {columns}));
  tile.set(chain.last->getOperand(0), chain.columnsForm(), p);
  return {m, t, moved(tile.further(2), tile.tiled(chain.last->getResult(0), chain.form))};
}

Value OnlineRows::emitResult(TileFunction& tile) {
  RowWriter w{tile.builder, chain.last->getLoc()};
  Type element = ir::elementOf(total);
  Value isLow = w.compare<ir::Eq>(tile.further(0), -kInfinity);
  Value none = w.number(std::numeric_limits<double>::quiet_NaN(), element);
  tile.set(total, chain.form, w.apply<ir::Where>({isLow, none, tile.further(1)}, element));
  Operation* copy = tile.builder.clone(*division);
  copy->setOperands({tile.further(2), tile.tiled(division->getOperand(1), chain.form)});
  copy->getResult(0).setType(tile.further(2).getType());
  return copy->getResult(0);
}

} // namespace weft
