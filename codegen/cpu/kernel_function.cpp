// The C function of a kernel: reads its arguments and hands each part the chunks that are its own.
#include "codegen/cpu/kernel_function.h"

#include "codegen/cpu/part_emitter.h"

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/SetVector.h"
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

Value* loadNumber(llvm::IRBuilder<>& b, Value* scalars, int64_t place, mlir::Type type) {
  Value* slot = b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), scalars, place);
  if (isa<FloatType>(type)) {
    Value* value = b.CreateLoad(b.getDoubleTy(), slot);
    return type.isF32() ? b.CreateFPTrunc(value, b.getFloatTy()) : value;
  }
  Value* value = b.CreateLoad(b.getInt64Ty(), slot);
  return type.isInteger(1) ? b.CreateICmpNE(value, b.getInt64(0)) : value;
}

/// The kernel's arguments that a part names, in the order in which it does. Only these are loaded:
/// the step of all parameters is a kernel of a hundred parts and hundreds of buffers.
using Names = llvm::SmallSetVector<BlockArgument, 8>;

/// A part and its function. Parts that differ in nothing but their buffers and numbers share that
/// of the first of them, which finds these in the order of its names.
struct PartCode {
  const PartPlan* plan;
  Names names;
  bool isShared = false;
  llvm::Function* function = nullptr; // none until it is emitted
};

Names namesOf(PartOp part) {
  Names names;
  part->walk([&](Operation* op) {
    for (mlir::Value operand : op->getOperands())
      if (auto argument = dyn_cast<BlockArgument>(operand);
          argument && argument.getOwner() == part->getBlock())
        names.insert(argument);
  });
  return names;
}

bool isBuffer(BlockArgument argument) { return isa<BufferType>(argument.getType()); }

// The place of an argument among the buffers of a list, or among the numbers.
int64_t placeOf(BlockArgument argument, llvm::ArrayRef<BlockArgument> list) {
  return llvm::count_if(list.take_until([&](BlockArgument other) { return other == argument; }),
                        [&](BlockArgument other) { return isBuffer(other) == isBuffer(argument); });
}

// Says whether two parts differ in nothing but the buffers and numbers behind their names.
bool areAlike(const PartCode& a, const PartCode& b) {
  auto kernel = cast<KernelOp>(a.plan->part->getParentOp());
  if (a.plan->kept || b.plan->kept || !kernel.getSizes().empty()) return false;
  if (a.names.size() != b.names.size()) return false;
  llvm::DenseMap<mlir::Value, mlir::Value> same;
  for (auto [x, y] : llvm::zip(a.names, b.names)) {
    if (x.getType() != y.getType() ||
        kernel.getArgAttrDict(x.getArgNumber()) != kernel.getArgAttrDict(y.getArgNumber()))
      return false;
    same[x] = y;
  }
  return OperationEquivalence::isEquivalentTo(
      a.plan->part, b.plan->part,
      [&](mlir::Value x, mlir::Value y) { return success(same.lookup(x) == y); },
      [&](mlir::Value x, mlir::Value y) { same[x] = y; }, OperationEquivalence::IgnoreLocations);
}

// Loads the buffers and numbers that a part names, and all sizes, from arrays of those of a list.
void bindArguments(llvm::IRBuilder<>& b, const Arguments& arguments, KernelOp kernel,
                   const Names& names, llvm::ArrayRef<BlockArgument> list, PartEmitter& emitter) {
  for (BlockArgument name : names) {
    const int64_t place = placeOf(name, list);
    if (isBuffer(name))
      emitter.bindBuffer(name, loadPointer(b, arguments.buffers, place));
    else
      emitter.bindScalar(name, loadNumber(b, arguments.scalars, place, name.getType()));
  }
  llvm::SmallVector<Value*, 4> sizes;
  for (mlir::Value size : kernel.getSizes()) {
    const int64_t place = placeOf(cast<BlockArgument>(size), list);
    sizes.push_back(loadNumber(b, arguments.scalars, place, size.getType()));
    emitter.bindScalar(size, sizes.back());
  }
  emitter.bindSizes(sizes);
}

void emitPartFunction(const PartCode& part, KernelOp kernel, const CpuTarget& target) {
  llvm::Function* function = part.function;
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(function->getContext(), "entry", function));
  Arguments arguments(function);
  PartEmitter emitter(b, *part.plan, target);
  llvm::ArrayRef<BlockArgument> all = kernel.getBody().getArguments();
  bindArguments(b, arguments, kernel, part.names, part.isShared ? part.names.getArrayRef() : all,
                emitter);
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

