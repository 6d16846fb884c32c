// 1. Each part of a weft.kernel is analysed: what it reads are the kernel's inputs.
// 2. The loom.kernel takes inputs, results that are not written over an input, numbers, sizes.
// 3. Each part is lowered; equal scalar code is merged.
// Kernels that are one call of a routine become that (lower_routine.cpp).
#include "passes/buffer_layout.h"
#include "passes/lower_part.h"
#include "passes/lower_routine.h"
#include "passes/passes.h"

#include "ir/weft/index_math.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace weft {
namespace {

// Codes of the ops that can refuse their operands; what they say is kept on the module. Of the
// codes that a launch raises the largest counts, so the first op has the largest: what is made of
// elements that it refused is refused no more.
class ErrorCodes {
public:
  explicit ErrorCodes(ModuleOp module) {
    SmallVector<Operation*> ops;
    module.walk([&](Operation* op) {
      if (isa_and_nonnull<ir::KernelOp>(op->getParentOp()) && (mayRefuse(op) || isGather(op)))
        ops.push_back(op);
    });
    if (ops.empty()) return;
    Builder builder(module.getContext());
    SmallVector<Attribute> errors;
    for (Operation* op : llvm::reverse(ops)) {
      std::string message = (op->getName().stripDialect() + ": an element is out of range").str();
      errors.push_back(builder.getArrayAttr({builder.getStringAttr(message), op->getLoc()}));
      codes[op] = static_cast<int32_t>(errors.size());
    }
    module->setAttr(ir::kErrorsName, builder.getArrayAttr(errors));
  }
  int32_t of(Operation* op) const {
    assert(codes.contains(op) && "what requires something may refuse");
    return codes.lookup(op);
  }

private:
  llvm::DenseMap<Operation*, int32_t> codes;
};

class KernelLowering {
public:
  KernelLowering(ModuleOp module, func::FuncOp function, ir::KernelOp op, unsigned number,
                 llvm::function_ref<int32_t(Operation*)> errorCode)
      : module(module), function(function), op(op), number(number), builder(op) {
    frame.errorCode = errorCode;
  }

  LogicalResult run() {
    if (failed(analyse())) return failure();
    findSizes();
    bindResults();
    createKernel();
    for (Part& part : parts)
      lowerPart(part, frame, op.getLoc());
    IRRewriter rewriter(op.getContext());
    DominanceInfo dominance;
    eliminateCommonSubExpressions(rewriter, dominance, kernel);
    dropDead();
    replace();
    return success();
  }

private:
  LogicalResult analyse() {
    for (Region& region : op.getParts()) {
      SmallVector<Operation*> ops;
      for (Operation& inner : region.front().without_terminator())
        ops.push_back(&inner);
      Reason why;
      auto part = Part::analyse(SmallVector<Value>(region.front().getTerminator()->getOperands()),
                                ops, why);
      if (!part) return op.emitOpError() << "must be one space of points: " << why.text;
      for (const PartAccess& access : part->accesses)
        inputs.insert(access.value);
      for (Operation* inner : ops)
        if (auto scalar = dyn_cast<ir::ScalarOp>(inner))
          scalars.insert({scalar.getValue(), scalarArgumentType(scalar.getValue().getType(),
                                                                ir::elementOf(scalar.getY()))});
      parts.push_back(std::move(*part));
    }
    return success();
  }

  void findSizes() {
    for (BlockArgument argument : function.getArguments())
      if (argument.getType().isIndex()) sizes.push_back(argument);
  }

  // A result that ends up in a leaf which the kernel reads is written over it.
  void bindResults() {
    tied.assign(op.getNumResults(), -1);
    for (Value result : op.getResults()) {
      std::optional<unsigned> leaf = leafOf(function, result);
      if (!leaf) continue;
      auto it = llvm::find(inputs, function.getArgument(*leaf));
      if (it != inputs.end()) tied[cast<OpResult>(result).getResultNumber()] = it - inputs.begin();
    }
  }

  // The kernel's result for a value that a part yields.
  Value outerOf(Value v) {
    unsigned next = 0;
    for (Region& region : op.getParts())
      for (Value yielded : region.front().getTerminator()->getOperands()) {
        if (yielded == v) return op.getResult(next);
        next++;
      }
    return {};
  }

