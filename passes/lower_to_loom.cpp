// 1. Each part of a weft.kernel is analysed: what it reads are the kernel's inputs.
// 2. The loom.kernel takes inputs, results that are not written over an input, numbers, sizes.
// 3. Each part is lowered; equal scalar code is merged.
// Kernels that are one call of a routine become that (lower_routine.cpp), or walks of a device
// (lower_walk.cpp).
#include "passes/buffer_layout.h"
#include "passes/kernel_shell.h"
#include "passes/lower_part.h"
#include "passes/lower_routine.h"
#include "passes/lower_walk.h"
#include "passes/passes.h"

#include "ir/weft/index_math.h"

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
  KernelLowering(KernelShell shell, llvm::function_ref<int32_t(Operation*)> errorCode)
      : shell(std::move(shell)) {
    frame.errorCode = errorCode;
  }

  LogicalResult run() {
    if (failed(analyse())) return failure();
    bindResults();
    shell.create(summary());
    fillFrame();
    for (Part& part : parts)
      lowerPart(part, frame, shell.op.getLoc());
    shell.finish();
    return success();
  }

private:
  LogicalResult analyse() {
    for (Region& region : shell.op.getParts()) {
      SmallVector<Operation*> ops;
      for (Operation& inner : region.front().without_terminator())
        ops.push_back(&inner);
      Reason why;
      auto part = Part::analyse(SmallVector<Value>(region.front().getTerminator()->getOperands()),
                                ops, why);
      if (!part) return shell.op.emitOpError() << "must be one space of points: " << why.text;
      for (const PartAccess& access : part->accesses)
        shell.inputs.insert(access.value);
      for (Operation* inner : ops)
        if (auto scalar = dyn_cast<ir::ScalarOp>(inner))
          shell.scalars.insert(
              {scalar.getValue(),
               scalarArgumentType(scalar.getValue().getType(), ir::elementOf(scalar.getY()))});
      parts.push_back(std::move(*part));
    }
    return success();
  }

  // A result that ends up in a leaf which the kernel reads is written over it.
  void bindResults() {
    for (Value result : shell.op.getResults()) {
      std::optional<unsigned> leaf = leafOf(shell.function, result);
      auto it =
          leaf ? llvm::find(shell.inputs, shell.function.getArgument(*leaf)) : shell.inputs.end();
      shell.tied.push_back(it == shell.inputs.end() ? -1 : it - shell.inputs.begin());
    }
  }

  // The kernel's result for a value that a part yields.
  Value outerOf(Value v) {
    unsigned next = 0;
    for (Region& region : shell.op.getParts())
      for (Value yielded : region.front().getTerminator()->getOperands()) {
        if (yielded == v) return shell.op.getResult(next);
        next++;
      }
    return {};
  }

  std::string summary() {
    llvm::MapVector<StringRef, unsigned> count;
    for (Region& region : shell.op.getParts())
      for (Operation& inner : region.front().without_terminator())
        if (!isTransparent(&inner)) count[inner.getName().stripDialect()]++;
    std::string text;
    for (auto [name, n] : count)
      text += (text.empty() ? "" : " ") + name.str() + (n > 1 ? "*" + std::to_string(n) : "");
    return text.empty() ? "copy" : text;
  }

  void fillFrame() {
    frame.kernel = shell.kernel;
    frame.buffers = shell.bufferOf;
    unsigned yielded = 0;
    for (Region& region : shell.op.getParts())
      for (Value v : region.front().getTerminator()->getOperands())
        frame.buffers[v] = shell.bufferOfResult[yielded++];
    frame.scalars = shell.scalarOf;
    frame.layoutOf = layouts;
  }

  KernelShell shell;
  std::vector<Part> parts;
  KernelFrame frame;
  std::function<AffineMap(Value)> layouts = [this](Value v) {
    Value outer = outerOf(v);
    return layoutOf(shell.function, outer ? outer : v);
  };
};

} // namespace

LogicalResult lowerToLoom(ModuleOp module, PassContext& context) {
  unsigned number = 0;
  const ErrorCodes codes(module);
  auto code = [&](Operation* from) { return codes.of(from); };
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    auto isWalk = [&](ir::KernelOp op) {
      return context.isForDevice && routineOf(op) && isWalked(routineOf(op));
    };
    for (auto op : llvm::make_early_inc_range(function.getOps<ir::KernelOp>()))
      if (isWalk(op))
        copyTarget(function, op);
      else
        copyOperands(function, op);
    for (auto op : llvm::make_early_inc_range(function.getOps<ir::KernelOp>())) {
      KernelShell shell(module, function, op, number);
      LogicalResult done = isWalk(op)      ? lowerWalk(std::move(shell), code)
                           : routineOf(op) ? lowerRoutine(function, op, number, code)
                                           : KernelLowering(std::move(shell), code).run();
      if (failed(done)) return failure();
      number++;
    }
  }
  return success();
}

} // namespace weft