// void (ptr to, ptr from, ptr places, i64 n): to[k] = from[places[k]], for pointers or numbers.
llvm::Function* gatherFunction(llvm::IRBuilder<>& b, llvm::Type* slot) {
  llvm::Module& module = *b.GetInsertBlock()->getModule();
  const char* name = slot->isPointerTy() ? "weft.gather.ptr" : "weft.gather.i64";
  if (llvm::Function* known = module.getFunction(name)) return known;
  llvm::Type *pointer = b.getPtrTy(), *integer = b.getInt64Ty();
  auto* function = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, pointer, integer}, false),
      llvm::GlobalValue::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  auto* entry = llvm::BasicBlock::Create(b.getContext(), "entry", function);
  auto* body = llvm::BasicBlock::Create(b.getContext(), "body", function);
  auto* exit = llvm::BasicBlock::Create(b.getContext(), "exit", function);
  llvm::IRBuilder<> inner(entry);
  inner.CreateBr(body);
  inner.SetInsertPoint(body);
  llvm::PHINode* k = inner.CreatePHI(integer, 2);
  k->addIncoming(inner.getInt64(0), entry);
  auto at = [&](llvm::Type* type, unsigned array, Value* index) {
    return inner.CreateInBoundsGEP(type, function->getArg(array), index);
  };
  Value* place = inner.CreateLoad(inner.getInt32Ty(), at(inner.getInt32Ty(), 2, k));
  Value* value = inner.CreateLoad(slot, at(slot, 1, inner.CreateZExt(place, integer)));
  inner.CreateStore(value, at(slot, 0, k));
  Value* next = inner.CreateAdd(k, inner.getInt64(1));
  k->addIncoming(next, body);
  inner.CreateCondBr(inner.CreateICmpULT(next, function->getArg(3)), body, exit);
  llvm::ReturnInst::Create(b.getContext(), exit);
  return function;
}

// The buffers that a part names in its order, or the numbers.
Value* emitTable(llvm::IRBuilder<>& b, Value* array, KernelOp kernel, const Names& names,
                 bool ofBuffers) {
  llvm::SmallVector<uint32_t, 16> places;
  for (BlockArgument name : names)
    if (isBuffer(name) == ofBuffers)
      places.push_back(uint32_t(placeOf(name, kernel.getBody().getArguments())));
  if (places.empty()) return array;
  llvm::Module& module = *b.GetInsertBlock()->getModule();
  auto* constant = llvm::ConstantDataArray::get(b.getContext(), places);
  auto* global = new llvm::GlobalVariable(module, constant->getType(), true,
                                          llvm::GlobalValue::PrivateLinkage, constant, "places");
  llvm::Type* slot = ofBuffers ? static_cast<llvm::Type*>(b.getPtrTy()) : b.getInt64Ty();
  llvm::BasicBlock& entry = b.GetInsertBlock()->getParent()->getEntryBlock();
  llvm::IRBuilder<> first(&entry, entry.begin());
  Value* table = first.CreateAlloca(llvm::ArrayType::get(slot, places.size()));
  b.CreateCall(gatherFunction(b, slot), {table, array, global, b.getInt64(places.size())});
  return table;
}

// Chunks of all parts, and so of all phases, are numbered one after another.
void emitDispatch(llvm::Function* function, KernelOp kernel, llvm::ArrayRef<PartCode> parts,
                  const CpuTarget& target) {
  llvm::LLVMContext& context = function->getContext();
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  Arguments arguments(function);
  Value* first = b.getInt64(0);
  for (const PartCode& part : parts) {
    PartEmitter emitter(b, *part.plan, target);
    bindArguments(b, arguments, kernel, {}, kernel.getBody().getArguments(), emitter); // only sizes
    Value* count = emitter.size(part.plan->chunks);
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
    Value *buffers = arguments.buffers, *scalars = arguments.scalars;
    if (part.isShared) {
      buffers = emitTable(b, buffers, kernel, part.names, true);
      scalars = emitTable(b, scalars, kernel, part.names, false);
    }
    b.CreateCall(part.function, {arguments.context, buffers, scalars, begin, end});
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
    emitPartFunction({&plan.parts[0], namesOf(plan.parts[0].part), false, function}, kernel,
                     target);
    return function;
  }
  std::vector<PartCode> parts;
  llvm::SmallVector<size_t> first; // the first part that is like each
  for (auto [k, part] : llvm::enumerate(plan.parts)) {
    parts.push_back({&part, namesOf(part.part)});
    size_t like = 0;
    while (like < k && !(first[like] == like && areAlike(parts[like], parts[k])))
      like++;
    first.push_back(like);
    if (like < k) parts[like].isShared = parts[k].isShared = true;
  }
  size_t functions = 0;
  for (auto [k, part] : llvm::enumerate(parts)) {
    part.function = parts[first[k]].function;
    if (part.function) continue;
    std::string symbol = partSymbol(kernel.getSymName(), functions++);
    part.function = createFunction(module, symbol, false, target);
    emitPartFunction(part, kernel, target);
  }
  emitDispatch(function, kernel, parts, target);
  return function;
}

} // namespace weft::cpu
