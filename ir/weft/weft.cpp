// The weft dialect: registration, tensor types with symbolic sizes, verifiers, views.
#include "ir/weft/weft.h"

#include "ir/weft/index_math.h"
#include "ir/weft/shape_rules.h"
#include "ir/weft/tiles.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "weft/gen/weft_dialect.cpp.inc"
#include "weft/gen/weft_enums.cpp.inc"
#include "weft/gen/weft_interfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "weft/gen/weft_attrs.cpp.inc"

using namespace mlir;

namespace weft::ir {

void WeftDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "weft/gen/weft_attrs.cpp.inc"
      >();
  registerWeftDialectOperations(this); // ir/weft/op_classes.cpp.in
}

LogicalResult WeftDialect::verifyOperationAttribute(Operation*, NamedAttribute) {
  return success();
}

bool mayRefuse(Operation* op) {
  const Record* record = recordOf(op);
  return record && record->mayRefuse && !op->hasAttr(kCheckedName);
}

void effectsOfRecord(Operation* op, SmallVectorImpl<MemoryEffects::EffectInstance>& effects) {
  if (mayRefuse(op)) effects.emplace_back(MemoryEffects::Write::get());
}

//===--- Tensor types -------------------------------------------------------------------------===//

unsigned countSymbols(ArrayRef<AffineExpr> exprs) {
  unsigned symbols = 0;
  for (AffineExpr e : exprs)
    e.walk([&](AffineExpr x) {
      if (auto s = dyn_cast<AffineSymbolExpr>(x)) symbols = std::max(symbols, s.getPosition() + 1);
    });
  return symbols;
}

Exprs shapeOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  Exprs shape;
  auto encoding = dyn_cast_or_null<AffineMapAttr>(tensor.getEncoding());
  for (auto [k, size] : llvm::enumerate(tensor.getShape()))
    shape.push_back(encoding && k < encoding.getValue().getNumResults()
                        ? encoding.getValue().getResult(k)
                        : getAffineConstantExpr(size, type.getContext()));
  return shape;
}

RankedTensorType tensorType(ArrayRef<AffineExpr> shape, Type element) {
  SmallVector<int64_t> sizes;
  for (AffineExpr e : shape) {
    auto constant = dyn_cast<AffineConstantExpr>(e);
    sizes.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
  }
  Attribute encoding;
  if (unsigned symbols = countSymbols(shape))
    encoding = AffineMapAttr::get(AffineMap::get(0, symbols, shape, element.getContext()));
  return RankedTensorType::get(sizes, element, encoding);
}

Type computeElement(Type element) {
  if (element.isBF16() || element.isF16()) return Float32Type::get(element.getContext());
  return isa<IntegerType>(element) ? Type(IntegerType::get(element.getContext(), 64)) : element;
}

Type elementOf(Type tensor) { return cast<RankedTensorType>(tensor).getElementType(); }

AffineExpr countOf(ArrayRef<AffineExpr> shape, MLIRContext* context) {
  AffineExpr count = getAffineConstantExpr(1, context);
  for (AffineExpr e : shape)
    count = count * e;
  return canonical(count);
}

Exprs broadcastIndices(ArrayRef<AffineExpr> indices, Type operand) {
  Exprs shape = shapeOf(operand), result;
  AffineExpr one = getAffineConstantExpr(1, operand.getContext()),
             zero = getAffineConstantExpr(0, operand.getContext());
  for (size_t k = 0; k < shape.size(); k++)
    result.push_back(shape[k] == one ? zero : indices[indices.size() - shape.size() + k]);
  return result;
}

ArrayRef<AffineExpr> sizesOf(Operation* op) {
  auto sizes = op->getAttrOfType<AffineMapAttr>("sizes");
  return sizes ? sizes.getValue().getResults() : ArrayRef<AffineExpr>();
}

ArrayRef<int64_t> structureOf(Operation* op) {
  auto structure = op->getAttrOfType<DenseI64ArrayAttr>("structure");
  return structure ? structure.asArrayRef() : ArrayRef<int64_t>();
}

