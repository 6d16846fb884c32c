#include "passes/kernel_shell.h"

#include "passes/lower_routine.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace weft {

void KernelShell::create(std::string text) {
  summary = std::move(text);
  for (BlockArgument argument : function.getArguments())
    if (argument.getType().isIndex()) sizes.push_back(argument);
  SmallVector<Type> types;
  auto add = [&](Type tensor) {
    types.push_back(loom::BufferType::get(op.getContext(), ir::elementOf(tensor)));
  };
  for (Value v : inputs)
    add(v.getType());
  for (auto [k, result] : llvm::enumerate(op.getResults()))
    if (tied[k] < 0) add(result.getType());
  for (Type temporary : temporaries)
    add(temporary);
  for (auto [value, type] : scalars)
    types.push_back(type);
  types.append(sizes.size(), IndexType::get(op.getContext()));
  std::string name =
      "k" + std::to_string(number) + "_" +
      StringRef(summary).take_until([](char c) { return c == ' ' || c == '*'; }).str();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  kernel = loom::KernelOp::create(builder, op.getLoc(), name, types);
  if (!ir::mostOf(function).empty())
    kernel->setAttr(loom::LoomDialect::kMostName,
                    builder.getDenseI64ArrayAttr(ir::mostOf(function)));
  nameArguments();
}

void KernelShell::nameArguments() {
  Block::BlockArgListType arguments = kernel.getBody().getArguments();
  unsigned next = 0;
  for (Value v : inputs)
    bufferOf[v] = arguments[next++];
  for (int64_t input : tied)
    bufferOfResult.push_back(arguments[input < 0 ? next++ : input]);
  for (size_t k = 0; k < temporaries.size(); k++)
    bufferOfTemporary.push_back(arguments[next++]);
  for (auto key : scalars)
    scalarOf[key] = arguments[next++];
}

static void dropDead(loom::KernelOp kernel) {
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Operation*> dead;
    kernel.walk([&](Operation* inner) {
      if (inner != kernel && isOpTriviallyDead(inner)) dead.push_back(inner);
    });
    for (Operation* inner : dead)
      inner->erase(), changed = true;
  }
}

void KernelShell::finish() {
  IRRewriter rewriter(op.getContext());
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  dropDead(kernel);
  OpBuilder builder(op);
  SmallVector<Value> numbers(llvm::make_first_range(scalars));
  SmallVector<Type> types(op.getResultTypes());
  llvm::append_range(types, temporaries);
  tied.append(temporaries.size(), -1);
  auto launch = ir::LaunchOp::create(
      builder, op.getLoc(), types, kernel.getSymName(), inputs.getArrayRef(), numbers, sizes,
      builder.getDenseI64ArrayAttr(tied), ArrayAttr(), builder.getStringAttr(summary));
  launch->setAttr("positions", builder.getDenseI64ArrayAttr(positionsIn(op)));
  op.replaceAllUsesWith(launch.getResults().take_front(op.getNumResults()));
  op.erase();
}

} // namespace weft
