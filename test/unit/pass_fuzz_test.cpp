// Random weft functions, with constant sizes and with sizes as arguments: the interpreter's results
// stay the same after every pass, down to loom kernels.
#include "ir/interp/weft_interpreter.h"
#include "ir/loom/loom.h"
#include "ir/weft/index_math.h"
#include "passes/part.h"
#include "passes/passes.h"
#include "passes/register.h"

#include "mlir/IR/Verifier.h"

#include <catch2/catch.hpp>
#include <random>

using namespace mlir;
using namespace weft;

namespace {

using Random = std::mt19937;
int64_t pick(Random& r, int64_t n) { return static_cast<int64_t>(r() % static_cast<uint64_t>(n)); }

int64_t valueOf(AffineExpr e, ArrayRef<int64_t> sizes) {
  SmallVector<AffineExpr> constants;
  for (int64_t size : sizes)
    constants.push_back(getAffineConstantExpr(size, e.getContext()));
  return cast<AffineConstantExpr>(e.replaceSymbols(constants)).getValue();
}

class Generator {
public:
  /// With `generic`, sizes other than 1 are arguments of the function; `sizes` are their values.
  Generator(MLIRContext& context, unsigned seed, bool generic)
      : generic(generic), random(seed), builder(&context), loc(builder.getUnknownLoc()) {}

  std::vector<int64_t> sizes;

  OwningOpRef<ModuleOp> make() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    builder.setInsertionPointToEnd(module->getBody());
    ir::Exprs base;
    for (int64_t k = pick(random, 3) + 1; k > 0; k--)
      base.push_back(size(pick(random, 4) + 1));
    SmallVector<Type> leaves;
    for (int k = 0; k < 4; k++) {
      ir::Exprs shape(base);
      for (AffineExpr& e : shape)
        if (pick(random, 4) == 0) e = size(1);
      leaves.push_back(
          ir::tensorType(shape, k == 3 ? Type(builder.getBF16Type()) : builder.getF32Type()));
    }
    leaves.push_back(builder.getF64Type());
    auto function =
        func::FuncOp::create(builder, loc, "segment", builder.getFunctionType(leaves, {}));
    Block* block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    for (Value v : block->getArguments())
      if (isa<RankedTensorType>(v.getType())) values.push_back(v);
    number = block->getArgument(4);
    int64_t steps = pick(random, 12) + 2;
    for (int64_t k = 0; k < steps; k++)
      step();
    finish(function);
    return module;
  }

private:
  AffineExpr size(int64_t v) {
    if (!generic || v == 1) return getAffineConstantExpr(v, builder.getContext());
    sizes.push_back(v);
    return getAffineSymbolExpr(sizes.size() - 1, builder.getContext());
  }
  int64_t valueOf(AffineExpr e) const { return ::valueOf(e, sizes); }
  bool isOne(AffineExpr e) const { return e == getAffineConstantExpr(1, e.getContext()); }
  Value any() { return values[pick(random, values.size())]; }
  Value anyFloat() {
    for (;;)
      if (Value v = any(); isa<FloatType>(ir::elementOf(v))) return v;
  }
  Value create(StringRef name, ValueRange operands, ArrayRef<AffineExpr> shape, Type element,
               ArrayRef<int64_t> structure = {}, ArrayRef<AffineExpr> sizes = {}) {
    return ir::createRecord(builder, loc, name, operands, ir::tensorType(shape, element), structure,
                            sizes);
  }

  std::optional<ir::Exprs> broadcast(const ir::Exprs& a, const ir::Exprs& b) {
    ir::Exprs r(std::max(a.size(), b.size()), size(1));
    for (const ir::Exprs* x : {&a, &b})
      for (size_t k = 0; k < x->size(); k++) {
        AffineExpr from = (*x)[k], &to = r[r.size() - x->size() + k];
        if (!isOne(from) && !isOne(to) && to != from) return std::nullopt;
        to = isOne(from) ? to : from;
      }
    return r;
  }