//===--- Verifiers ----------------------------------------------------------------------------===//

namespace {

// Scalars that enter a bf16 or f16 op keep the precision it computes in.
LogicalResult verifyElements(Operation* op, const Record& record) {
  if (record.kind != RecordKind::pointwise || record.isCast) return success();
  Type common;
  for (auto [k, operand] : llvm::enumerate(op->getOperands())) {
    Type element = elementOf(operand);
    if (record.isMask(k)) {
      if (!element.isInteger(1))
        return op->emitOpError() << "operand " << k + 1 << " must be a mask of i1, got " << element;
      continue;
    }
    if (isNumber(operand)) continue;
    if (common && common != element)
      return op->emitOpError() << "operands must have one element type, got " << common << " and "
                               << element;
    common = element;
  }
  Type result = elementOf(op->getResult(0));
  if (record.result == ResultRule::boolean ? !result.isInteger(1) : common && result != common)
    return op->emitOpError() << "the result's element type must be "
                             << (record.result == ResultRule::boolean ? "i1"
                                                                      : "that of the operands")
                             << ", got " << result;
  return success();
}

LogicalResult verifyDims(Operation* op, Type tensor, ArrayRef<int64_t> dims) {
  int64_t rank = cast<RankedTensorType>(tensor).getRank();
  for (int64_t dim : dims)
    if (dim < 0 || dim >= rank)
      return op->emitOpError() << "dims must lie in 0 to " << rank << ", got " << dim;
  return success();
}

} // namespace

LogicalResult verifyRecord(Operation* op) {
  const Record* record = findRecord(op->getName().stripDialect());
  if (!record) return op->emitOpError() << "has no record";
  ShapeCall call{record, {}, structureOf(op), sizesOf(op), op->getContext()};
  for (Value operand : op->getOperands())
    call.operands.push_back(shapeOf(operand));
  std::string why;
  auto same = [](AffineExpr a, AffineExpr b) { return canonical(a) == canonical(b); };
  auto shape = inferShape(call, same, why);
  if (!shape) return op->emitOpError() << why;
  Exprs have = shapeOf(op->getResult(0));
  bool fits = have.size() == shape->size();
  // Whoever makes the IR may know that a size which depends on others is 1.
  auto isKnown = [](AffineExpr have, AffineExpr wanted) {
    auto one = dyn_cast<AffineConstantExpr>(have);
    return one && one.getValue() == 1 && !isa<AffineConstantExpr>(wanted);
  };
  for (size_t k = 0; fits && k < have.size(); k++)
    fits = same(have[k], (*shape)[k]) || isKnown(have[k], (*shape)[k]);
  if (!fits)
    return op->emitOpError() << "the result's shape must be " << describe(*shape) << ", got "
                             << describe(have);
  return verifyElements(op, *record);
}

bool isNumber(Value v) { return isa_and_nonnull<ScalarOp, NumberOp>(v.getDefiningOp()); }

LogicalResult NumberOp::verify() {
  if (cast<RankedTensorType>(getY().getType()).getRank() != 0)
    return emitOpError() << "the result must have no dims, got " << getY().getType();
  return success();
}

LogicalResult ScalarOp::verify() {
  if (cast<RankedTensorType>(getY().getType()).getRank() != 0)
    return emitOpError() << "the result must have no dims, got " << getY().getType();
  return success();
}

LogicalResult SliceUpdateOp::verify() {
  if (getSource().getType() != getY().getType())
    return emitOpError() << "the result must have the source's type, got " << getY().getType();
  if (getPlace().getNumResults() != 2)
    return emitOpError() << "must have a start and a step, got " << getPlace().getNumResults()
                         << " expressions";
  Exprs source = shapeOf(getSource()), update = shapeOf(getUpdate());
  if (elementOf(getSource()) != elementOf(getUpdate()) || source.size() != update.size())
    return emitOpError() << "the update must have the source's rank and element type, got "
                         << getUpdate().getType();
  if (failed(verifyDims(*this, getSource().getType(), getDim()))) return failure();
  for (size_t k = 0; k < source.size(); k++)
    if (k != getDim() && canonical(source[k]) != canonical(update[k]))
      return emitOpError() << "the update must have the source's sizes but in the dim, got "
                           << getUpdate().getType();
  return success();
}