  std::string summary() {
    llvm::MapVector<StringRef, unsigned> count;
    for (Region& region : op.getParts())
      for (Operation& inner : region.front().without_terminator())
        if (!isTransparent(&inner)) count[inner.getName().stripDialect()]++;
    std::string text;
    for (auto [name, n] : count)
      text += (text.empty() ? "" : " ") + name.str() + (n > 1 ? "*" + std::to_string(n) : "");
    return text.empty() ? "copy" : text;
  }

  void createKernel() {
    SmallVector<Type> types;
    auto bufferOf = [&](Value v) {
      return loom::BufferType::get(op.getContext(), ir::elementOf(v));
    };
    for (Value v : inputs)
      types.push_back(bufferOf(v));
    for (auto [k, result] : llvm::enumerate(op.getResults()))
      if (tied[k] < 0) types.push_back(bufferOf(result));
    for (auto [number, type] : scalars)
      types.push_back(type);
    types.append(sizes.size(), builder.getIndexType());
    text = summary();
    std::string name =
        "k" + std::to_string(number) + "_" +
        StringRef(text).take_until([](char c) { return c == ' ' || c == '*'; }).str();
    builder.setInsertionPointToEnd(module.getBody());
    kernel = loom::KernelOp::create(builder, op.getLoc(), name, types);
    if (!ir::mostOf(function).empty())
      kernel->setAttr(loom::LoomDialect::kMostName,
                      builder.getDenseI64ArrayAttr(ir::mostOf(function)));
    frame.kernel = kernel;
    Block& block = kernel.getBody().front();
    unsigned next = 0;
    for (Value v : inputs)
      frame.buffers[v] = block.getArgument(next++);
    SmallVector<Value> results;
    for (unsigned k = 0; k < op.getNumResults(); k++)
      results.push_back(tied[k] < 0 ? Value(block.getArgument(next++))
                                    : frame.buffers.lookup(inputs[tied[k]]));
    unsigned yielded = 0;
    for (Region& region : op.getParts())
      for (Value v : region.front().getTerminator()->getOperands())
        outputs[v] = results[yielded++];
    for (auto& [v, buffer] : outputs)
      frame.buffers[v] = buffer;
    for (auto key : scalars)
      frame.scalars[key] = block.getArgument(next++);
    frame.layoutOf = layouts;
  }

  void dropDead() {
    bool changed = true;
    while (changed) {
      changed = false;
      SmallVector<Operation*> dead;
      kernel.walk([&](Operation* inner) {
        if (inner != kernel && isOpTriviallyDead(inner)) dead.push_back(inner);
      });
      for (Operation* inner : dead)
        inner->erase(), changed = true;
    }
  }

  void replace() {
    builder.setInsertionPoint(op);
    SmallVector<Value> numbers;
    for (auto [number, type] : scalars)
      numbers.push_back(number);
    auto launch = ir::LaunchOp::create(builder, op.getLoc(), op.getResultTypes(),
                                       kernel.getSymName(), inputs.getArrayRef(), numbers, sizes,
                                       builder.getDenseI64ArrayAttr(tied), ArrayAttr(),
                                       builder.getStringAttr(text));
    launch->setAttr("positions", builder.getDenseI64ArrayAttr(positionsIn(op)));
    op.replaceAllUsesWith(launch.getResults());
    op.erase();
  }

  ModuleOp module;
  func::FuncOp function;
  ir::KernelOp op;
  unsigned number;
  OpBuilder builder;
  std::vector<Part> parts;
  llvm::SetVector<Value> inputs;
  llvm::SetVector<std::pair<Value, Type>> scalars;
  SmallVector<Value> sizes;
  SmallVector<int64_t> tied;
  std::string text;
  loom::KernelOp kernel;
  KernelFrame frame;
  llvm::MapVector<Value, Value> outputs;
  std::function<AffineMap(Value)> layouts = [this](Value v) {
    Value outer = outerOf(v);
    return layoutOf(function, outer ? outer : v);
  };
};

} // namespace

LogicalResult lowerToLoom(ModuleOp module, PassContext&) {
  unsigned number = 0;
  const ErrorCodes codes(module);
  auto code = [&](Operation* from) { return codes.of(from); };
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    for (auto op : llvm::make_early_inc_range(function.getOps<ir::KernelOp>()))
      copyOperands(function, op);
    for (auto op : llvm::make_early_inc_range(function.getOps<ir::KernelOp>())) {
      LogicalResult done = routineOf(op) ? lowerRoutine(function, op, number, code)
                                         : KernelLowering(module, function, op, number, code).run();
      if (failed(done)) return failure();
      number++;
    }
  }
  return success();
}

} // namespace weft
