// The C function of a kernel: reads its arguments and hands each part the chunks that are its own.
#include "codegen/cpu/kernel_function.h"

#include "codegen/cpu/part_emitter.h"

#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

struct Arguments {
  Value *context, *buffers, *scalars, *begin, *end;
  explicit Arguments(llvm::Function* function)
      : context(function->getArg(0)), buffers(function->getArg(1)), scalars(function->getArg(2)),
        begin(function->getArg(3)), end(function->getArg(4)) {}
};

llvm::Function* createFunction(llvm::Module& module, const llvm::Twine& name, bool exported,
                               const CpuTarget& target) {
  llvm::LLVMContext& context = module.getContext();
  auto* pointer = llvm::PointerType::get(context, 0);
  auto* integer = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                       {pointer, pointer, pointer, integer, integer}, false);
  auto* function = llvm::Function::Create(
      type, exported ? llvm::GlobalValue::ExternalLinkage : llvm::GlobalValue::InternalLinkage,
      name, module);
  function->addFnAttr("target-cpu", target.cpu);
  std::string features = target.features;
  if (target.vector_bits == 512) features += ",-prefer-256-bit";
  if (!features.empty()) function->addFnAttr("target-features", features);
  function->addFnAttr("prefer-vector-width", std::to_string(target.vector_bits));
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr(llvm::Attribute::getWithUWTableKind(context, llvm::UWTableKind::None));
  if (!exported) function->addFnAttr(llvm::Attribute::NoInline);
  return function;
}

// Loads what the kernel is given from the argument arrays.
void bindArguments(llvm::IRBuilder<>& b, const Arguments& arguments, KernelOp kernel,
                   PartEmitter& emitter) {
  int buffers = 0, scalars = 0;
  llvm::SmallVector<Value*, 4> sizes;
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    mlir::Type type = argument.getType();
    if (isa<BufferType>(type)) {
      Value* slot = b.CreateConstInBoundsGEP1_64(b.getPtrTy(), arguments.buffers, buffers++);
      emitter.bindBuffer(argument, b.CreateLoad(b.getPtrTy(), slot));
      continue;
    }
    Value* slot = b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), arguments.scalars, scalars++);
    Value* value = nullptr;
    if (isa<FloatType>(type)) {
      value = b.CreateLoad(b.getDoubleTy(), slot);
      if (type.isF32()) value = b.CreateFPTrunc(value, b.getFloatTy());
    } else {
      value = b.CreateLoad(b.getInt64Ty(), slot);
      if (type.isInteger(1)) value = b.CreateICmpNE(value, b.getInt64(0));
    }
    if (type.isIndex()) sizes.push_back(value);
    emitter.bindScalar(argument, value);
  }
  emitter.bindSizes(sizes);
}

void emitPartFunction(llvm::Function* function, KernelOp kernel, const PartPlan& plan,
                      const CpuTarget& target) {
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(function->getContext(), "entry", function));
  Arguments arguments(function);
  PartEmitter emitter(b, plan, target);
  bindArguments(b, arguments, kernel, emitter);
  emitter.emit(arguments.context, arguments.begin, arguments.end);
  if (emitter.streams()) {
    // Stores that by-pass the cache are ordered before whatever tells another thread that the chunk
    // is done.
    if (target.isX86())
      b.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {});
    else
      b.CreateFence(llvm::AtomicOrdering::Release);
  }
  b.CreateRetVoid();
}

// Chunks of all parts, and so of all phases, are numbered one after another.
void emitDispatch(llvm::Function* function, KernelOp kernel, const KernelPlan& plan,
                  llvm::ArrayRef<llvm::Function*> parts, const CpuTarget& target) {
  llvm::LLVMContext& context = function->getContext();
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  Arguments arguments(function);
  Value* first = b.getInt64(0);
  for (auto [part_plan, part] : llvm::zip(plan.parts, parts)) {
    // Only sizes are needed here.
    PartEmitter emitter(b, part_plan, target);
    bindArguments(b, arguments, kernel, emitter);
    Value* count = emitter.size(part_plan.chunks);
    auto clamp = [&](Value* chunk) {
      Value* offset = b.CreateSub(chunk, first);
      offset = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, offset, b.getInt64(0));
      return b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, offset, count);
    };
    Value *begin = clamp(arguments.begin), *end = clamp(arguments.end);
    auto* call = llvm::BasicBlock::Create(context, "part", function);
    auto* next = llvm::BasicBlock::Create(context, "next", function);
    b.CreateCondBr(b.CreateICmpSLT(begin, end), call, next);
    b.SetInsertPoint(call);
    b.CreateCall(part, {arguments.context, arguments.buffers, arguments.scalars, begin, end});
    b.CreateBr(next);
    b.SetInsertPoint(next);
    first = b.CreateAdd(first, count);
  }
  b.CreateRetVoid();
}

} // namespace

llvm::Function* emitKernelFunction(llvm::Module& module, KernelOp kernel, const KernelPlan& plan,
                                   const CpuTarget& target) {
  llvm::Function* function = createFunction(module, kernel.getSymName(), true, target);
  plan.eachKept([&](const PartPlan& part) {
    std::string symbol = panelsSymbol(kernel.getSymName(), part.kept->number);
    emitKeptFunction(createFunction(module, symbol, true, target), part);
  });
  if (plan.parts.size() == 1) {
    emitPartFunction(function, kernel, plan.parts[0], target);
    return function;
  }
  llvm::SmallVector<llvm::Function*, 8> parts;
  for (auto [i, part] : llvm::enumerate(plan.parts)) {
    parts.push_back(createFunction(module, partSymbol(kernel.getSymName(), i), false, target));
    emitPartFunction(parts.back(), kernel, part, target);
  }
  emitDispatch(function, kernel, plan, parts, target);
  return function;
}

} // namespace weft::cpu