LogicalResult PartialReduceOp::verify() {
  const Record* record = findRecord(getRecord());
  if (!record || record->kind != RecordKind::reduction || record->accumulators != 1)
    return emitOpError() << "the record must be a reduction with one accumulator, got \""
                         << getRecord() << "\"";
  return verifyDims(*this, getX().getType(), getDims());
}

LogicalResult FinishReduceOp::verify() {
  const Record* record = findRecord(getRecord());
  if (!record || record->kind != RecordKind::reduction || record->accumulators != 1)
    return emitOpError() << "the record must be a reduction with one accumulator, got \""
                         << getRecord() << "\"";
  return verifyDims(*this, getX().getType(), getDims());
}

LogicalResult KernelOp::verifyRegions() {
  SmallVector<Type> yielded;
  for (Region& part : getParts()) {
    if (part.getNumArguments() != 0)
      return emitOpError() << "a part must take no arguments, got " << part.getNumArguments();
    auto yield = dyn_cast<YieldOp>(part.front().getTerminator());
    if (!yield) return emitOpError() << "a part must end with weft.yield";
    llvm::append_range(yielded, yield.getValues().getTypes());
  }
  if (yielded.size() != getNumResults() ||
      !std::equal(yielded.begin(), yielded.end(), getResultTypes().begin()))
    return emitOpError() << "results must be what the parts yield, got " << getNumResults()
                         << " for " << yielded.size();
  return success();
}

LogicalResult TilesOp::verify() {
  unsigned counts = getCounts().getNumResults(), steps = getSteps().getNumResults(),
           extents = getExtents().getNumResults();
  if (counts != steps || counts != extents)
    return emitOpError() << "each count must have a step and an extent, got " << counts << ", "
                         << steps << " and " << extents;
  if (getVisible() && getColumns().value_or(0) < kGranule)
    return emitOpError() << "visible columns must be some of at least " << kGranule << ", got "
                         << getColumns().value_or(0);
  if ((*this)->hasAttr(kGuardsName) && !getVisible())
    return emitOpError() << "guards must be of a function that finds columns, got none";
  if (auto blocks = (*this)->getAttrOfType<ArrayAttr>(kBlocksName)) {
    ArrayRef<Attribute> all = blocks.getValue();
    auto length = all.empty() ? IntegerAttr() : dyn_cast<IntegerAttr>(all[0]);
    int64_t columns = getColumns().value_or(0), of = length ? length.getInt() : 0;
    if (columns <= 0 || of <= 0 || all.size() != (columns % of == 0 ? 3 : 4) ||
        !llvm::all_of(all.drop_front(), llvm::IsaPred<FlatSymbolRefAttr>))
      return emitOpError()
             << "blocks must be the length of one, then a function for no column, one "
                "for a block and one for what blocks leave over, got "
             << blocks;
  }
  return success();
}

LogicalResult RoutineOp::verify() {
  const Record* record = findRecord(getRecord());
  if (!record || record->kind != RecordKind::structured)
    return emitOpError() << "the record must be a structured op, got \"" << getRecord() << "\"";
  if (getLayouts().size() != getShapes().size())
    return emitOpError() << "each operand must have a layout and a shape, got "
                         << getLayouts().size() << " and " << getShapes().size();
  for (auto [layout, shape] : llvm::zip_equal(getLayouts().getAsValueRange<AffineMapAttr>(),
                                              getShapes().getAsValueRange<AffineMapAttr>()))
    if (layout.getNumDims() != shape.getNumResults() || layout.getNumResults() != 1)
      return emitOpError() << "a layout must map the indices of its operand to one offset, got "
                           << AffineMapAttr::get(layout) << " for " << AffineMapAttr::get(shape);
  return success();
}