  void binary() {
    static constexpr StringLiteral names[] = {"add", "mul", "sub", "maximum"};
    Value a = anyFloat(), b = anyFloat();
    if (pick(random, 4) == 0)
      b = ir::ScalarOp::create(
          builder, loc, RankedTensorType::get({}, ir::computeElement(ir::elementOf(a))), number);
    else if (ir::elementOf(a) != ir::elementOf(b))
      b = create("cast", b, ir::shapeOf(b), ir::elementOf(a), {0});
    auto shape = broadcast(ir::shapeOf(a), ir::shapeOf(b));
    if (!shape) return;
    if (pick(random, 5) == 0) {
      Value mask = create("lt", {a, b}, *shape, builder.getI1Type());
      values.push_back(mask);
      values.push_back(create("where", {mask, a, b}, *shape, ir::elementOf(a)));
    } else {
      values.push_back(create(names[pick(random, 4)], {a, b}, *shape, ir::elementOf(a)));
    }
  }
  void unary() {
    static constexpr StringLiteral names[] = {"relu", "tanh", "neg", "sigmoid", "gelu"};
    Value x = anyFloat();
    values.push_back(create(names[pick(random, 5)], x, ir::shapeOf(x), ir::elementOf(x)));
  }
  void reduce() {
    Value x = anyFloat();
    ir::Exprs shape = ir::shapeOf(x), result;
    if (shape.empty()) return;
    bool keepdim = pick(random, 2), isArg = pick(random, 6) == 0;
    SmallVector<int64_t> structure{keepdim};
    for (size_t k = 0; k < shape.size(); k++) {
      bool isReduced = pick(random, 2) || (k + 1 == shape.size() && structure.size() == 1);
      if (isReduced) structure.push_back(k);
      if (!isReduced || keepdim) result.push_back(isReduced ? size(1) : shape[k]);
    }
    static constexpr StringLiteral names[] = {"sum", "mean", "max", "min"};
    if (isArg)
      values.push_back(create("argmax", x, result, builder.getI64Type(), structure));
    else
      values.push_back(create(names[pick(random, 4)], x, result, ir::elementOf(x), structure));
  }
  void view() {
    Value x = any();
    ir::Exprs shape = ir::shapeOf(x);
    if (shape.empty()) return;
    size_t dim = pick(random, shape.size());
    switch (pick(random, 5)) {
    case 4:
      values.push_back(
          create("flip_view", x, shape, ir::elementOf(x), {static_cast<int64_t>(dim)}));
      return;
    case 0: {
      SmallVector<int64_t> order;
      ir::Exprs result;
      for (size_t k = 0; k < shape.size(); k++)
        order.push_back(k);
      std::shuffle(order.begin(), order.end(), random);
      for (int64_t d : order)
        result.push_back(shape[d]);
      values.push_back(create("permute", x, result, ir::elementOf(x), order));
      return;
    }
    case 1: {
      int64_t whole = valueOf(shape[dim]), from = pick(random, whole);
      AffineExpr start = size(from), length = size(pick(random, whole - from) + 1);
      shape[dim] = length;
      values.push_back(create("slice", x, shape, ir::elementOf(x), {static_cast<int64_t>(dim)},
                              {start, length, size(1)}));
      return;
    }
    case 2: {
      ir::Exprs flat{ir::countOf(shape, builder.getContext())};
      int64_t n = valueOf(flat[0]);
      if (pick(random, 2) && n % 2 == 0) flat = {size(2), size(n / 2)};
      values.push_back(create("view", x, flat, ir::elementOf(x), {}, flat));
      return;
    }
    default:
      for (AffineExpr& e : shape)
        if (isOne(e)) e = size(pick(random, 3) + 1);
      values.push_back(create("expand", x, shape, ir::elementOf(x), {}, shape));
    }
  }
  void matmul() {
    Value a = anyFloat();
    ir::Exprs x = ir::shapeOf(a);
    if (x.size() < 2 || x.size() > 3) return;
    SmallVector<int64_t> order{1, 0};
    ir::Exprs turned{x[1], x[0]};
    if (x.size() == 3) order = {0, 2, 1}, turned = {x[0], x[2], x[1]};
    Value b = create("permute", a, turned, ir::elementOf(a), order);
    ir::Exprs result(x);
    result.back() = turned.back();
    values.push_back(create("matmul", {a, b}, result, ir::elementOf(a)));
  }
  void join() {
    Value a = any();
    ir::Exprs shape = ir::shapeOf(a);
    if (shape.empty()) return;
    int64_t dim = pick(random, shape.size());
    if (pick(random, 2)) {
      shape[dim] = ir::canonical(shape[dim] + shape[dim]);
      values.push_back(create("concatenate", {a, a}, shape, ir::elementOf(a), {dim}));
      return;
    }
    int64_t whole = valueOf(shape[dim]), from = pick(random, whole);
    AffineExpr start = size(from), length = size(pick(random, whole - from) + 1);
    ir::Exprs part(shape);
    part[dim] = length;
    Value u = create("slice", a, part, ir::elementOf(a), {dim}, {size(0), length, size(1)});
    AffineExpr place[] = {start, size(1)};
    values.push_back(ir::SliceUpdateOp::create(
        builder, loc, a.getType(), a, u, dim,
        AffineMap::get(0, ir::countSymbols(place), place, builder.getContext())));
  }

