// 1. An operand is a buffer seen through views: composed, they map its indices to an offset. If the
//    map is linear, that is a strided view of the buffer; else the operand is copied before.
//    The function of weft.tiles gets its operands in the same way, and so does a product whose
//    factor is read often: emitters tile what strides describe.
// 2. The routine's symbol holds these maps and what the op's record holds; the launch names the
//    buffers and the run-time numbers.
#include "passes/lower_routine.h"

#include "ir/weft/index_math.h"
#include "ir/weft/tiles.h"
#include "passes/buffer_layout.h"
#include "passes/part.h"
#include "passes/stage_text.h"
#include "passes/typical_size.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

// From so many reads of each element on a copy of a factor pays.
constexpr double kReadsWorthCopy = 8;

} // namespace

Operand resolve(func::FuncOp function, Value v) {
  MLIRContext* context = v.getContext();
  Exprs extents = ir::shapeOf(v), indices;
  for (unsigned k = 0; k < extents.size(); k++)
    indices.push_back(getAffineDimExpr(k, context));
  while (auto view = dyn_cast_or_null<ir::ViewOp>(v.getDefiningOp())) {
    auto source = view.sourceIndices(indices);
    indices.assign(source.begin(), source.end());
    v = view->getOperand(0);
  }
  AffineExpr offset = layoutOf(function, v).getResult(0).replaceDims(indices);
  return {v, ir::canonical(offset, extents)};
}

static bool isLinear(AffineExpr offset, unsigned rank) {
  MLIRContext* context = offset.getContext();
  SmallVector<AffineExpr> zeros(rank, getAffineConstantExpr(0, context));
  AffineExpr start = offset.replaceDims(zeros), sum = start;
  for (unsigned k = 0; k < rank; k++) {
    SmallVector<AffineExpr> one = zeros;
    one[k] = getAffineConstantExpr(1, context);
    sum = sum + (offset.replaceDims(one) - start) * getAffineDimExpr(k, context);
  }
  return ir::canonical(sum) == ir::canonical(offset);
}

static bool isStrided(func::FuncOp function, Value v) {
  return isLinear(resolve(function, v).offset, cast<RankedTensorType>(v.getType()).getRank());
}

Value copyBefore(ir::KernelOp kernel, Value v) {
  OpBuilder builder(kernel);
  auto copy = ir::KernelOp::create(builder, v.getLoc(), v.getType(), 1);
  OpBuilder inner = OpBuilder::atBlockEnd(&copy.getParts()[0].emplaceBlock());
  IRMapping mapping;
  std::function<Value(Value)> clone = [&](Value x) -> Value {
    Operation* op = x.getDefiningOp();
    if (!op || !kernel->isProperAncestor(op)) return x;
    for (Value operand : op->getOperands())
      mapping.map(operand, clone(operand));
    return inner.clone(*op, mapping)->getResult(0);
  };
  Value y = clone(v);
  if (y == v)
    y = ir::createRecord<ir::ViewAs>(inner, v.getLoc(), v, cast<RankedTensorType>(v.getType()), {},
                                     ir::shapeOf(v));
  ir::YieldOp::create(inner, v.getLoc(), y);
  return copy.getResult(0);
}

namespace {

// How often a product reads each element of a factor.
double readsOfFactor(Operation* product, unsigned k) {
  Exprs other = ir::shapeOf(product->getOperand(1 - k));
  if (other.size() < 2) return 1;
  return typicalValue(other[other.size() - 1 - k]);
}

// The rows that a product shares with nobody: those of its left factor. The emitter reads columns
// through windows as well (codegen/cpu/windows.cpp) as long as all sizes are constants.
void copyFactors(func::FuncOp function, ir::KernelOp kernel, Operation* product) {
  for (OpOperand& operand : product->getOpOperands()) {
    unsigned k = operand.getOperandNumber();
    Value v = operand.get();
    Operand place = resolve(function, v);
    Operation* source = place.buffer.getDefiningOp();
    bool isComputed = source && kernel->isProperAncestor(source);
    bool mayBeWindow = k == 1 && ir::countSymbols(place.offset) == 0;
    if (isComputed || mayBeWindow || readsOfFactor(product, k) < kReadsWorthCopy ||
        isLinear(place.offset, cast<RankedTensorType>(v.getType()).getRank()))
      continue;
    operand.set(copyBefore(kernel, v));
    for (Operation* view = v.getDefiningOp(); view && view->use_empty();) {
      Operation* next = view->getOperand(0).getDefiningOp();
      view->erase();
      view = next && kernel->isProperAncestor(next) ? next : nullptr;
    }
  }
}

} // namespace

Operation* routineOf(ir::KernelOp kernel) {
  for (Region& part : kernel.getParts())
    for (Operation& op : part.front().without_terminator())
      if (isRoutine(&op)) return &op;
  return nullptr;
}

LogicalResult checkRoutine(ir::KernelOp kernel) {
  if (kernel.getNumResults() == 1 && kernel.getParts()[0].front().getTerminator()->getOperand(0) ==
                                         routineOf(kernel)->getResult(0))
    return success();
  return kernel.emitOpError() << "must yield the result of its routine alone";
}

