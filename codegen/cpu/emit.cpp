// Module to object: plan, emit LLVM IR, LLVM's short pass list, object code.
#include "codegen/cpu/emit.h"

#include "codegen/cpu/kernel_function.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/TimeProfiler.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace weft::loom;

namespace weft::cpu {
namespace {

// The lane that a constant mask of one lane names, or -1.
int singleLane(llvm::Value* mask) {
  auto* constant = llvm::dyn_cast<llvm::Constant>(mask);
  auto* type = llvm::dyn_cast<llvm::FixedVectorType>(mask->getType());
  int lane = -1;
  for (unsigned k = 0; constant && type && k < type->getNumElements(); k++) {
    llvm::Constant* bit = constant->getAggregateElement(k);
    if (!bit || !(bit->isNullValue() || bit->isOneValue())) return -1;
    if (bit->isNullValue()) continue;
    if (lane >= 0) return -1;
    lane = static_cast<int>(k);
  }
  return lane;
}

// Masked stores of one lane become plain ones. LLVM 22's x86 back end joins such a store with the
// truncation before it and then writes the lane at its full width, over what lies behind it: the
// tail of 17 bf16 elements wrote an 18th.
void storeSingleLanes(llvm::Module& module) {
  for (llvm::Function& function : module)
    for (llvm::Instruction& i : llvm::make_early_inc_range(llvm::instructions(function))) {
      auto* store = llvm::dyn_cast<llvm::IntrinsicInst>(&i);
      if (!store || store->getIntrinsicID() != llvm::Intrinsic::masked_store) continue;
      const int lane = singleLane(store->getArgOperand(store->arg_size() - 1));
      if (lane < 0) continue;
      llvm::IRBuilder<> b(store);
      llvm::Value* value = b.CreateExtractElement(store->getArgOperand(0), lane);
      llvm::Value* address = b.CreateConstGEP1_64(value->getType(), store->getArgOperand(1), lane);
      b.CreateAlignedStore(value, address,
                           llvm::Align(value->getType()->getScalarSizeInBits() / 8));
      store->eraseFromParent();
    }
}

// As good as -O2 on what the emitter prints, at half its time; the emitter has already unrolled,
// vectorised and hoisted.
constexpr const char* kPasses =
    "sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
    "loop-mssa(licm),gvn,instcombine<no-verify-fixpoint>";

// The kernel that a function belongs to: its own name or what precedes ".part1".
llvm::StringRef kernelOf(const llvm::Function& function) {
  return function.getName().split('.').first;
}

llvm::Error optimize(llvm::Module& module, llvm::TargetMachine& machine, StepClock& clock) {
  double start = clock.now();
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  llvm::FunctionPassManager passes;
  if (llvm::Error error = builder.parsePassPipeline(passes, kPasses)) return error;
  clock.add("LLVM set-up", {}, start, clock.now() - start);
  for (llvm::Function& function : module)
    if (!function.isDeclaration())
      clock.time(
          "optimize", [&] { functions.invalidate(function, passes.run(function, functions)); },
          kernelOf(function));
  storeSingleLanes(module);
  return llvm::Error::success();
}

llvm::Expected<std::string> generate(llvm::Module& module, llvm::TargetMachine& machine,
                                     llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type, /*DisableVerify=*/true))
    return llvm::createStringError("cpu emitter: the target must write objects, got none for " +
                                   machine.getTargetTriple().str());
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

void attach(KernelOp kernel, const KernelPlan& plan) {
  auto set = [&](llvm::StringRef name, mlir::AffineMap map) {
    kernel->setAttr(name, mlir::AffineMapAttr::get(map));
  };
  set(LoomDialect::kChunksName, plan.chunks);
  set(LoomDialect::kScratchName, plan.scratch_bytes);
  set(LoomDialect::kBytesName, plan.bytes);
  set(LoomDialect::kFlopsName, plan.flops);
  mlir::Builder b(kernel.getContext());
  if (llvm::any_of(plan.parts, [](const PartPlan& part) {
        return part.product && part.product->plan.joinsChunks();
      }))
    kernel->setAttr(LoomDialect::kJoinedName, b.getUnitAttr());
  llvm::SmallVector<mlir::Attribute> panels;
  plan.eachKept([&](const PartPlan& part) {
    const KeptPanels& kept = *part.kept;
    const DotPlan& dot = part.product->plan;
    panels.push_back(b.getArrayAttr(
        {b.getI64IntegerAttr(kept.buffer.getArgNumber()), b.getI64IntegerAttr(kept.count()),
         b.getI64IntegerAttr(kept.bytes(dot)), b.getStringAttr(kept.layout(dot))}));
  });
  if (!panels.empty()) kernel->setAttr(LoomDialect::kPanelsName, b.getArrayAttr(panels));
}

// The part of an assembly listing that belongs to one function. Of its comments only those stay
// that tell of registers on the stack.
std::string cut(llvm::StringRef listing, llvm::StringRef comment, llvm::StringRef symbol) {
  size_t begin = listing.find("\n" + symbol.str() + ":");
  if (begin == llvm::StringRef::npos) return {};
  size_t end = listing.find("\n\t.size\t" + symbol.str() + ",", begin);
  std::string text;
  for (llvm::StringRef rest = listing.slice(begin + 1, end); !rest.empty();) {
    auto [line, next] = rest.split('\n');
    rest = next;
    if (!line.contains("Spill") && !line.contains("Reload")) {
      const bool is_empty = line.empty();
      line = line.split(comment).first.rtrim();
      if (line.empty() && !is_empty) continue;
    }
    text += line.str() + "\n";
  }
  return text;
}

// What LLVM's code generator takes for each function, from its own time trace, goes to the clock as
// steps of kernels; what lies between them as steps of the module.
class GenerateTimes {
public:
  GenerateTimes(StepClock& clock, bool byKernel)
      : clock(clock), byKernel(byKernel && !llvm::timeTraceProfilerEnabled()), start(clock.now()) {
    if (this->byKernel) llvm::timeTraceProfilerInitialize(kGrain, "weft");
  }
  ~GenerateTimes() {
    double end = clock.now(), done = byKernel ? addFunctions() : start;
    clock.add("generate", {}, done, end - done);
    if (byKernel) clock.add("stages", {}, end, clock.now() - end);
  }

private:
  static constexpr unsigned kGrain = 20; // microseconds: shorter ones are not kept