  void source() {
    Value c =
        ir::ScalarOp::create(builder, loc, RankedTensorType::get({}, builder.getF32Type()), number);
    ir::Exprs shape = ir::shapeOf(any());
    AffineExpr n = shape.empty() ? size(1) : shape.back();
    if (pick(random, 2))
      values.push_back(create("arange", {c, c}, {n}, builder.getF32Type(), {0}, {n}));
    else
      values.push_back(create("full", c, shape, builder.getF32Type(), {0}, shape));
  }

  // The interpreter takes any element, so the op is the identity.
  void check() {
    Type integer = builder.getI64Type();
    Value limit = ir::ScalarOp::create(builder, loc, RankedTensorType::get({}, integer), number);
    Value x = any();
    if (ir::elementOf(x) != integer) x = create("cast", x, ir::shapeOf(x), integer, {3});
    Value y = create("checked_index", {x, limit, limit}, ir::shapeOf(x), integer);
    if (pick(random, 2)) values.push_back(y);
  }

  // By an index that is 0 or the last of the dim, element by element or the same along another dim.
  void gather() {
    Value x = anyFloat();
    ir::Exprs shape = ir::shapeOf(x);
    if (shape.empty()) return;
    Type integer = builder.getI64Type();
    int64_t dim = pick(random, shape.size()), other = pick(random, shape.size());
    auto constant = [&](TypedAttr v, Type element) -> Value {
      return ir::NumberOp::create(builder, loc, RankedTensorType::get({}, element), v);
    };
    Value from = x;
    if (other != dim && pick(random, 2)) {
      ir::Exprs line(shape);
      line[other] = size(1);
      AffineExpr zero = size(0);
      from = create("slice", x, line, ir::elementOf(x), {other}, {zero, size(1), size(1)});
    }
    ir::Exprs own = ir::shapeOf(from);
    Value bound = constant(builder.getF64FloatAttr(0.25), ir::computeElement(ir::elementOf(x)));
    Value mask = create("lt", {from, bound}, own, builder.getI1Type());
    Value last = constant(builder.getI64IntegerAttr(valueOf(shape[dim]) - 1), integer);
    Value index = create("cast", mask, own, integer, {3});
    index = create("mul", {index, last}, own, integer);
    if (own != shape) index = create("expand", index, shape, integer, {}, shape);
    values.push_back(create("gather", {x, index}, shape, ir::elementOf(x), {dim}));
  }

  void step() {
    switch (pick(random, 11)) {
    case 10:
      return gather();
    case 9:
      return check();
    case 8:
      return source();
    case 0:
    case 1:
    case 2:
      return binary();
    case 3:
      return unary();
    case 4:
    case 5:
      return reduce();
    case 6:
      return view();
    default:
      return pick(random, 2) ? matmul() : join();
    }
  }

  // Some results, and for every leaf perhaps a value of its type that is written back to it.
  void finish(func::FuncOp function) {
    SmallVector<Value> results;
    SmallVector<std::optional<unsigned>> leaves;
    for (int k = 0; k < 3; k++) {
      results.push_back(any());
      leaves.push_back(std::nullopt);
    }
    for (unsigned leaf = 0; leaf < 4; leaf++) {
      Value old = function.getArgument(leaf);
      for (Value v : llvm::reverse(values))
        if (v.getType() == old.getType() && v != old && pick(random, 2)) {
          results.push_back(v);
          leaves.push_back(leaf);
          break;
        }
    }
    func::ReturnOp::create(builder, loc, results);
    for (size_t k = 0; k < sizes.size(); k++)
      function.getBody().addArgument(builder.getIndexType(), loc);
    function.setFunctionType(builder.getFunctionType(function.getBody().getArgumentTypes(),
                                                     ValueRange(results).getTypes()));
    for (auto [k, leaf] : llvm::enumerate(leaves))
      if (leaf) function.setResultAttr(k, ir::kLeafName, builder.getI64IntegerAttr(*leaf));
  }

  bool generic;
  Random random;
  OpBuilder builder;
  Location loc;
  SmallVector<Value> values;
  Value number;
};

interp::Arguments argumentsFor(func::FuncOp function, unsigned seed,
                               const std::vector<int64_t>& sizes) {
  Random random(seed);
  interp::Arguments arguments;
  arguments.sizes = sizes;
  for (Type type : function.getArgumentTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      SmallVector<int64_t> shape;
      for (AffineExpr e : ir::shapeOf(type))
        shape.push_back(valueOf(e, sizes));
      interp::Array a(tensor.getElementType(), shape);
      for (int64_t i = 0; i < a.count(); i++)
        a.set(i, (pick(random, 4001) - 2000) / 1000.0);
      arguments.tensors.push_back(std::move(a));
    }
  double number = 0.75;
  int64_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  arguments.numbers.push_back(bits);
  return arguments;
}