SmallVector<int64_t> positionsIn(ir::KernelOp kernel) {
  SmallVector<int64_t> positions;
  for (Region& region : kernel.getParts())
    for (Operation& inner : region.front().without_terminator())
      llvm::append_range(positions, positionsOf(inner.getLoc()));
  llvm::sort(positions);
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

void copyOperands(func::FuncOp function, ir::KernelOp kernel) {
  if (Operation* routine = routineOf(kernel)) {
    for (OpOperand& operand : routine->getOpOperands())
      if (!ir::isNumber(operand.get()) && !isStrided(function, operand.get()))
        operand.set(copyBefore(kernel, operand.get()));
    return;
  }
  for (Region& part : kernel.getParts())
    for (Operation& op : part.front().without_terminator())
      if (isMatrixProduct(&op)) copyFactors(function, kernel, &op);
}

LogicalResult lowerRoutine(func::FuncOp function, ir::KernelOp kernel, unsigned number,
                           function_ref<int32_t(Operation*)> errorCode) {
  Operation* op = routineOf(kernel);
  auto tiles = dyn_cast<ir::TilesOp>(op);
  if (failed(checkRoutine(kernel))) return failure();
  const ir::Record* record = ir::recordOf(op);
  OpBuilder builder(op->getContext());
  SmallVector<Value> buffers, numbers;
  SmallVector<AffineMap> layouts, shapes;
  for (Value v : op->getOperands()) {
    if (auto scalar = v.getDefiningOp<ir::ScalarOp>()) {
      numbers.push_back(scalar.getValue());
      continue;
    }
    if (ir::isNumber(v)) return op->emitOpError() << "numbers must be arguments of the function";
    Operand operand = resolve(function, v);
    Exprs shape = ir::shapeOf(v);
    buffers.push_back(operand.buffer);
    layouts.push_back(
        AffineMap::get(shape.size(), ir::countSymbols(operand.offset), operand.offset));
    shapes.push_back(AffineMap::get(0, ir::countSymbols(shape), shape, op->getContext()));
  }
  auto module = function->getParentOfType<ModuleOp>();
  std::string name, summary;
  if (tiles) {
    name = tiles.getBody().str();
    summary = tiles.getSummary().str();
    auto body = module.lookupSymbol<func::FuncOp>(name);
    auto setLayouts = [&](func::FuncOp reader) {
      for (auto [k, layout] : llvm::enumerate(layouts))
        reader.setArgAttr(k, ir::kLayoutName, AffineMapAttr::get(layout));
    };
    setLayouts(body);
    if (auto visible = tiles.getVisibleAttr()) {
      setLayouts(module.lookupSymbol<func::FuncOp>(visible));
      body->setAttr(ir::kVisibleName, visible);
    }
    if (auto columns = tiles.getColumnsAttr()) body->setAttr(ir::kColumnsName, columns);
    if (auto guards = tiles->getAttrOfType<FlatSymbolRefAttr>(ir::kGuardsName)) {
      setLayouts(module.lookupSymbol<func::FuncOp>(guards));
      body->setAttr(ir::kGuardsName, guards);
    }
    if (tiles->hasAttr(ir::kByRowsName)) body->setAttr(ir::kByRowsName, builder.getUnitAttr());
    if (auto blocks = tiles->getAttrOfType<ArrayAttr>(ir::kBlocksName)) {
      for (auto symbol : ArrayRef(blocks.getValue()).drop_front())
        setLayouts(module.lookupSymbol<func::FuncOp>(cast<FlatSymbolRefAttr>(symbol)));
      body->setAttr(ir::kBlocksName, blocks);
    }
    body->setAttr(ir::kCountsName, tiles.getCountsAttr());
    body->setAttr(ir::kStepsName, tiles.getStepsAttr());
    body->setAttr(ir::kExtentsName, tiles.getExtentsAttr());
  } else {
    summary = record->name.str();
    name = ("k" + Twine(number) + "_" + summary).str();
    builder.setInsertionPointToEnd(module.getBody());
    ir::RoutineOp::create(builder, op->getLoc(), builder.getStringAttr(name),
                          builder.getStringAttr(summary), builder.getAffineMapArrayAttr(layouts),
                          builder.getAffineMapArrayAttr(shapes),
                          builder.getDenseI64ArrayAttr(ir::structureOf(op)),
                          op->getAttrOfType<AffineMapAttr>("sizes"),
                          builder.getI32IntegerAttr(mayRefuse(op) ? errorCode(op) : 0));
  }
  builder.setInsertionPoint(kernel);
  auto launch = ir::LaunchOp::create(
      builder, kernel.getLoc(), kernel.getResultTypes(), name, buffers, numbers, ValueRange(),
      builder.getDenseI64ArrayAttr({-1}), ArrayAttr(), builder.getStringAttr(summary));
  launch->setAttr("positions", builder.getDenseI64ArrayAttr(positionsIn(kernel)));
  kernel.replaceAllUsesWith(launch.getResults());
  kernel.erase();
  return success();
}

} // namespace weft
