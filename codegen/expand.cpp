// 1. The call: operands as metadata, attributes as they are. A size that is an argument is given
//    some prime number.
// 2. The trace of the call is a segment: it is imported as segments are, with symbols for sizes.
// 3. The function made of it is inlined: its symbols become the operands' sizes, its numbers
//    constants.
#include "codegen/expand.h"

#include "codegen/dtypes.h"
#include "codegen/import.h"
#include "ir/weft/index_math.h"
#include "ir/weft/weft.h"
#include "runtime/program/program.h"
#include "weft/error.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft {
namespace {

struct ParameterRow {
  const char* name;
  bool isTensor, isOptional;
};
struct CompositeRow {
  const char* name;
  std::vector<ParameterRow> parameters;
};
const std::vector<CompositeRow>& rows() {
  static const std::vector<CompositeRow> table = {
#include "weft/gen/composites.inc"
  };
  return table;
}

// Sizes that the function is called with where they are arguments: it cannot tell them from others,
// and what it makes of the one list differs from what it makes of the other.
constexpr int64_t kFirst[] = {101, 103, 107, 109, 113, 127, 131, 137, 139, 149};
constexpr int64_t kSecond[] = {211, 223, 227, 229, 233, 239, 241, 251, 257, 263};

class Expansion {
public:
  Expansion(OpBuilder& builder, Operation* op, const TraceComposite& trace)
      : builder(builder), op(op), trace(trace) {}

  FailureOr<Value> run() {
    if (failed(findArguments())) return failure();
    try {
      CompositeTrace first = trace(call(kFirst));
      if (!symbols.empty()) {
        second = trace(call(kSecond));
        if (!isSame(first, second))
          return op->emitOpError() << "what the function calls must not depend on sizes that are "
                                      "arguments";
        first.segment.generic = true;
      }
      return inlined(first);
    } catch (const Error& error) {
      return op->emitOpError() << error.what();
    }
  }

private:
  //===--- The call ---------------------------------------------------------------------------===//

  LogicalResult findArguments() {
    StringRef name = op->getName().stripDialect();
    auto row = llvm::find_if(rows(), [&](const CompositeRow& r) { return name == r.name; });
    if (row == rows().end()) return op->emitOpError() << "must have a record";
    auto segments = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes");
    auto isTensor = [](const ParameterRow& p) { return p.isTensor; };
    bool isComplete = op->getNumOperands() == llvm::count_if(row->parameters, isTensor);
    unsigned next = 0, position = 0;
    for (const ParameterRow& parameter : row->parameters) {
      if (!parameter.isTensor) {
        if (Attribute attribute = op->getAttr(parameter.name))
          attributes.push_back({parameter.name, attribute});
        continue;
      }
      bool isGiven = segments ? segments[position] != 0 : !parameter.isOptional || isComplete;
      position++;
      if (isGiven) tensors.push_back({parameter.name, op->getOperand(next++)});
    }
    for (auto& [parameter, tensor] : tensors) {
      ir::Exprs shape = ir::shapeOf(tensor);
      if (shape.size() > kMaxRank)
        return op->emitOpError() << "tensors must have at most " << kMaxRank << " dims, got "
                                 << shape.size();
      for (AffineExpr size : shape)
        if (!isa<AffineConstantExpr>(size)) symbols.insert(size);
    }
    if (symbols.size() > std::size(kFirst))
      return op->emitOpError() << "must have at most " << std::size(kFirst)
                               << " different sizes that are arguments, got " << symbols.size();
    return success();
  }

