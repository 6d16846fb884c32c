// 1. Each part of a weft.kernel is analysed: what it reads are the kernel's inputs.
// 2. The loom.kernel takes inputs, results that are not written over an input, numbers, sizes.
// 3. Each part is lowered; equal scalar code is merged.
#include "passes/lower_part.h"
#include "passes/passes.h"

#include "ir/weft/index_math.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

class KernelLowering {
public:
  KernelLowering(ModuleOp module, func::FuncOp function, ir::KernelOp op, unsigned number)
      : module(module), function(function), op(op), number(number), builder(op) {}

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
      std::string why;
      auto part = Part::analyse(SmallVector<Value>(region.front().getTerminator()->getOperands()),
                                ops, why);
      if (!part) return op.emitOpError() << "must be one space of points: " << why;
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
      std::optional<unsigned> leaf = leafOf(result);
      if (!leaf) continue;
      auto it = llvm::find(inputs, function.getArgument(*leaf));
      if (it != inputs.end()) tied[cast<OpResult>(result).getResultNumber()] = it - inputs.begin();
    }
  }

  std::optional<unsigned> leafOf(Value result) {
    for (OpOperand& use : result.getUses())
      if (isa<func::ReturnOp>(use.getOwner()))
        if (auto leaf =
                function.getResultAttrOfType<IntegerAttr>(use.getOperandNumber(), ir::kLeafName))
          return leaf.getInt();
    return std::nullopt;
  }

  AffineMap layoutOf(Value v) {
    if (Value outer = outerOf(v)) v = outer;
    if (auto result = dyn_cast<OpResult>(v))
      if (auto leaf = leafOf(result)) v = function.getArgument(*leaf);
    if (auto argument = dyn_cast<BlockArgument>(v))
      if (auto layout =
              function.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), ir::kLayoutName))
        return layout.getValue();
    Exprs shape = ir::shapeOf(v), dims;
    for (unsigned k = 0; k < shape.size(); k++)
      dims.push_back(getAffineDimExpr(k, v.getContext()));
    AffineExpr linear = ir::linearise(dims, shape, v.getContext());
    return AffineMap::get(shape.size(), ir::countSymbols(linear), linear);
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
    frame.errorCode = codes;
  }

  // One code for each op that can refuse its operands, kept on the module.
  int32_t errorCode(Operation* from) {
    auto known = errorCodes.find(from);
    if (known != errorCodes.end()) return known->second;
    SmallVector<Attribute> errors;
    if (auto list = module->getAttrOfType<ArrayAttr>(ir::kErrorsName))
      errors.assign(list.begin(), list.end());
    std::string message = (from->getName().stripDialect() + ": an element is out of range").str();
    errors.push_back(builder.getArrayAttr({builder.getStringAttr(message), from->getLoc()}));
    module->setAttr(ir::kErrorsName, builder.getArrayAttr(errors));
    return errorCodes[from] = errors.size();
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
    SmallVector<int64_t> positions;
    for (Region& region : op.getParts())
      for (Operation& inner : region.front().without_terminator())
        inner.getLoc()->walk([&](Location l) {
          if (auto fused = dyn_cast<FusedLoc>(l))
            if (auto position = dyn_cast_or_null<IntegerAttr>(fused.getMetadata()))
              positions.push_back(position.getInt());
          return WalkResult::advance();
        });
    llvm::sort(positions);
    positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
    launch->setAttr("positions", builder.getDenseI64ArrayAttr(positions));
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
  llvm::DenseMap<Operation*, int32_t> errorCodes;
  std::function<AffineMap(Value)> layouts = [this](Value v) { return layoutOf(v); };
  std::function<int32_t(Operation*)> codes = [this](Operation* from) { return errorCode(from); };
};

} // namespace

LogicalResult lowerToLoom(ModuleOp module, PassContext&) {
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    unsigned number = 0;
    for (auto op : llvm::make_early_inc_range(function.getOps<ir::KernelOp>()))
      if (failed(KernelLowering(module, function, op, number++).run())) return failure();
  }
  return success();
}

} // namespace weft