  // Returns when the last one was done.
  double addFunctions() {
    double done = start;
    llvm::SmallString<0> text;
    llvm::raw_svector_ostream stream(text);
    llvm::timeTraceProfilerWrite(stream);
    llvm::timeTraceProfilerCleanup();
    llvm::Expected<llvm::json::Value> trace = llvm::json::parse(text);
    if (!trace) {
      llvm::consumeError(trace.takeError());
      return done;
    }
    for (const llvm::json::Value& value : *trace->getAsObject()->getArray("traceEvents")) {
      const llvm::json::Object& event = *value.getAsObject();
      const llvm::json::Object* details = event.getObject("args");
      if (event.getString("name") != "OptFunction" || !details) continue;
      llvm::StringRef function = details->getString("detail").value_or("");
      double begin = std::max(done, start + *event.getNumber("ts") * 1e-3);
      clock.add("generate", {}, done, begin - done);
      done = begin + *event.getNumber("dur") * 1e-3;
      clock.add("generate", function.split('.').first, begin, done - begin);
    }
    return done;
  }

  StepClock& clock;
  bool byKernel;
  double start;
};

llvm::Error keepTexts(llvm::Module& code, llvm::TargetMachine& machine, const EmitOptions& options,
                      EmittedModule& result) {
  if (options.keep_llvm)
    for (EmittedKernel& kernel : result.kernels) {
      llvm::raw_string_ostream stream(kernel.llvm_text);
      for (llvm::Function& function : code)
        if (kernelOf(function) == kernel.symbol) function.print(stream);
    }
  if (!options.keep_asm) return llvm::Error::success();
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(code);
  auto listing = generate(*copy, machine, llvm::CodeGenFileType::AssemblyFile);
  if (!listing) return listing.takeError();
  const llvm::StringRef comment = machine.getMCAsmInfo()->getCommentString();
  for (EmittedKernel& kernel : result.kernels) {
    kernel.asm_text = cut(*listing, comment, kernel.symbol);
    std::string part;
    for (int i = 0; !(part = cut(*listing, comment, partSymbol(kernel.symbol, i))).empty(); ++i)
      kernel.asm_text += part;
  }
  return llvm::Error::success();
}

llvm::Error emit(KernelOp kernel, const CpuTarget& target, llvm::Module& code,
                 EmittedModule& result) {
  if (llvm::Error error = checkKernel(kernel, target)) return error;
  KernelPlan plan = planKernel(kernel, target);
  attach(kernel, plan);
  emitKernelFunction(code, kernel, plan, target);
  result.kernels.push_back(
      {kernel.getSymName().str(), {}, {}, plan.chunks, plan.scratch_bytes, plan.bytes, plan.flops});
  return llvm::Error::success();
}

} // namespace

llvm::Expected<EmittedModule> emitKernels(mlir::ModuleOp module, const CpuTarget& target,
                                          const EmitOptions& options) {
  StepClock unheard;
  StepClock& clock = options.clock ? *options.clock : unheard;
  auto machine = clock.time("LLVM set-up", [&] { return target.createMachine(); });
  if (!machine) return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module code("weft", context);
  code.setDataLayout((*machine)->createDataLayout());
  code.setTargetTriple((*machine)->getTargetTriple());
  EmittedModule result;
  for (KernelOp kernel : module.getOps<KernelOp>())
    if (llvm::Error error = clock.time(
            "emit", [&] { return emit(kernel, target, code, result); }, kernel.getSymName()))
      return error;
#ifndef NDEBUG
  std::string broken;
  llvm::raw_string_ostream report(broken);
  if (llvm::verifyModule(code, &report))
    return llvm::createStringError("cpu emitter: emitted IR must be valid, got " + broken);
#endif
  if (llvm::Error error = optimize(code, **machine, clock)) return error;
  if (options.keep_llvm || options.keep_asm)
    if (llvm::Error error =
            clock.time("stages", [&] { return keepTexts(code, **machine, options, result); }))
      return error;
  GenerateTimes times(clock, options.keep_asm);
  auto object = generate(code, **machine, llvm::CodeGenFileType::ObjectFile);
  if (!object) return object.takeError();
  result.object = std::move(*object);
  return result;
}

} // namespace weft::cpu
