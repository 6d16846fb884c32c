#include "ir/interp/record_interpreter.h"

#include "ir/ops/op_graphs.h"
#include "ir/weft/records.h"
#include "ir/weft/weft.h"

using namespace mlir;

namespace weft::interp {

using expr::ScalarValue;

namespace {

template <class Body> bool withCompute(Type element, Body body) {
  Type compute = ir::computeElement(element);
  if (compute.isF64()) return body(double{});
  if (compute.isF32()) return body(float{});
  return body(int64_t{});
}

template <class T>
bool pointwise(Operation* op, const ir::Record& record, ValueOf valueOf, Array& y) {
  const expr::OpGraphs& row = expr::kOpGraphs[record.number];
  if (record.isRandom) return false;
  for (int64_t j = 0; j < y.count(); j++) {
    Index at = unflatten(j, y.shape);
    std::vector<ScalarValue<T>> inputs;
    for (Value operand : op->getOperands()) {
      const Array& x = valueOf(operand);
      inputs.push_back(load<T>(x, broadcast(at, x.shape)));
    }
    if (record.kind == ir::RecordKind::source) inputs.push_back({static_cast<T>(j), j});
    store(y, j, expr::evaluate_element<T>(row.value, inputs.data()),
          record.result == ir::ResultRule::boolean);
  }
  return true;
}

template <class T>
bool reduce(const ir::Record& record, const Array& x, ArrayRef<int64_t> dims, bool starts,
            bool finishes, int64_t count, Array& y) {
  const expr::OpGraphs& row = expr::kOpGraphs[record.number];
  unsigned n = record.accumulators;
  std::vector<ScalarValue<T>> state(y.count() * n), pair(2 * n), one(n);
  for (size_t j = 0; j < state.size(); j++)
    state[j] =
        expr::evaluate_element<T>(row.identity, static_cast<const ScalarValue<T>*>(nullptr), j % n);
  std::vector<int64_t> seen(y.count());
  for (int64_t i = 0; i < x.count(); i++) {
    Index at = unflatten(i, x.shape), kept;
    for (size_t d = 0; d < at.size(); d++)
      if (!llvm::is_contained(dims, static_cast<int64_t>(d)))
        kept.push_back(at[d]);
      else if (y.shape.size() == x.shape.size())
        kept.push_back(0);
    int64_t j = flatten(kept, y.shape);
    ScalarValue<T> inputs[2] = {load<T>(x, i), {static_cast<T>(seen[j]), seen[j]}};
    seen[j]++;
    for (unsigned a = 0; a < n; a++)
      one[a] = starts ? expr::evaluate_element<T>(row.element, inputs, a) : inputs[0];
    std::copy_n(state.begin() + j * n, n, pair.begin());
    std::copy_n(one.begin(), n, pair.begin() + n);
    for (unsigned a = 0; a < n; a++)
      state[j * n + a] = expr::evaluate_element<T>(row.combine, pair.data(), a);
  }
  if (!count && y.count()) count = x.count() / y.count();
  for (int64_t j = 0; j < y.count(); j++) {
    std::vector<ScalarValue<T>> inputs(state.begin() + j * n, state.begin() + (j + 1) * n);
    inputs.push_back({static_cast<T>(count), count});
    ScalarValue<T> v = finishes ? expr::evaluate_element<T>(row.finish, inputs.data()) : inputs[0];
    if (n > 1)
      put<int64_t>(y, j, v.i);
    else
      store(y, j, v, false);
  }
  return true;
}

bool reduceStep(Operation* op, ValueOf valueOf, SizeOf sizeOf, Array& y) {
  StringRef name = op->getAttrOfType<StringAttr>("record").getValue();
  ArrayRef<int64_t> dims = op->getAttrOfType<DenseI64ArrayAttr>("dims").asArrayRef();
  bool starts = isa<ir::PartialReduceOp>(op);
  int64_t count = starts ? 0 : sizeOf(cast<ir::FinishReduceOp>(op).getCount().getResult(0));
  const Array& x = valueOf(op->getOperand(0));
  return withCompute(x.element, [&](auto t) {
    return reduce<decltype(t)>(*ir::findRecord(name), x, dims, starts, !starts, count, y);
  });
}

} // namespace

bool runRecord(Operation* op, ValueOf valueOf, SizeOf sizeOf, Array& y) {
  if (isa<ir::PartialReduceOp, ir::FinishReduceOp>(op)) return reduceStep(op, valueOf, sizeOf, y);
  const ir::Record* record = ir::recordOf(op);
  if (!record || record->kind == ir::RecordKind::structured) return false;
  if (record->kind == ir::RecordKind::reduction) {
    ArrayRef<int64_t> dims = ir::structureOf(op).drop_front();
    const Array& x = valueOf(op->getOperand(0));
    return withCompute(
        x.element, [&](auto t) { return reduce<decltype(t)>(*record, x, dims, true, true, 0, y); });
  }
  if (record->isCast) {
    const Array& x = valueOf(op->getOperand(0));
    for (int64_t j = 0; j < y.count(); j++)
      convert(x, j, y, j);
    return true;
  }
  Type element = y.element;
  if (record->kind == ir::RecordKind::pointwise)
    for (auto [k, operand] : llvm::enumerate(op->getOperands()))
      if (!record->isMask(k)) {
        element = ir::elementOf(operand);
        if (!ir::isNumber(operand)) break;
      }
  return withCompute(element,
                     [&](auto t) { return pointwise<decltype(t)>(op, *record, valueOf, y); });
}

} // namespace weft::interp
