// The loom dialect's ops: builders, syntax and the verifier at the border, which refuses what an
// emitter cannot map.
#include "ir/loom/loom.h"

#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/SmallPtrSet.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#define GET_OP_CLASSES
#include "weft/gen/loom_ops.cpp.inc"

using namespace mlir;

namespace weft::loom {
namespace {

unsigned countSizes(Operation* op) {
  auto kernel = op->getParentOfType<KernelOp>();
  return kernel ? kernel.getSizes().size() : 0;
}

LogicalResult checkSymbols(Operation* op, AffineMap map) {
  unsigned sizes = countSizes(op);
  if (map.getNumSymbols() <= sizes) return success();
  return op->emitOpError() << "a map must use at most the kernel's " << sizes << " sizes, got "
                           << map.getNumSymbols() << " symbols";
}

LogicalResult checkAccess(Operation* op, AffineMap map, unsigned indices) {
  if (map.getNumResults() != 1)
    return op->emitOpError() << "the map must give one element offset, got " << map.getNumResults()
                             << " results";
  if (map.getNumDims() != indices)
    return op->emitOpError() << "the map must have one dimension for each index, got "
                             << map.getNumDims() << " for " << indices;
  return checkSymbols(op, map);
}

bool dependsOn(Value value, Value axis, llvm::SmallPtrSetImpl<Operation*>& seen) {
  if (value == axis) return true;
  Operation* op = value.getDefiningOp();
  if (!op || !seen.insert(op).second) return false;
  return llvm::any_of(op->getOperands(),
                      [&](Value operand) { return dependsOn(operand, axis, seen); });
}

// An unmasked store to a buffer is refused if it does not see an axis of its part: all points along
// it would write one element.
LogicalResult checkPointsWriteApart(StoreOp store) {
  auto part = store->getParentOfType<PartOp>();
  if (!part || store.getMask() || !isa<BufferType>(store.getMemory().getType())) return success();
  for (unsigned i = 0; i < part.getNumAxes(); ++i)
    if (part.getAxis(i).getConstantExtent() == 0) return success(); // there are no points
  for (unsigned i = 0; i < part.getNumAxes(); ++i) {
    auto extent = part.getAxis(i).getConstantExtent();
    if (extent && *extent <= 1) continue;
    bool depends = false;
    for (auto [dim, index] : llvm::enumerate(store.getIndices())) {
      llvm::SmallPtrSet<Operation*, 8> seen;
      depends |= store.getMap().isFunctionOfDim(dim) &&
                 dependsOn(index, part.getBody().getArgument(i), seen);
    }
    if (!depends)
      return store.emitOpError() << "two points must not write one element, got a map without the "
                                    "parallel axis \""
                                 << part.getAxis(i).getName().getValue() << "\"";
  }
  return success();
}

LogicalResult checkIndexArguments(Operation* op, Region& region, unsigned count) {
  if (region.getNumArguments() != count)
    return op->emitOpError() << "the body must take one index for each axis, got "
                             << region.getNumArguments() << " for " << count;
  for (BlockArgument argument : region.getArguments())
    if (!argument.getType().isIndex())
      return op->emitOpError() << "the body must take arguments of type index, got "
                               << argument.getType();
  return success();
}

} // namespace

//===--- Kernel -------------------------------------------------------------------------------===//

void KernelOp::build(OpBuilder& builder, OperationState& state, StringRef name,
                     ArrayRef<Type> arguments) {
  state.addAttribute(getSymNameAttrName(state.name), builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name),
                     TypeAttr::get(builder.getFunctionType(arguments, {})));
  Block& block = state.addRegion()->emplaceBlock();
  for (Type type : arguments)
    block.addArgument(type, state.location);
}

