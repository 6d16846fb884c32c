#include "passes/row_ops.h"

using namespace mlir;

namespace weft {

using expr::Primitive;
using ir::Exprs;

namespace {

constexpr int64_t kF32 = 0, kF64 = 1, kI64 = 3; // of weft::DType, as sources name their dtype

// Says whether a form of a record gives its first input.
bool givesInput(const ir::Record& record, ir::Form form) {
  ir::Graph graph = record.graph(form);
  const expr::Node& root = graph.nodes[static_cast<size_t>(graph.roots.front())];
  return graph.roots.size() == 1 && root.op == expr::kInput && root.args[0] == 0;
}

} // namespace

std::optional<Primitive> primitiveOf(Operation* op) {
  const ir::Record* record = ir::recordOf(op);
  if (!record || record->kind != ir::RecordKind::pointwise || record->isCast) return std::nullopt;
  ir::Graph graph = record->graph(ir::Form::value);
  const expr::Node& root = graph.nodes[static_cast<size_t>(graph.roots.front())];
  if (!root.is_primitive() || root.operand_count() != int(op->getNumOperands()))
    return std::nullopt;
  for (int k = 0; k < root.operand_count(); k++) {
    const expr::Node& operand = graph.nodes[static_cast<size_t>(root.args[static_cast<size_t>(k)])];
    if (operand.op != expr::kInput || operand.args[0] != k) return std::nullopt;
  }
  return root.primitive();
}

std::optional<expr::Node> identityOfRows(Operation* op) {
  auto reduce = asReduce(op);
  if (!reduce) return std::nullopt;
  const ir::Record& record = *reduce->record;
  int64_t rank = cast<RankedTensorType>(reduce->operand.getType()).getRank();
  bool isPlain = reduce->starts && reduce->finishes && record.accumulators == 1 &&
                 givesInput(record, ir::Form::element) && givesInput(record, ir::Form::finish) &&
                 ArrayRef(reduce->dims) == ArrayRef<int64_t>{rank - 1};
  if (!isPlain) return std::nullopt;
  ir::Graph graph = record.graph(ir::Form::identity);
  return graph.nodes[static_cast<size_t>(graph.roots.front())];
}

bool isLowest(const expr::Node& identity) {
  return identity.is_primitive() && identity.primitive() == Primitive::lowest;
}

bool isZero(const expr::Node& identity) {
  return identity.op == expr::kLiteral && identity.number == 0;
}

bool isOfRow(Value v) {
  Exprs shape = ir::shapeOf(v);
  return shape.empty() || shape.back() == getAffineConstantExpr(1, v.getContext());
}

Value RowWriter::number(double v, Type element) {
  Attribute value = isa<FloatType>(element) ? Attribute(b.getF64FloatAttr(v))
                                            : Attribute(b.getI64IntegerAttr(int64_t(v)));
  return ir::NumberOp::create(b, loc, ir::tensorType({}, element), cast<TypedAttr>(value));
}

Value RowWriter::full(double v, RankedTensorType type) {
  Type element = type.getElementType();
  assert((element.isF32() || element.isF64()) && "rows are summed in f32 or f64");
  return ir::createRecord<ir::Full>(b, loc, number(v, element), type,
                                    {element.isF64() ? kF64 : kF32}, ir::shapeOf(type));
}

Value RowWriter::arange(double start, int64_t count) {
  Type i64 = b.getI64Type();
  Exprs length{getAffineConstantExpr(count, b.getContext())};
  return ir::createRecord<ir::Arange>(b, loc, {number(start, i64), number(1, i64)},
                                      ir::tensorType(length, i64), {kI64}, length);
}

Exprs RowWriter::broadcastShape(ArrayRef<Value> operands) {
  AffineExpr one = getAffineConstantExpr(1, b.getContext());
  Exprs shape;
  for (Value v : operands) {
    Exprs own = ir::shapeOf(v);
    while (shape.size() < own.size())
      shape.insert(shape.begin(), one);
    for (size_t k = 0; k < own.size(); k++)
      if (own[k] != one) shape[shape.size() - own.size() + k] = own[k];
  }
  return shape;
}

Exprs RowWriter::reducedShape(Value x, bool keepdim, ArrayRef<int64_t> dims) {
  Exprs from = ir::shapeOf(x), to;
  for (size_t k = 0; k < from.size(); k++)
    if (!llvm::is_contained(dims, int64_t(k)))
      to.push_back(from[k]);
    else if (keepdim)
      to.push_back(getAffineConstantExpr(1, b.getContext()));
  return to;
}

} // namespace weft
