#include "ir/interp/weft_interpreter.h"

#include "ir/interp/loom_interpreter.h"
#include "ir/ops/op_graphs.h"
#include "ir/weft/records.h"

#include <bit>
#include <cstring>
#include <map>

using namespace mlir;

namespace weft::interp {
namespace {

using expr::ScalarValue;

int64_t bytesOf(Type element) { return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8); }

float widen(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
uint16_t roundToBf16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if (x != x) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

template <class T> T get(const Array& a, int64_t i) {
  T v;
  std::memcpy(&v, a.bytes.data() + i * sizeof(T), sizeof(T));
  return v;
}
template <class T> void put(Array& a, int64_t i, T v) {
  std::memcpy(a.bytes.data() + i * sizeof(T), &v, sizeof(T));
}

int64_t saturate(double v) {
  if (v != v) return 0;
  if (v >= 0x1p63) return std::numeric_limits<int64_t>::max();
  return v < -0x1p63 ? std::numeric_limits<int64_t>::min() : static_cast<int64_t>(v);
}

// An element in compute type T.
template <class T> ScalarValue<T> load(const Array& a, int64_t i) {
  ScalarValue<T> v;
  if (a.element.isInteger(64))
    v.x = static_cast<T>(get<int64_t>(a, i));
  else if (a.element.isInteger(1))
    v.x = static_cast<T>(v.i = get<uint8_t>(a, i));
  else if (std::is_integral_v<T>)
    v.x = static_cast<T>(saturate(a.at(i)));
  else
    v.x = static_cast<T>(a.at(i));
  return v;
}
template <class T> void store(Array& a, int64_t i, ScalarValue<T> v, bool isMask) {
  if (a.element.isInteger(1))
    put<uint8_t>(a, i, isMask ? v.i != 0 : v.x != 0);
  else if (a.element.isInteger(64))
    put<int64_t>(a, i,
                 std::is_integral_v<T> ? static_cast<int64_t>(v.x)
                                       : saturate(static_cast<double>(v.x)));
  else if (a.element.isF64())
    put<double>(a, i, static_cast<double>(v.x));
  else if (a.element.isF32())
    put<float>(a, i, static_cast<float>(v.x));
  else
    put<uint16_t>(a, i, roundToBf16(static_cast<float>(v.x)));
}

using Index = SmallVector<int64_t, 8>;

Index unflatten(int64_t linear, ArrayRef<int64_t> shape) {
  Index index(shape.size());
  for (size_t k = shape.size(); k-- > 0;) {
    index[k] = shape[k] ? linear % shape[k] : 0;
    linear = shape[k] ? linear / shape[k] : 0;
  }
  return index;
}
int64_t flatten(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t linear = 0;
  for (size_t k = 0; k < shape.size(); k++)
    linear = linear * shape[k] + index[k];
  return linear;
}
int64_t broadcast(const Index& index, ArrayRef<int64_t> shape) {
  Index own;
  for (size_t k = 0; k < shape.size(); k++)
    own.push_back(shape[k] == 1 ? 0 : index[index.size() - shape.size() + k]);
  return flatten(own, shape);
}

int64_t evaluate(AffineExpr e, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  if (auto c = dyn_cast<AffineConstantExpr>(e)) return c.getValue();
  if (auto d = dyn_cast<AffineDimExpr>(e)) return dims[d.getPosition()];
  if (auto s = dyn_cast<AffineSymbolExpr>(e)) return symbols[s.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(e);
  int64_t a = evaluate(binary.getLHS(), dims, symbols),
          b = evaluate(binary.getRHS(), dims, symbols);
  int64_t q = b ? a / b - (a % b != 0 && (a % b < 0) != (b < 0)) : 0;
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::FloorDiv:
    return q;
  case AffineExprKind::CeilDiv:
    return q + (a - q * b != 0);
  default:
    return a - q * b;
  }
}

struct AttributeLess {
  bool operator()(Attribute a, Attribute b) const {
    return a.getAsOpaquePointer() < b.getAsOpaquePointer();
  }
};

class Machine {
public:
  explicit Machine(const Arguments& arguments)
      : symbols(arguments.sizes), numbers(arguments.numbers) {}

  std::optional<std::vector<Array>> run(func::FuncOp function, const Arguments& arguments) {
    size_t tensor = 0, number = 0;
    for (BlockArgument argument : function.getArguments())
      if (isa<RankedTensorType>(argument.getType()))
        values[argument] = arguments.tensors[tensor++];
      else if (!argument.getType().isIndex())
        numberOf[argument] = numbers[number++];
    if (auto bytes = function->getAttrOfType<AffineMapAttr>(ir::kArenaName)) {
      arena.resize(evaluate(bytes.getValue().getResult(0), {}, symbols));
      for (Attribute offset :
           function->getAttrOfType<ArrayAttr>(ir::kTemporariesName).getAsRange<AffineMapAttr>())
        offsets.push_back(
            evaluate(cast<AffineMapAttr>(offset).getValue().getResult(0), {}, symbols));
    }
    auto results = runBlock(function.getBody().front());
    // With a memory plan, results are what their memory holds at the end.
    Operation* ret = function.getBody().front().getTerminator();
    for (size_t k = 0; results && k < results->size(); k++)
      if (auto [place, n] = places.lookup(ret->getOperand(k)); place)
        std::memcpy((*results)[k].bytes.data(), place, n);
    return results;
  }

private:
  SmallVector<int64_t> shapeOf(Type type) {
    SmallVector<int64_t> shape;
    for (AffineExpr e : ir::shapeOf(type))
      shape.push_back(evaluate(e, {}, symbols));
    return shape;
  }
  Array make(Value v) { return Array(ir::elementOf(v), shapeOf(v.getType())); }

  std::optional<std::vector<Array>> runBlock(Block& block) {
    for (Operation& op : block.without_terminator())
      if (!runOp(&op)) return std::nullopt;
    std::vector<Array> results;
    for (Value v : block.getTerminator()->getOperands())
      results.push_back(values[v]);
    return results;
  }

  bool runOp(Operation* op) {
    if (auto kernel = dyn_cast<ir::KernelOp>(op)) return runParts(kernel);
    if (auto launch = dyn_cast<ir::LaunchOp>(op)) return runLaunch(launch);
    Value result = op->getResult(0);
    Array y = make(result);
    if (auto scalar = dyn_cast<ir::ScalarOp>(op))
      setNumber(scalar.getValue().getType(), numberOf[scalar.getValue()], y);
    else if (auto number = dyn_cast<ir::NumberOp>(op))
      setNumber(cast<TypedAttr>(number.getValue()).getType(), bitsOf(number.getValue()), y);
    else if (auto view = dyn_cast<ir::ViewOp>(op))
      show(view, y);
    else if (auto update = dyn_cast<ir::SliceUpdateOp>(op))
      updateSlice(update, y);
    else if (isa<ir::Concatenate>(op))
      concatenate(op, y);
    else if (isa<ir::Matmul>(op))
      matmul(op, y);
    else if (!runRecord(op, y))
      return false;
    values[result] = std::move(y);
    return true;
  }

  bool runParts(ir::KernelOp kernel) {
    unsigned next = 0;
    for (Region& part : kernel.getParts()) {
      auto results = runBlock(part.front());
      if (!results) return false;
      for (Array& a : *results)
        values[kernel.getResult(next++)] = std::move(a);
    }
    return true;
  }

  bool runLaunch(ir::LaunchOp launch) {
    auto kernel =
        launch->getParentOfType<ModuleOp>().lookupSymbol<loom::KernelOp>(launch.getKernel());
    if (!kernel) return false;
    std::vector<Array> memory;
    for (Value v : launch.getInputs())
      memory.push_back(values[v]);
    std::vector<size_t> place;
    for (auto [k, result] : llvm::enumerate(launch.getResults())) {
      place.push_back(launch.getTied()[k] < 0 ? memory.size() : launch.getTied()[k]);
      if (launch.getTied()[k] < 0) memory.push_back(make(result));
    }
    std::vector<void*> buffers;
    for (auto [k, a] : llvm::enumerate(memory))
      buffers.push_back(launch.getBuffers() ? planned(launch, k, a) : a.bytes.data());
    std::vector<int64_t> arguments;
    for (Value v : launch.getScalars())
      arguments.push_back(numberOf[v]);
    llvm::append_range(arguments, symbols);
    arguments.resize(launch.getScalars().size() + launch.getSizes().size());
    runKernel(kernel, buffers, arguments);
    for (auto [k, result] : llvm::enumerate(launch.getResults())) {
      values[result] = memory[place[k]];
      if (launch.getBuffers()) places[result] = {buffers[place[k]], memory[place[k]].bytes.size()};
    }
    return true;
  }

  // The memory that the plan gives a buffer: leaves start with what the function was called with.
  void* planned(ir::LaunchOp launch, size_t k, const Array& a) {
    auto place = cast<ir::BufferAttr>((*launch.getBuffers())[k]);
    if (place.getKind() == ir::BufferKind::temporary)
      return arena.data() + offsets[place.getIndex()];
    std::vector<char>& own = owned[place];
    if (own.empty()) {
      own.resize(a.bytes.size());
      if (place.getKind() == ir::BufferKind::leaf)
        own = values[launch->getParentOfType<func::FuncOp>().getArgument(place.getIndex())].bytes;
    }
    return own.data();
  }

  static int64_t bitsOf(Attribute number) {
    if (auto real = dyn_cast<FloatAttr>(number))
      return std::bit_cast<int64_t>(real.getValueAsDouble());
    return cast<IntegerAttr>(number).getValue().getZExtValue();
  }

  void setNumber(Type type, int64_t bits, Array& y) {
    Array number(type, {});
    if (number.element.isInteger(1))
      put<uint8_t>(number, 0, bits != 0);
    else
      put<int64_t>(number, 0, bits);
    convert(number, 0, y, 0);
  }

  static void convert(const Array& x, int64_t i, Array& y, int64_t j) {
    if (y.element.isF64())
      store(y, j, load<double>(x, i), false);
    else if (y.element.isInteger(64))
      store(y, j, load<int64_t>(x, i), false);
    else if (y.element.isInteger(1))
      put<uint8_t>(y, j, x.element.isInteger(64) ? get<int64_t>(x, i) != 0 : x.at(i) != 0);
    else
      store(y, j, load<float>(x, i), false);
  }

  void copy(const Array& x, int64_t i, Array& y, int64_t j) {
    int64_t n = bytesOf(y.element);
    std::memcpy(y.bytes.data() + j * n, x.bytes.data() + i * n, n);
  }

  void show(ir::ViewOp view, Array& y) {
    const Array& x = values[view->getOperand(0)];
    ir::Exprs indices;
    for (size_t k = 0; k < y.shape.size(); k++)
      indices.push_back(getAffineDimExpr(k, view->getContext()));
    SmallVector<AffineExpr> source = view.sourceIndices(indices);
    for (int64_t j = 0; j < y.count(); j++) {
      Index at = unflatten(j, y.shape), from;
      for (AffineExpr e : source)
        from.push_back(evaluate(e, at, symbols));
      copy(x, flatten(from, x.shape), y, j);
    }
  }

  void updateSlice(ir::SliceUpdateOp op, Array& y) {
    y = values[op.getSource()];
    const Array& u = values[op.getUpdate()];
    int64_t start = evaluate(op.getPlace().getResult(0), {}, symbols),
            step = evaluate(op.getPlace().getResult(1), {}, symbols);
    for (int64_t i = 0; i < u.count(); i++) {
      Index at = unflatten(i, u.shape);
      at[op.getDim()] = start + step * at[op.getDim()];
      copy(u, i, y, flatten(at, y.shape));
    }
  }

  void concatenate(Operation* op, Array& y) {
    int64_t dim = ir::structureOf(op)[0], begin = 0;
    for (Value operand : op->getOperands()) {
      const Array& x = values[operand];
      for (int64_t i = 0; i < x.count(); i++) {
        Index at = unflatten(i, x.shape);
        at[dim] += begin;
        copy(x, i, y, flatten(at, y.shape));
      }
      begin += x.shape[dim];
    }
  }

  void matmul(Operation* op, Array& y) {
    Array a = values[op->getOperand(0)], b = values[op->getOperand(1)];
    SmallVector<int64_t> shape(y.shape);
    if (b.shape.size() == 1) {
      b.shape.push_back(1);
      shape.push_back(1);
    }
    if (a.shape.size() == 1) {
      a.shape.insert(a.shape.begin(), 1);
      shape.insert(shape.end() - 1, 1);
    }
    int64_t inner = a.shape.back();
    for (int64_t j = 0; j < y.count(); j++) {
      Index at = unflatten(j, shape);
      double sum = 0;
      float narrow = 0;
      int64_t whole = 0;
      for (int64_t k = 0; k < inner; k++) {
        Index l(at), r(at);
        l.back() = k;
        r[r.size() - 2] = k;
        int64_t i = broadcast(l, a.shape), m = broadcast(r, b.shape);
        if (y.element.isInteger(64))
          whole += get<int64_t>(a, i) * get<int64_t>(b, m);
        else if (y.element.isF64())
          sum = std::fma(a.at(i), b.at(m), sum);
        else
          narrow = std::fma(static_cast<float>(a.at(i)), static_cast<float>(b.at(m)), narrow);
      }
      if (y.element.isInteger(64))
        put(y, j, whole);
      else
        y.set(j, y.element.isF64() ? sum : narrow);
    }
  }

  //===--- Records ----------------------------------------------------------------------------===//

  template <class Body> bool withCompute(Type element, Body body) {
    Type compute = ir::computeElement(element);
    if (compute.isF64()) return body(double{});
    if (compute.isF32()) return body(float{});
    return body(int64_t{});
  }

  bool runRecord(Operation* op, Array& y) {
    if (isa<ir::PartialReduceOp, ir::FinishReduceOp>(op)) return reduceStep(op, y);
    const ir::Record* record = ir::recordOf(op);
    if (!record) return false;
    if (record->kind == ir::RecordKind::reduction) {
      ArrayRef<int64_t> dims = ir::structureOf(op).drop_front();
      const Array& x = values[op->getOperand(0)];
      return withCompute(x.element, [&](auto t) {
        return reduce<decltype(t)>(*record, x, dims, true, true, 0, y);
      });
    }
    if (record->isCast) {
      const Array& x = values[op->getOperand(0)];
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
    return withCompute(element, [&](auto t) { return pointwise<decltype(t)>(op, *record, y); });
  }

  template <class T> bool pointwise(Operation* op, const ir::Record& record, Array& y) {
    const expr::OpGraphs& row = expr::kOpGraphs[record.number];
    if (record.isRandom) return false;
    for (int64_t j = 0; j < y.count(); j++) {
      Index at = unflatten(j, y.shape);
      std::vector<ScalarValue<T>> inputs;
      for (Value operand : op->getOperands()) {
        const Array& x = values[operand];
        inputs.push_back(load<T>(x, broadcast(at, x.shape)));
      }
      if (record.kind == ir::RecordKind::source) inputs.push_back({static_cast<T>(j), j});
      store(y, j, expr::evaluate_element<T>(row.value, inputs.data()),
            record.result == ir::ResultRule::boolean);
    }
    return true;
  }

  bool reduceStep(Operation* op, Array& y) {
    StringRef name = op->getAttrOfType<StringAttr>("record").getValue();
    ArrayRef<int64_t> dims = op->getAttrOfType<DenseI64ArrayAttr>("dims").asArrayRef();
    bool starts = isa<ir::PartialReduceOp>(op);
    int64_t count =
        starts ? 0 : evaluate(cast<ir::FinishReduceOp>(op).getCount().getResult(0), {}, symbols);
    const Array& x = values[op->getOperand(0)];
    return withCompute(x.element, [&](auto t) {
      return reduce<decltype(t)>(*ir::findRecord(name), x, dims, starts, !starts, count, y);
    });
  }

  template <class T>
  bool reduce(const ir::Record& record, const Array& x, ArrayRef<int64_t> dims, bool starts,
              bool finishes, int64_t count, Array& y) {
    const expr::OpGraphs& row = expr::kOpGraphs[record.number];
    unsigned n = record.accumulators;
    std::vector<ScalarValue<T>> state(y.count() * n), pair(2 * n), one(n);
    for (size_t j = 0; j < state.size(); j++)
      state[j] = expr::evaluate_element<T>(row.identity,
                                           static_cast<const ScalarValue<T>*>(nullptr), j % n);
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
      ScalarValue<T> v =
          finishes ? expr::evaluate_element<T>(row.finish, inputs.data()) : inputs[0];
      if (n > 1)
        put<int64_t>(y, j, v.i);
      else
        store(y, j, v, false);
    }
    return true;
  }

  std::vector<int64_t> symbols, numbers;
  llvm::DenseMap<Value, Array> values;
  llvm::DenseMap<Value, int64_t> numberOf;
  std::vector<char> arena;
  std::vector<int64_t> offsets;                                // of temporaries
  std::map<Attribute, std::vector<char>, AttributeLess> owned; // leaves and outputs
  llvm::DenseMap<Value, std::pair<void*, size_t>> places;
};

} // namespace

Array::Array(Type element, ArrayRef<int64_t> shape) : element(element), shape(shape) {
  bytes.resize(count() * bytesOf(element));
}

int64_t Array::count() const {
  int64_t n = 1;
  for (int64_t size : shape)
    n *= size;
  return n;
}

double Array::at(int64_t i) const {
  if (element.isF64()) return get<double>(*this, i);
  if (element.isF32()) return get<float>(*this, i);
  if (element.isBF16()) return widen(get<uint16_t>(*this, i));
  return element.isInteger(64) ? static_cast<double>(get<int64_t>(*this, i))
                               : get<uint8_t>(*this, i);
}

void Array::set(int64_t i, double v) {
  if (element.isF64())
    put(*this, i, v);
  else if (element.isF32())
    put(*this, i, static_cast<float>(v));
  else if (element.isBF16())
    put(*this, i, roundToBf16(static_cast<float>(v)));
  else if (element.isInteger(64))
    put(*this, i, static_cast<int64_t>(v));
  else
    put<uint8_t>(*this, i, v != 0);
}

std::optional<std::vector<Array>> runFunction(func::FuncOp function, const Arguments& arguments) {
  return Machine(arguments).run(function, arguments);
}

} // namespace weft::interp
