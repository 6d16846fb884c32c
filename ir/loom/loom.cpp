// The loom dialect's types, the axis attribute and the helpers of loom.h.
#include "ir/loom/loom.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "weft/gen/loom_dialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "weft/gen/loom_types.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "weft/gen/loom_attrs.cpp.inc"

using namespace mlir;

namespace weft::loom {

void LoomDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "weft/gen/loom_types.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "weft/gen/loom_attrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/gen/loom_ops.cpp.inc"
      >();
}

//===--- Helpers ------------------------------------------------------------------------------===//

Type elementType(Type memory) {
  if (auto buffer = dyn_cast<BufferType>(memory)) return buffer.getElement();
  if (auto local = dyn_cast<LocalType>(memory)) return local.getElement();
  return {};
}

Type valueType(Type element) {
  if (element.isBF16() || element.isF16()) return Float32Type::get(element.getContext());
  if (element.isIntOrIndex() && !element.isIndex() && !element.isInteger(1))
    return IntegerType::get(element.getContext(), 64);
  return element;
}

Type computeType(Type memory) {
  Type element = elementType(memory);
  return element ? valueType(element) : element;
}

int64_t elementBytes(Type element) {
  return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
}

std::optional<int64_t> evaluateSizes(AffineMap map, ArrayRef<int64_t> sizes, unsigned result) {
  SmallVector<AffineExpr> symbols;
  for (int64_t size : sizes)
    symbols.push_back(getAffineConstantExpr(size, map.getContext()));
  symbols.resize(std::max<size_t>(symbols.size(), map.getNumSymbols()),
                 getAffineConstantExpr(0, map.getContext()));
  auto value = dyn_cast<AffineConstantExpr>(
      simplifyAffineExpr(map.getResult(result).replaceSymbols(symbols), 0, 0));
  return value ? std::optional(value.getValue()) : std::nullopt;
}

// Says whether a value may change along an axis. What a loop computes may depend on anything.
static bool dependsOn(Value value, Value axis) {
  if (value == axis) return true;
  Operation* op = value.getDefiningOp();
  if (!op) return false;
  return op->getNumRegions() > 0 ||
         llvm::any_of(op->getOperands(), [&](Value v) { return dependsOn(v, axis); });
}

std::optional<int64_t> strideAlong(AffineMap map, ValueRange indices, Value axis) {
  int64_t stride = 0;
  for (auto [dim, index] : llvm::enumerate(indices)) {
    if (index != axis) {
      if (map.isFunctionOfDim(dim) && dependsOn(index, axis)) return std::nullopt;
      continue;
    }
    AffineExpr expr = map.getResult(0);
    AffineExpr here = getAffineDimExpr(dim, map.getContext());
    AffineExpr step = simplifyAffineExpr(expr.replace(here, here + 1) - expr, map.getNumDims(),
                                         map.getNumSymbols());
    auto constant = dyn_cast<AffineConstantExpr>(step);
    if (!constant) return std::nullopt;
    stride += constant.getValue();
  }
  return stride;
}

//===--- Types --------------------------------------------------------------------------------===//

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> error, Type element) {
  if (element.isF32() || element.isF64() || element.isBF16() || element.isF16() ||
      element.isSignlessInteger(64) || element.isSignlessInteger(32) ||
      element.isSignlessInteger(16) || element.isSignlessInteger(8) ||
      element.isUnsignedInteger(8) || element.isSignlessInteger(1))
    return success();
  return error()
         << "loom.buffer: the element must be f32, f64, bf16, f16, i64, i32, i16, i8, ui8 or "
            "i1, got "
         << element;
}

LogicalResult LocalType::verify(function_ref<InFlightDiagnostic()> error, Type element) {
  if (element.isF32() || element.isF64() || element.isInteger(64) || element.isInteger(1))
    return success();
  return error() << "loom.local: the element must be f32, f64, i64 or i1, got " << element;
}