bool same(const interp::Array& a, const interp::Array& b) {
  if (a.shape != b.shape || a.element != b.element) return false;
  // Sums over several axes are added in another order; all else is equal to the bit.
  double tolerance = a.element.isBF16() ? 0.02 : isa<FloatType>(a.element) ? 2e-5 : 0;
  for (int64_t i = 0; i < a.count(); i++)
    if (double x = a.at(i), y = b.at(i);
        x != y && !(x != x && y != y) && !(std::fabs(x - y) <= tolerance * (1 + std::fabs(x))))
      return false;
  return true;
}

// Where a kernel that may refuse its operands runs, no leaf has been written.
bool refusesFirst(func::FuncOp function) {
  bool written = false;
  for (auto kernel : function.getOps<ir::KernelOp>()) {
    for (OpOperand& use : kernel->getUses())
      if (isa<func::ReturnOp>(use.getOwner()))
        written |= bool(function.getResultAttr(use.getOperandNumber(), ir::kLeafName));
    bool refuses = false;
    kernel.walk([&](Operation* op) { refuses |= mayRefuse(op); });
    if (refuses && written) return false;
  }
  return true;
}

// The same of the phases of launches.
bool refusesFirstInPhases(ModuleOp module, func::FuncOp function) {
  bool written = false;
  for (auto launch : function.getOps<ir::LaunchOp>()) {
    llvm::DenseSet<unsigned> leaves; // the kernel's arguments that are memory of a written leaf
    unsigned next = launch.getInputs().size();
    for (auto [result, tied] : llvm::zip(launch.getResults(), launch.getTied())) {
      unsigned argument = tied < 0 ? next++ : static_cast<unsigned>(tied);
      for (OpOperand& use : result.getUses())
        if (isa<func::ReturnOp>(use.getOwner()) &&
            function.getResultAttr(use.getOperandNumber(), ir::kLeafName))
          leaves.insert(argument);
    }
    for (auto& phase : module.lookupSymbol<loom::KernelOp>(launch.getKernel()).getPhases()) {
      bool refuses = false;
      for (loom::PartOp part : phase)
        part.walk([&](Operation* op) {
          refuses |= isa<loom::RequireOp>(op);
          if (auto store = dyn_cast<loom::StoreOp>(op))
            if (auto memory = dyn_cast<BlockArgument>(store.getMemory());
                memory && isa<loom::KernelOp>(memory.getOwner()->getParentOp()))
              written |= leaves.contains(memory.getArgNumber());
        });
      if (refuses && written) return false;
    }
  }
  return true;
}

std::string text(ModuleOp module) {
  std::string s;
  llvm::raw_string_ostream os(s);
  module->print(os);
  return s;
}

} // namespace

TEST_CASE("every pass keeps the results of random functions") {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  struct Step {
    const char* name;
    LogicalResult (*run)(ModuleOp, PassContext&);
  };
  const Step steps[] = {{"simplify", simplify},
                        {"merge-equal", mergeEqual},
                        {"split-reductions", splitReductions},
                        {"split-products", splitProducts},
                        {"tile-products", tileProducts},
                        {"fuse", fuse},
                        {"place-outputs", placeOutputs},
                        {"lower-to-loom", lowerToLoom},
                        {"join-launches", joinLaunches},
                        {"write-in-place", writeInPlace},
                        {"plan-memory", planMemory},
                        {"merge-kernels", mergeKernels}};
  // WEFT_FUZZ_SEEDS=N draws more of them.
  const char* more = std::getenv("WEFT_FUZZ_SEEDS");
  unsigned seeds = more ? static_cast<unsigned>(std::atoi(more)) : 800;
  for (unsigned seed = 1; seed <= seeds; seed++) {
    bool generic = seed % 2 == 0;
    Generator generator(context, seed, generic);
    OwningOpRef<ModuleOp> module = generator.make();
    INFO("seed " << seed);
    std::string before = text(*module);
    INFO("function:\n" << before);
    REQUIRE(succeeded(verify(*module)));
    auto function = [&] { return *module->getOps<func::FuncOp>().begin(); };
    interp::Arguments arguments = argumentsFor(function(), seed, generator.sizes);
    auto expected = interp::runFunction(function(), arguments);
    REQUIRE(expected);
    PassContext pass;
    pass.joins = seed % 8 > 1;
    for (const Step& step : steps) {
      bool ok = succeeded(step.run(*module, pass)) && succeeded(verify(*module));
      INFO("after " << step.name << ":\n" << text(*module));
      REQUIRE(ok);
      if (step.run == placeOutputs) REQUIRE(refusesFirst(function()));
      if (step.run == joinLaunches) REQUIRE(refusesFirstInPhases(*module, function()));
      auto results = interp::runFunction(function(), arguments);
      REQUIRE(results);
      for (size_t k = 0; k < expected->size(); k++) {
        INFO("result " << k);
        REQUIRE(same((*expected)[k], (*results)[k]));
      }
    }
  }
}