LogicalResult LaunchOp::verify() {
  if (getTied().size() != getNumResults())
    return emitOpError() << "tied must have an entry for each of the " << getNumResults()
                         << " results, got " << getTied().size();
  size_t own = 0;
  for (auto [k, input] : llvm::enumerate(getTied())) {
    own += input < 0;
    if (input >= static_cast<int64_t>(getInputs().size()))
      return emitOpError() << "result " << k << " is tied to input " << input << ", got "
                           << getInputs().size() << " inputs";
  }
  if (getBuffers() && getBuffers()->size() != getInputs().size() + own)
    return emitOpError() << "buffers must name each of the " << getInputs().size() + own
                         << " buffers, got " << getBuffers()->size();
  return success();
}

//===--- Views --------------------------------------------------------------------------------===//

std::pair<int64_t, int64_t> columnsOfTile(int64_t first, int64_t end, int64_t columns) {
  if (end <= first) first = 0, end = 1; // hidden ones are alike, so any of them do
  const int64_t most = columns / kGranule, rest = columns % kGranule;
  int64_t start = first / kGranule;
  const int64_t missing = end - start * kGranule - rest;
  const int64_t count = std::max<int64_t>(1, (missing + kGranule - 1) / kGranule);
  start = std::min(start, most - count);
  return {start, count};
}

ArrayRef<int64_t> mostOf(func::FuncOp function) {
  auto most = function->getAttrOfType<DenseI64ArrayAttr>(kMostName);
  return most ? most.asArrayRef() : ArrayRef<int64_t>();
}

Value createRecord(OpBuilder& builder, Location loc, StringRef name, ValueRange operands,
                   RankedTensorType type, ArrayRef<int64_t> structure, ArrayRef<AffineExpr> sizes) {
  OperationState state(loc, ("weft." + name).str(), operands, {type});
  if (!structure.empty()) state.addAttribute("structure", builder.getDenseI64ArrayAttr(structure));
  if (!sizes.empty())
    state.addAttribute("sizes", AffineMapAttr::get(AffineMap::get(0, countSymbols(sizes), sizes,
                                                                  builder.getContext())));
  return builder.create(state)->getResult(0);
}

SmallVector<AffineExpr> ViewAs::sourceIndices(ArrayRef<AffineExpr> indices) {
  Exprs from = shapeOf(getX()), to = shapeOf(getY());
  Exprs result = delinearise(linearise(indices, to, getContext()), from, {});
  return SmallVector<AffineExpr>(result);
}

Value ViewAs::writeBack(OpBuilder& builder, Value source, Value update) {
  return createRecord(builder, getLoc(), "view", update, cast<RankedTensorType>(source.getType()),
                      {}, shapeOf(source));
}

SmallVector<AffineExpr> Permute::sourceIndices(ArrayRef<AffineExpr> indices) {
  SmallVector<AffineExpr> result(indices.size());
  for (auto [to, from] : llvm::enumerate(structureOf(*this)))
    result[from] = indices[to];
  return result;
}

Value Permute::writeBack(OpBuilder& builder, Value source, Value update) {
  SmallVector<int64_t> inverse(structureOf(*this).size());
  for (auto [to, from] : llvm::enumerate(structureOf(*this)))
    inverse[from] = to;
  return createRecord(builder, getLoc(), "permute", update,
                      cast<RankedTensorType>(source.getType()), inverse, {});
}

SmallVector<AffineExpr> Slice::sourceIndices(ArrayRef<AffineExpr> indices) {
  SmallVector<AffineExpr> result(indices);
  AffineExpr& index = result[structureOf(*this)[0]];
  index = sizesOf(*this)[0] + index * sizesOf(*this)[2];
  return result;
}