ParseResult KernelOp::parse(OpAsmParser& parser, OperationState& result) {
  auto functionType = [](Builder& builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
                         function_interface_impl::VariadicFlag,
                         std::string&) { return builder.getFunctionType(arguments, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, false, getFunctionTypeAttrName(result.name), functionType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter& printer) {
  function_interface_impl::printFunctionOp(printer, *this, false, getFunctionTypeAttrName(),
                                           getArgAttrsAttrName(), getResAttrsAttrName());
}

SmallVector<Value> KernelOp::getSizes() {
  SmallVector<Value> sizes;
  for (BlockArgument argument : getBody().getArguments())
    if (argument.getType().isIndex()) sizes.push_back(argument);
  return sizes;
}

ArrayRef<int64_t> KernelOp::getMost() {
  auto most = (*this)->getAttrOfType<DenseI64ArrayAttr>(LoomDialect::kMostName);
  return most ? most.asArrayRef() : ArrayRef<int64_t>();
}

std::vector<std::vector<PartOp>> KernelOp::getPhases() {
  std::vector<std::vector<PartOp>> phases(1);
  for (Operation& op : getBody().front())
    if (auto part = dyn_cast<PartOp>(op))
      phases.back().push_back(part);
    else
      phases.emplace_back();
  return phases;
}

// Parts of a phase run at once, so none may read a buffer that another one writes. They may write
// one buffer, in different places.
static LogicalResult checkPartsApart(ArrayRef<PartOp> phase) {
  llvm::DenseMap<Value, llvm::SmallPtrSet<Operation*, 2>> writers;
  for (PartOp part : phase)
    part.walk([&](StoreOp store) { writers[store.getMemory()].insert(part); });
  for (PartOp part : phase) {
    WalkResult result = part.walk([&](LoadOp load) -> WalkResult {
      auto written = writers.find(load.getMemory());
      if (written == writers.end() || (written->second.size() == 1 && written->second.count(part)))
        return WalkResult::advance();
      return load.emitOpError() << "a barrier must stand between the part that writes a buffer and "
                                   "another one that reads it";
    });
    if (result.wasInterrupted()) return failure();
  }
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  if (!getResultTypes().empty())
    return emitOpError() << "must have no results, got " << getResultTypes().size();
  int stage = 0;
  for (Type type : getArgumentTypes()) {
    int kind = isa<BufferType>(type) ? 0 : type.isIndex() ? 2 : 1;
    if (kind == 1 && !(type.isF32() || type.isF64() || type.isInteger(64) || type.isInteger(1)))
      return emitOpError() << "an argument must be a buffer, f32, f64, i64, i1 or index, got "
                           << type;
    if (kind < stage)
      return emitOpError() << "must take buffers, then scalars, then sizes, got " << type
                           << " after a later kind";
    stage = kind;
  }
  for (Operation& op : getBody().front())
    if (!isa<PartOp, BarrierOp>(op))
      return emitOpError() << "must hold only parts and barriers, got " << op.getName();
  for (ArrayRef<PartOp> phase : getPhases()) {
    if (phase.empty()) return emitOpError() << "each phase must have a part, got none";
    if (failed(checkPartsApart(phase))) return failure();
  }
  return success();
}

//===--- Part ---------------------------------------------------------------------------------===//

void PartOp::build(OpBuilder& builder, OperationState& state, ArrayRef<AxisAttr> axes,
                   function_ref<void(OpBuilder&, Location, ValueRange)> body) {
  SmallVector<Attribute> attributes(axes.begin(), axes.end());
  state.addAttribute(getAxesAttrName(state.name), builder.getArrayAttr(attributes));
  Block& block = state.addRegion()->emplaceBlock();
  for (size_t i = 0; i < axes.size(); ++i)
    block.addArgument(builder.getIndexType(), state.location);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&block);
  if (body) body(builder, state.location, block.getArguments());
  builder.setInsertionPointToEnd(&block);
  if (block.empty() || !block.back().hasTrait<OpTrait::IsTerminator>())
    YieldOp::create(builder, state.location, ValueRange());
}

void PartOp::setAxis(unsigned i, AxisAttr axis) {
  SmallVector<Attribute> axes(getAxes().begin(), getAxes().end());
  axes[i] = axis;
  setAxesAttr(ArrayAttr::get(getContext(), axes));
}

LogicalResult PartOp::verifyRegions() {
  if (failed(checkIndexArguments(*this, getBody(), getNumAxes()))) return failure();
  int lanes = 0;
  llvm::SmallPtrSet<Attribute, 8> names;
  for (unsigned i = 0; i < getNumAxes(); ++i) {
    AxisAttr axis = getAxis(i);
    lanes += axis.getLanes();
    if (failed(checkSymbols(*this, axis.getExtent()))) return failure();
    if (!names.insert(axis.getName()).second)
      return emitOpError() << "axes must have different names, got " << axis.getName() << " twice";
  }
  if (lanes > 1) return emitOpError() << "at most one axis must have lanes, got " << lanes;
  if (getStreams() && failed(checkSymbols(*this, *getStreams()))) return failure();
  if (getBody().front().getTerminator()->getNumOperands() != 0)
    return emitOpError() << "must yield nothing";
  return success();
}

//===--- Loop and dot -------------------------------------------------------------------------===//

void LoopOp::build(
    OpBuilder& builder, OperationState& state, AxisAttr axis, ValueRange identities,
    function_ref<SmallVector<Value>(OpBuilder&, Location, Value)> body,
    function_ref<SmallVector<Value>(OpBuilder&, Location, ValueRange, ValueRange)> combine) {
  state.addAttribute(getAxisAttrName(state.name), axis);
  state.addOperands(identities);
  state.addTypes(identities.getTypes());
  OpBuilder::InsertionGuard guard(builder);
  Region *bodyRegion = state.addRegion(), *combineRegion = state.addRegion();
  Block& block = bodyRegion->emplaceBlock();
  block.addArgument(builder.getIndexType(), state.location);
  builder.setInsertionPointToStart(&block);
  YieldOp::create(builder, state.location, body(builder, state.location, block.getArgument(0)));
  if (!combine) return;
  Block& join = combineRegion->emplaceBlock();
  for (int side = 0; side < 2; ++side)
    for (Type type : identities.getTypes())
      join.addArgument(type, state.location);
  builder.setInsertionPointToStart(&join);
  ValueRange arguments = join.getArguments();
  size_t count = identities.size();
  YieldOp::create(
      builder, state.location,
      combine(builder, state.location, arguments.take_front(count), arguments.drop_front(count)));
}

LogicalResult LoopOp::verifyRegions() {
  if (failed(checkSymbols(*this, getAxis().getExtent())) ||
      failed(checkIndexArguments(*this, getBody(), 1)))
    return failure();
  size_t count = getIdentities().size();
  auto types = [](ValueRange values) { return SmallVector<Type>(values.getTypes()); };
  SmallVector<Type> wanted = types(getIdentities());
  if (types(getBody().front().getTerminator()->getOperands()) != wanted)
    return emitOpError() << "the body must yield one value of its type for each of the " << count
                         << " accumulators";
  if (getCombine().empty() != (count == 0))
    return emitOpError() << "a combine must be there if and only if there are accumulators";
  if (count == 0) return success();
  Block& combine = getCombine().front();
  SmallVector<Type> both(wanted);
  llvm::append_range(both, wanted);
  if (types(combine.getArguments()) != both)
    return emitOpError() << "the combine must take the " << count
                         << " accumulators and then the new values";
  if (types(combine.getTerminator()->getOperands()) != wanted)
    return emitOpError() << "the combine must yield the " << count << " accumulators";
  for (Operation& op : combine.without_terminator())
    if (!isMemoryEffectFree(&op))
      return emitOpError() << "the combine must not touch memory, got " << op.getName();
  return success();
}

void WalkOp::build(OpBuilder& builder, OperationState& state, AxisAttr axis, ValueRange initial,
                   function_ref<SmallVector<Value>(OpBuilder&, Location, Value, ValueRange)> body) {
  state.addAttribute(getAxisAttrName(state.name), axis);
  state.addOperands(initial);
  state.addTypes(initial.getTypes());
  OpBuilder::InsertionGuard guard(builder);
  Block& block = state.addRegion()->emplaceBlock();
  block.addArgument(builder.getIndexType(), state.location);
  for (Type type : initial.getTypes())
    block.addArgument(type, state.location);
  builder.setInsertionPointToStart(&block);
  YieldOp::create(
      builder, state.location,
      body(builder, state.location, block.getArgument(0), block.getArguments().drop_front()));
}

LogicalResult WalkOp::verifyRegions() {
  if (failed(checkSymbols(*this, getAxis().getExtent()))) return failure();
  if (getAxis().getLanes()) return emitOpError() << "lanes must not run along the axis";
  if (getGuarded() && (getInitial().empty() || !getInitial()[0].getType().isInteger(1)))
    return emitOpError() << "a guarded walk must carry an i1 first";
  auto types = [](ValueRange values) { return SmallVector<Type>(values.getTypes()); };
  SmallVector<Type> wanted = types(getInitial());
  if (types(getBody().front().getTerminator()->getOperands()) != wanted)
    return emitOpError() << "the body must yield one value of its type for each of the "
                         << wanted.size() << " first ones";
  wanted.insert(wanted.begin(), IndexType::get(getContext()));
  if (types(getBody().getArguments()) != wanted)
    return emitOpError() << "the body must take an index, then a value of its type for each of the "
                         << wanted.size() - 1 << " first ones";
  return success();
}

void DotOp::build(OpBuilder& builder, OperationState& state, Type result, AxisAttr axis,
                  function_ref<std::pair<Value, Value>(OpBuilder&, Location, Value)> body) {
  state.addAttribute(getAxisAttrName(state.name), axis);
  state.addTypes(result);
  OpBuilder::InsertionGuard guard(builder);
  Block& block = state.addRegion()->emplaceBlock();
  block.addArgument(builder.getIndexType(), state.location);
  builder.setInsertionPointToStart(&block);
  auto [lhs, rhs] = body(builder, state.location, block.getArgument(0));
  YieldOp::create(builder, state.location, ValueRange{lhs, rhs});
}

LogicalResult DotOp::verifyRegions() {
  if (failed(checkSymbols(*this, getAxis().getExtent())) ||
      failed(checkIndexArguments(*this, getBody(), 1)))
    return failure();
  Operation* yield = getBody().front().getTerminator();
  if (yield->getNumOperands() != 2 || yield->getOperand(0).getType() != getType() ||
      yield->getOperand(1).getType() != getType())
    return emitOpError() << "the body must yield two factors of type " << getType();
  for (Operation& op : getBody().front().without_terminator())
    if (isa<StoreOp, RequireOp>(op))
      return emitOpError() << "the body must not write, got " << op.getName();
  return success();
}

OpFoldResult RarelyOp::fold(FoldAdaptor adaptor) {
  if (getRare() == getUsual()) return getUsual();
  auto condition = dyn_cast_if_present<IntegerAttr>(adaptor.getCondition());
  if (!condition) return {};
  return condition.getValue().isZero() ? getUsual() : getRare();
}

//===--- Memory -------------------------------------------------------------------------------===//

void LocalOp::build(OpBuilder&, OperationState& state, Type element, AffineMap extent) {
  state.addAttribute(getExtentAttrName(state.name), AffineMapAttr::get(extent));
  state.addTypes(LocalType::get(element.getContext(), element));
}

LogicalResult LocalOp::verify() {
  if (getExtent().getNumDims() != 0 || getExtent().getNumResults() != 1)
    return emitOpError() << "the extent must be one expression of sizes, got " << getExtentAttr();
  return checkSymbols(*this, getExtent());
}

void LoadOp::build(OpBuilder& builder, OperationState& state, Value memory, AffineMap map,
                   ValueRange indices, Value mask, Value other, IntegerSet within) {
  Properties& properties = state.getOrAddProperties<Properties>();
  properties.map = AffineMapAttr::get(map);
  if (within) properties.within = IntegerSetAttr::get(within);
  properties.operandSegmentSizes = {1, int32_t(indices.size()), mask ? 1 : 0, other ? 1 : 0};
  state.addOperands(memory);
  state.addOperands(indices);
  if (mask) state.addOperands(mask);
  if (other) state.addOperands(other);
  state.addTypes(computeType(memory.getType()));
  (void)builder;
}

LogicalResult LoadOp::verify() {
  if (failed(checkAccess(*this, getMap(), getIndices().size()))) return failure();
  if (bool(getMask()) != bool(getOther()))
    return emitOpError() << "a mask must come with the value of masked points";
  if (getOther() && getOther().getType() != getType())
    return emitOpError() << "the value of masked points must have type " << getType() << ", got "
                         << getOther().getType();
  if (!getWithin()) return success();
  IntegerSet set = *getWithin();
  if (getMask()) return emitOpError() << "must have a mask or a set, got both";
  if (set.getNumDims() != getIndices().size())
    return emitOpError() << "the set must have one dimension for each index, got "
                         << set.getNumDims() << " for " << getIndices().size();
  if (set.getNumEqualities() || set.getNumSymbols())
    return emitOpError() << "the set must be inequalities of the indices, got " << getWithinAttr();
  return success();
}

void StoreOp::build(OpBuilder& builder, OperationState& state, Value value, Value memory,
                    AffineMap map, ValueRange indices, Value mask) {
  Properties& properties = state.getOrAddProperties<Properties>();
  properties.map = AffineMapAttr::get(map);
  properties.operandSegmentSizes = {1, 1, int32_t(indices.size()), mask ? 1 : 0};
  state.addOperands({value, memory});
  state.addOperands(indices);
  if (mask) state.addOperands(mask);
  (void)builder;
}

LogicalResult StoreOp::verify() {
  if (failed(checkAccess(*this, getMap(), getIndices().size()))) return failure();
  return checkPointsWriteApart(*this);
}

} // namespace weft::loom