  CompositeCall call(ArrayRef<int64_t> primes) {
    CompositeCall made{op->getName().stripDialect().str(), {}};
    for (auto& [name, tensor] : tensors) {
      Meta meta;
      meta.dtype = dtype_of(ir::elementOf(tensor));
      for (AffineExpr size : ir::shapeOf(tensor)) {
        auto constant = dyn_cast<AffineConstantExpr>(size);
        meta.sizes[meta.rank++] =
            constant ? constant.getValue() : primes[llvm::find(symbols, size) - symbols.begin()];
      }
      meta.set_contiguous();
      made.arguments.push_back({name, meta});
    }
    for (auto& [name, attribute] : attributes)
      if (auto integer = dyn_cast<IntegerAttr>(attribute))
        made.arguments.push_back({name, integer.getInt()});
      else if (auto number = dyn_cast<FloatAttr>(attribute))
        made.arguments.push_back({name, number.getValueAsDouble()});
      else if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute))
        made.arguments.push_back({name, std::vector<int64_t>(list.asArrayRef())});
      else
        made.arguments.push_back({name, cast<StringAttr>(attribute).str()});
    return made;
  }

  static bool isSame(const CompositeTrace& a, const CompositeTrace& b) {
    if (a.segment.ops.size() != b.segment.ops.size() || a.numbers.size() != b.numbers.size())
      return false;
    for (auto [x, y] : llvm::zip_equal(a.segment.ops, b.segment.ops))
      if (x.op != y.op || x.operands != y.operands || x.structure != y.structure ||
          x.sizes.size() != y.sizes.size() || x.scalar_attributes != y.scalar_attributes)
        return false;
    for (auto [x, y] : llvm::zip_equal(a.numbers, b.numbers))
      if (x.kind != y.kind || x.i != y.i) return false;
    return a.segment.outputs == b.segment.outputs;
  }

  //===--- Inlining ---------------------------------------------------------------------------===//

  FailureOr<Value> inlined(const CompositeTrace& from) {
    OwningOpRef<ModuleOp> module = import_segment(from.segment, *op->getContext());
    auto function = *module->getOps<func::FuncOp>().begin();
    if (failed(findSizes(function, from))) return failure();
    IRMapping mapping;
    for (auto [k, tensor] : llvm::enumerate(tensors))
      mapping.map(function.getArgument(k), tensor.second);
    for (Operation& inner : function.getBody().front().without_terminator())
      copy(inner, from, mapping);
    return mapping.lookup(function.getBody().front().getTerminator()->getOperand(0));
  }

  // What the function's symbols are: sizes of operands, or, of what the function itself makes,
  // constants.
  LogicalResult findSizes(func::FuncOp function, const CompositeTrace& from) {
    std::vector<int64_t> given, again;
    for (const SegmentOp& inner : from.segment.ops)
      given.insert(given.end(), inner.sizes.begin(), inner.sizes.end());
    for (const SegmentOp& inner : second.segment.ops)
      again.insert(again.end(), inner.sizes.begin(), inner.sizes.end());
    for (BlockArgument argument : function.getArguments()) {
      auto symbol =
          function.getArgAttrOfType<DenseI64ArrayAttr>(argument.getArgNumber(), kSymbolName);
      if (!symbol) continue;
      auto kind = static_cast<ProgramSymbol::Kind>(symbol[0]);
      if (kind == ProgramSymbol::Kind::leaf_size)
        sizes.push_back(ir::shapeOf(tensors[symbol[1]].second)[symbol[2]]);
      else if (given[symbol[1]] == again[symbol[1]])
        sizes.push_back(getAffineConstantExpr(given[symbol[1]], op->getContext()));
      else
        return op->emitOpError() << "the function's sizes must follow from those of its operands";
    }
    return success();
  }

  ir::Exprs settled(ArrayRef<AffineExpr> exprs) {
    ir::Exprs result;
    for (AffineExpr e : exprs)
      result.push_back(ir::canonical(e.replaceSymbols(sizes)));
    return result;
  }

  void copy(Operation& inner, const CompositeTrace& from, IRMapping& mapping) {
    auto type = cast<RankedTensorType>(inner.getResult(0).getType());
    if (auto scalar = dyn_cast<ir::ScalarOp>(inner)) {
      size_t number = cast<BlockArgument>(scalar.getValue()).getArgNumber() - tensors.size();
      Value made =
          ir::NumberOp::create(builder, op->getLoc(), type, constantOf(from.numbers[number]));
      return mapping.map(scalar.getY(), made);
    }
    Operation* made = builder.clone(inner, mapping);
    made->setLoc(op->getLoc());
    made->getResult(0).setType(ir::tensorType(settled(ir::shapeOf(type)), type.getElementType()));
    if (auto attribute = made->getAttrOfType<AffineMapAttr>("sizes")) {
      ir::Exprs own = settled(attribute.getValue().getResults());
      made->setAttr("sizes", AffineMapAttr::get(
                                 AffineMap::get(0, ir::countSymbols(own), own, op->getContext())));
    }
  }

  TypedAttr constantOf(const Scalar& number) {
    switch (number.kind) {
    case Scalar::Kind::floating:
      return builder.getF64FloatAttr(number.f);
    case Scalar::Kind::integer:
      return builder.getI64IntegerAttr(number.i);
    default:
      return builder.getBoolAttr(number.i != 0);
    }
  }

  OpBuilder& builder;
  Operation* op;
  const TraceComposite& trace;
  SmallVector<std::pair<std::string, Value>> tensors;        // by parameter
  SmallVector<std::pair<std::string, Attribute>> attributes; // likewise
  llvm::SetVector<AffineExpr> symbols; // the operands' sizes that are arguments
  CompositeTrace second;               // with other sizes for these
  SmallVector<AffineExpr> sizes;       // of the imported function's symbols
};

} // namespace

FailureOr<Value> expandComposite(OpBuilder& builder, Operation* op, const TraceComposite& trace) {
  return Expansion(builder, op, trace).run();
}

} // namespace weft
