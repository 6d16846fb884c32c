#include "passes/tile_function.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

namespace {

bool isOne(AffineExpr e) {
  auto c = dyn_cast<AffineConstantExpr>(e);
  return c && c.getValue() == 1;
}

} // namespace

TileFunction::TileFunction(func::FuncOp function, TileChain& chain, std::string name,
                           const Signature& signature)
    : builder(function.getContext()), name(std::move(name)), function(function), chain(chain),
      context(function.getContext()), columns(signature.columns) {
  for (BlockArgument argument : function.getArguments())
    sizes += argument.getType().isIndex();
  for (AffineExpr extent : chain.extents)
    starts.push_back(isOne(extent) ? kWhole : moving++);
  create(signature);
}

int TileFunction::indices() const {
  int own = sizes + firstColumn();
  switch (columns.kind) {
  case TileColumns::Kind::all:
    return own;
  case TileColumns::Kind::visible:
    return own + 2;
  case TileColumns::Kind::block:
    return own + 1;
  }
  llvm_unreachable("a kind of columns");
}

AffineExpr TileFunction::startOf(int dim) {
  if (dim == kColumns)
    return symbol(firstColumn()) *
           (columns.kind == TileColumns::Kind::block ? chain.block : ir::kGranule);
  if (starts[dim] < 0) return constant(0);
  ofBatch |= dim + 1 < int(starts.size());
  return symbol(starts[dim]);
}

AffineExpr TileFunction::lengthOf(int dim) {
  if (dim == kColumns && columns.kind == TileColumns::Kind::block) return constant(columns.length);
  if (dim == kColumns)
    return symbol(firstColumn() + 1) * ir::kGranule + *chain.columns() % ir::kGranule;
  AffineExpr length = chain.lengths[dim];
  return isa<AffineConstantExpr>(length) ? length : symbol(moving);
}

Exprs TileFunction::shapeOf(Value v, const Form& form) {
  Exprs shape = ir::shapeOf(v);
  for (size_t k = 0; k < shape.size(); k++)
    if (form[k] != kWhole) shape[k] = ir::canonical(lengthOf(form[k]));
  return shape;
}

void TileFunction::create(const Signature& signature) {
  using Returns = Signature::Returns;
  Value result = chain.last->getResult(0);
  SmallVector<Type> types, results;
  for (Value v : chain.inputs)
    types.push_back(v.getType());
  Type window = typeOf(result, chain.form);
  types.push_back(window);
  llvm::append_range(types, signature.further);
  for (Value v : chain.numbers)
    if (auto scalar = v.getDefiningOp<ir::ScalarOp>()) {
      arguments[v] = types.size();
      types.push_back(scalar.getValue().getType());
    }
  types.append(indices(), builder.getIndexType());
  switch (signature.returns) {
  case Returns::window:
    results.push_back(window);
    break;
  case Returns::columns:
    results.append(2, ir::tensorType({}, builder.getI64Type()));
    break;
  case Returns::tensors:
    llvm::append_range(results, signature.tensors);
  }
  builder.setInsertionPointToEnd(function->getBlock());
  tile = func::FuncOp::create(builder, chain.last->getLoc(), name,
                              builder.getFunctionType(types, results));
  tile.setPrivate();
  Block* body = tile.addEntryBlock();
  if (signature.returns == Returns::window) {
    unsigned out = chain.inputs.size();
    tile.setArgAttr(out, ir::kLayoutName, AffineMapAttr::get(windowLayout(result)));
    tile.setResultAttr(0, ir::kLeafName, builder.getI64IntegerAttr(out));
  }
  if (columns.kind == TileColumns::Kind::visible) {
    SmallVector<int64_t> most(indices(), 0);
    most.back() = *chain.columns() / ir::kGranule;
    tile->setAttr(ir::kMostName, builder.getDenseI64ArrayAttr(most));
  }
  builder.setInsertionPointToEnd(body);
}