Value Slice::writeBack(OpBuilder& builder, Value source, Value update) {
  AffineMap sizes = (*this)->getAttrOfType<AffineMapAttr>("sizes").getValue();
  AffineMap place = AffineMap::get(0, sizes.getNumSymbols(),
                                   {sizes.getResult(0), sizes.getResult(2)}, getContext());
  return SliceUpdateOp::create(builder, getLoc(), source.getType(), source, update,
                               structureOf(*this)[0], place);
}

SmallVector<AffineExpr> Expand::sourceIndices(ArrayRef<AffineExpr> indices) {
  return SmallVector<AffineExpr>(broadcastIndices(indices, getX().getType()));
}

Value Expand::writeBack(OpBuilder& builder, Value source, Value update) {
  if (shapeOf(source) != shapeOf(update)) return {};
  return update;
}

// Sizes are the offset, the shape and the strides.
SmallVector<AffineExpr> StridedView::sourceIndices(ArrayRef<AffineExpr> indices) {
  ArrayRef<AffineExpr> sizes = sizesOf(*this);
  AffineExpr at = sizes[0];
  for (auto [k, index] : llvm::enumerate(indices))
    at = at + index * sizes[1 + indices.size() + k];
  return {canonical(at)};
}

// What lies between the elements would have to be put between those of the update.
Value StridedView::writeBack(OpBuilder&, Value, Value) { return {}; }

SmallVector<AffineExpr> FlipView::sourceIndices(ArrayRef<AffineExpr> indices) {
  Exprs shape = shapeOf(getX());
  SmallVector<AffineExpr> result(indices);
  for (int64_t dim : structureOf(*this))
    result[dim] = shape[dim] - 1 - indices[dim];
  return result;
}

Value FlipView::writeBack(OpBuilder& builder, Value source, Value update) {
  return createRecord(builder, getLoc(), "flip_view", update,
                      cast<RankedTensorType>(source.getType()), structureOf(*this), {});
}

SmallVector<AffineExpr> DiagonalView::sourceIndices(ArrayRef<AffineExpr> indices) {
  SmallVector<AffineExpr> result;
  size_t next = 0;
  for (size_t k = 0; k < indices.size() + 1; k++)
    result.push_back(llvm::is_contained(structureOf(*this), static_cast<int64_t>(k))
                         ? indices.back()
                         : indices[next++]);
  return result;
}

// With its two dims behind the others and merged, the diagonal is every (n + 1)-th element.
Value DiagonalView::writeBack(OpBuilder& builder, Value source, Value update) {
  Exprs shape = shapeOf(source), ordered;
  SmallVector<int64_t> order, inverse(shape.size());
  for (size_t k = 0; k < shape.size(); k++)
    if (!llvm::is_contained(structureOf(*this), static_cast<int64_t>(k))) order.push_back(k);
  llvm::append_range(order, structureOf(*this));
  for (auto [to, from] : llvm::enumerate(order)) {
    ordered.push_back(shape[from]);
    inverse[from] = to;
  }
  AffineExpr n = ordered.back(), zero = getAffineConstantExpr(0, getContext());
  Exprs flat(ordered.begin(), ordered.end() - 2);
  flat.push_back(canonical(n * n));
  Type element = elementOf(source);
  auto view = [&](Value v, const Exprs& sizes) {
    return createRecord(builder, getLoc(), "view", v, tensorType(sizes, element), {}, sizes);
  };
  auto permute = [&](Value v, const Exprs& sizes, ArrayRef<int64_t> dims) {
    return createRecord(builder, getLoc(), "permute", v, tensorType(sizes, element), dims, {});
  };
  Value whole = view(permute(source, ordered, order), flat);
  AffineMap place = AffineMap::get(0, countSymbols(n), {zero, n + 1}, getContext());
  Value written = SliceUpdateOp::create(builder, getLoc(), whole.getType(), whole, update,
                                        static_cast<int64_t>(flat.size()) - 1, place);
  return permute(view(written, ordered), shape, inverse);
}

} // namespace weft::ir
