#include "ir/interp/weft_interpreter.h"

#include "ir/interp/indexing_interpreter.h"
#include "ir/interp/loom_interpreter.h"
#include "ir/interp/record_interpreter.h"
#include "ir/interp/windows_interpreter.h"
#include "ir/loom/affine_value.h"
#include "ir/weft/tiles.h"

#include <bit>
#include <map>

using namespace mlir;

namespace weft::interp {
namespace {

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
      arena.resize(affineValue(bytes.getValue().getResult(0), {}, symbols));
      for (Attribute offset :
           function->getAttrOfType<ArrayAttr>(ir::kTemporariesName).getAsRange<AffineMapAttr>())
        offsets.push_back(
            affineValue(cast<AffineMapAttr>(offset).getValue().getResult(0), {}, symbols));
      hosts = function->getAttrOfType<DenseI64ArrayAttr>(ir::kHostsName).asArrayRef();
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
      shape.push_back(affineValue(e, {}, symbols));
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
    if (auto tiles = dyn_cast<ir::TilesOp>(op)) return runTiles(tiles);
    Value result = op->getResult(0);
    Array y = make(result);
    auto valueOf = [&](Value v) -> const Array& { return values[v]; };
    auto sizeOf = [&](AffineExpr e) { return affineValue(e, {}, symbols); };
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
    else if (isa<ir::QuantizedMatmul>(op))
      quantizedMatmul(op, y);
    else if (!runRecord(op, valueOf, sizeOf, y) && !runIndexing(op, valueOf, sizeOf, y) &&
             !runWindows(op, valueOf, y))
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

  // Runs the function for each tile and copies its result into the window.
  bool runTiles(ir::TilesOp tiles) {
    auto body = tiles->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(tiles.getBody());
    Array y = make(tiles.getY());
    auto numbers = [&](AffineMap map) {
      SmallVector<int64_t> r;
      for (AffineExpr e : map.getResults())
        r.push_back(affineValue(e, {}, symbols));
      return r;
    };
    SmallVector<int64_t> counts = numbers(tiles.getCounts()), steps = numbers(tiles.getSteps()),
                         extents = numbers(tiles.getExtents());
    int64_t all = 1;
    for (int64_t count : counts)
      all *= count;
    for (int64_t number = 0; number < all; number++) {
      Arguments arguments{{}, {}, {symbols.begin(), symbols.end()}};
      for (Value v : tiles.getInputs())
        if (auto scalar = v.getDefiningOp<ir::ScalarOp>())
          arguments.numbers.push_back(numberOf[scalar.getValue()]);
        else
          arguments.tensors.push_back(values[v]);
      SmallVector<int64_t> starts(counts.size());
      int64_t rest = number;
      bool isBeyond = false;
      for (size_t d = counts.size(); d-- > 0; rest /= counts[d]) {
        starts[d] = rest % counts[d] * steps[d];
        isBeyond |= starts[d] >= extents[d];
        starts[d] = std::min(starts[d], extents[d] - steps[d]);
      }
      if (isBeyond) continue;
      llvm::append_range(arguments.sizes, starts);
      for (auto [step, value] : llvm::zip_equal(tiles.getSteps().getResults(), steps))
        if (!isa<AffineConstantExpr>(step)) arguments.sizes.push_back(value);
      auto out = body.getArgument(arguments.tensors.size());
      arguments.tensors.push_back(Machine(arguments).make(out));
      if (tiles.getColumns() && !findColumns(tiles, arguments)) return false;
      auto results = Machine(arguments).run(body, arguments);
      if (!results) return false;
      auto layout =
          body.getArgAttrOfType<AffineMapAttr>(out.getArgNumber(), ir::kLayoutName).getValue();
      const Array& window = results->front();
      SmallVector<int64_t> index(window.shape.size());
      for (int64_t i = 0; i < window.count(); i++) {
        int64_t left = i;
        for (size_t d = index.size(); d-- > 0; left /= window.shape[d])
          index[d] = left % window.shape[d];
        copy(window, i, y, affineValue(layout.getResult(0), index, arguments.sizes));
      }
    }
    values[tiles.getY()] = std::move(y);
    return true;
  }

  static std::optional<std::vector<Array>> runSymbol(ir::TilesOp tiles, Attribute symbol,
                                                     const Arguments& arguments) {
    auto function = tiles->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(
        cast<FlatSymbolRefAttr>(symbol));
    return Machine(arguments).run(function, arguments);
  }

  // Completes the arguments of a tile's function: the columns that it computes, or the state that
  // blocks of them leave.
  static bool findColumns(ir::TilesOp tiles, Arguments& arguments) {
    int64_t from = 0, to = *tiles.getColumns();
    bool holds = true;
    if (Attribute guards = tiles->getAttr(ir::kGuardsName)) {
      auto known = runSymbol(tiles, guards, arguments);
      if (!known) return false;
      holds = get<int64_t>(known->front(), 0) != 0;
    }
    if (Attribute visible = tiles.getVisibleAttr(); visible && holds) {
      auto ends = runSymbol(tiles, visible, arguments);
      if (!ends) return false;
      from = get<int64_t>((*ends)[0], 0);
      to = get<int64_t>((*ends)[1], 0);
    }
    if (auto blocks = tiles->getAttrOfType<ArrayAttr>(ir::kBlocksName))
      return runBlocks(tiles, blocks, from, to, arguments);
    auto [start, count] = ir::columnsOfTile(from, to, *tiles.getColumns());
    arguments.sizes.push_back(start);
    arguments.sizes.push_back(count);
    return true;
  }