//===--- The axis attribute -------------------------------------------------------------------===//

AxisAttr AxisAttr::get(MLIRContext* context, StringRef name, AffineMap extent) {
  return get(context, StringAttr::get(context, name), extent, false, 1, 0);
}

AxisAttr AxisAttr::get(MLIRContext* context, StringRef name, int64_t extent) {
  return get(context, name, AffineMap::getConstantMap(extent, context));
}

std::optional<int64_t> AxisAttr::getConstantExtent() const {
  auto constant = dyn_cast<AffineConstantExpr>(getExtent().getResult(0));
  return constant ? std::optional(constant.getValue()) : std::nullopt;
}

AxisAttr AxisAttr::withLanes(bool lanes) const {
  return get(getContext(), getName(), getExtent(), lanes, getUnroll(), getChunk());
}

AxisAttr AxisAttr::withUnroll(int64_t unroll) const {
  return get(getContext(), getName(), getExtent(), getLanes(), unroll, getChunk());
}

AxisAttr AxisAttr::withChunk(int64_t chunk) const {
  return get(getContext(), getName(), getExtent(), getLanes(), getUnroll(), chunk);
}

LogicalResult AxisAttr::verify(function_ref<InFlightDiagnostic()> error, StringAttr name,
                               AffineMap extent, bool, int64_t unroll, int64_t chunk) {
  if (extent.getNumDims() != 0 || extent.getNumResults() != 1)
    return error() << "loom.axis: the extent of '" << name.getValue()
                   << "' must be one expression of sizes, got " << AffineMapAttr::get(extent);
  auto constant = dyn_cast<AffineConstantExpr>(extent.getResult(0));
  if (constant && constant.getValue() < 0)
    return error() << "loom.axis: the extent of '" << name.getValue()
                   << "' must not be negative, got " << constant.getValue();
  if (unroll < 1 || unroll > 16)
    return error() << "loom.axis: unroll must lie in 1 to 16, got " << unroll;
  if (chunk < 0) return error() << "loom.axis: chunk must not be negative, got " << chunk;
  return success();
}

Attribute AxisAttr::parse(AsmParser& parser, Type) {
  std::string name;
  int64_t constant = 0;
  AffineMap extent;
  if (parser.parseLess() || parser.parseString(&name) || parser.parseComma()) return {};
  OptionalParseResult integer = parser.parseOptionalInteger(constant);
  if (integer.has_value()) {
    if (failed(*integer)) return {};
    extent = AffineMap::getConstantMap(constant, parser.getContext());
  } else {
    AffineMapAttr map;
    if (parser.parseAttribute(map)) return {};
    extent = map.getValue();
  }
  bool lanes = false;
  int64_t unroll = 1, chunk = 0;
  while (succeeded(parser.parseOptionalComma())) {
    if (succeeded(parser.parseOptionalKeyword("lanes")))
      lanes = true;
    else if (succeeded(parser.parseOptionalKeyword("unroll"))) {
      if (parser.parseEqual() || parser.parseInteger(unroll)) return {};
    } else if (parser.parseKeyword("chunk") || parser.parseEqual() || parser.parseInteger(chunk))
      return {};
  }
  if (parser.parseGreater()) return {};
  return parser.getChecked<AxisAttr>(parser.getContext(),
                                     StringAttr::get(parser.getContext(), name), extent, lanes,
                                     unroll, chunk);
}

void AxisAttr::print(AsmPrinter& printer) const {
  printer << "<\"" << getName().getValue() << "\", ";
  if (auto extent = getConstantExtent())
    printer << *extent;
  else
    printer << AffineMapAttr::get(getExtent());
  if (getLanes()) printer << ", lanes";
  if (getUnroll() != 1) printer << ", unroll = " << getUnroll();
  if (getChunk() != 0) printer << ", chunk = " << getChunk();
  printer << ">";
}

} // namespace weft::loom