AffineMap TileFunction::windowLayout(Value result) {
  Exprs shape = ir::shapeOf(result), place;
  for (unsigned k = 0; k < shape.size(); k++) {
    place.push_back(getAffineDimExpr(k, context));
    if (k < chain.extents.size()) place.back() = place.back() + startOf(k);
  }
  AffineExpr offset = ir::canonical(ir::linearise(place, shape, context));
  return AffineMap::get(shape.size(), indices(), offset);
}

Value TileFunction::sliced(Value v, const Form& form) {
  for (auto [k, dim] : llvm::enumerate(form)) {
    if (dim == kWhole) continue;
    Exprs shape = ir::shapeOf(v);
    shape[k] = ir::canonical(lengthOf(dim));
    Exprs place{startOf(dim), shape[k], constant(1)};
    v = ir::createRecord<ir::Slice>(builder, v.getLoc(), v, ir::tensorType(shape, ir::elementOf(v)),
                                    {int64_t(k)}, place);
  }
  return v;
}

Value TileFunction::ofInput(Value v, const Form& form) {
  auto place = llvm::find(chain.inputs, v);
  assert(place != chain.inputs.end() && "a tile reads inputs of its chain");
  return sliced(tile.getArgument(place - chain.inputs.begin()), form);
}

Value TileFunction::tiled(Value v, const Form& form) {
  FormKey key = keyOf(v, form);
  if (auto known = made.find(key); known != made.end()) return known->second;
  Value result = make(v, form);
  return made[key] = result;
}

Value TileFunction::make(Value v, const Form& form) {
  Operation* op = v.getDefiningOp();
  switch (chain.roleOf(v, form)) {
  case TileChain::Role::input:
    return ofInput(v, form);
  case TileChain::Role::number:
    if (auto known = arguments.find(v); known != arguments.end())
      return ir::ScalarOp::create(builder, v.getLoc(), v.getType(),
                                  tile.getArgument(known->second));
    return builder.clone(*op)->getResult(0);
  case TileChain::Role::source: {
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, tiled(operand, {}));
    return sliced(builder.clone(*op, mapping)->getResult(0), form);
  }
  case TileChain::Role::computed:
    break;
  }
  return computed(op, form);
}

Value TileFunction::computed(Operation* op, const Form& form) {
  SmallVector<Form> forms = *chain.operandForms(op, form);
  SmallVector<Value> operands;
  for (auto [operand, read] : llvm::zip_equal(op->getOperands(), forms))
    operands.push_back(tiled(operand, read));
  Value v = op->getResult(0);
  Operation* copy = builder.clone(*op);
  copy->setOperands(operands);
  copy->getResult(0).setType(typeOf(v, form));
  Exprs shape = shapeOf(v, form);
  if (isa<ir::ViewAs, ir::Expand>(op))
    copy->setAttr("sizes",
                  AffineMapAttr::get(AffineMap::get(0, ir::countSymbols(shape), shape, context)));
  return copy->getResult(0);
}

void TileFunction::finish(ValueRange results) {
  func::ReturnOp::create(builder, chain.last->getLoc(), results);
}

SmallVector<Value> TileFunction::numbers() const {
  SmallVector<Value> result;
  for (Value v : chain.numbers)
    if (arguments.contains(v)) result.push_back(v);
  return result;
}

TileFunction::Places TileFunction::places() {
  Places all;
  for (auto [k, extent] : llvm::enumerate(chain.extents))
    if (starts[k] >= 0) {
      AffineExpr length = chain.lengths[k];
      auto divided = dyn_cast<AffineBinaryOpExpr>(length); // the extent by the number of tiles
      all.counts.push_back(divided ? divided.getRHS() : ir::canonical(extent.ceilDiv(length)));
      all.steps.push_back(length);
      all.extents.push_back(extent);
    }
  return all;
}

} // namespace weft