  static bool runBlocks(ir::TilesOp tiles, ArrayAttr blocks, int64_t from, int64_t to,
                        Arguments& arguments) {
    if (to <= from) from = 0, to = 1;
    int64_t length = cast<IntegerAttr>(blocks[0]).getInt();
    auto state = runSymbol(tiles, blocks[1], arguments);
    for (int64_t block = from / length; state && block * length < to; block++) {
      Arguments own = arguments;
      llvm::append_range(own.tensors, *state);
      own.sizes.push_back(block);
      bool isWhole = (block + 1) * length <= static_cast<int64_t>(*tiles.getColumns());
      state = runSymbol(tiles, blocks[isWhole ? 2 : 3], own);
    }
    if (state) llvm::append_range(arguments.tensors, *state);
    return state.has_value();
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
      Array y = make(result); // of the result's own shape, also where it lies over an input
      y.bytes = memory[place[k]].bytes;
      values[result] = std::move(y);
      if (launch.getBuffers()) places[result] = {buffers[place[k]], memory[place[k]].bytes.size()};
    }
    return true;
  }

  // The memory that the plan gives a buffer: leaves start with what the function was called with.
  void* planned(ir::LaunchOp launch, size_t k, const Array& a) {
    auto place = cast<ir::BufferAttr>((*launch.getBuffers())[k]);
    if (place.getKind() == ir::BufferKind::temporary) {
      int64_t host = hosts[place.getIndex()];
      char* start = host < 0 ? arena.data() : outputMemory(launch, host);
      return start + offsets[place.getIndex()];
    }
    std::vector<char>& own = owned[place];
    if (own.empty()) {
      own.resize(a.bytes.size());
      if (place.getKind() == ir::BufferKind::leaf)
        own = values[launch->getParentOfType<func::FuncOp>().getArgument(place.getIndex())].bytes;
    }
    return own.data();
  }

  char* outputMemory(ir::LaunchOp launch, int64_t number) {
    std::vector<char>& own =
        owned[ir::BufferAttr::get(launch.getContext(), ir::BufferKind::output, number)];
    if (own.empty())
      own.resize(make(launch->getBlock()->getTerminator()->getOperand(number)).bytes.size());
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
    // A real number limits an integer: it saturates, where a cast would wrap.
    if (type.isF64() && isa<IntegerType>(y.element) && !y.element.isInteger(1))
      saturate(number.at(0), y, 0);
    else
      convert(number, 0, y, 0);
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
        from.push_back(affineValue(e, at, symbols));
      copy(x, flatten(from, x.shape), y, j);
    }
  }

  void updateSlice(ir::SliceUpdateOp op, Array& y) {
    y = values[op.getSource()];
    const Array& u = values[op.getUpdate()];
    int64_t start = affineValue(op.getPlace().getResult(0), {}, symbols),
            step = affineValue(op.getPlace().getResult(1), {}, symbols);
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
        if (isa<IntegerType>(y.element))
          whole += load<int64_t>(a, i).x * load<int64_t>(b, m).x;
        else if (y.element.isF64())
          sum = std::fma(a.at(i), b.at(m), sum);
        else
          narrow = std::fma(static_cast<float>(a.at(i)), static_cast<float>(b.at(m)), narrow);
      }
      if (isa<IntegerType>(y.element))
        store<int64_t>(y, j, {whole, 0}, false);
      else
        y.set(j, y.element.isF64() ? sum : narrow);
    }
  }

  void quantizedMatmul(Operation* op, Array& y) {
    const Array &x = values[op->getOperand(0)], &codes = values[op->getOperand(1)],
                &scales = values[op->getOperand(2)];
    int64_t columns = codes.shape[0], steps = x.shape.back(), blocks = scales.shape[1];
    bool isPacked = codes.element.isUnsignedInteger();
    auto numberAt = [&](int64_t n, int64_t k) {
      int64_t block = steps / blocks, half = block / 2, within = k % block;
      if (!isPacked) return codes.at(n * steps + k);
      auto byte = static_cast<int64_t>(codes.at((n * blocks + k / block) * half + within % half));
      return static_cast<double>((within < half ? byte & 15 : byte >> 4) - 8);
    };
    for (int64_t j = 0; j < y.count(); j++) {
      double sum = 0;
      float narrow = 0;
      for (int64_t k = 0; k < steps; k++) {
        double code = numberAt(j % columns, k);
        double scale = scales.at(j % columns * blocks + k / (steps / blocks));
        double a = x.at(j / columns * steps + k);
        sum = std::fma(a, code * scale, sum);
        narrow = std::fma(static_cast<float>(a),
                          static_cast<float>(code) * static_cast<float>(scale), narrow);
      }
      y.set(j, y.element.isF64() ? sum : narrow);
    }
  }

  std::vector<int64_t> symbols, numbers;
  llvm::DenseMap<Value, Array> values;
  llvm::DenseMap<Value, int64_t> numberOf;
  std::vector<char> arena;
  std::vector<int64_t> offsets;                                // of temporaries
  ArrayRef<int64_t> hosts;                                     // likewise
  std::map<Attribute, std::vector<char>, AttributeLess> owned; // leaves and outputs
  llvm::DenseMap<Value, std::pair<void*, size_t>> places;
};

} // namespace

std::optional<std::vector<Array>> runFunction(func::FuncOp function, const Arguments& arguments) {
  return Machine(arguments).run(function, arguments);
}

} // namespace weft::interp
