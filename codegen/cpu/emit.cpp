// Module to objects: plan, emit LLVM IR, LLVM's short pass list, object code.
#include "codegen/cpu/emit.h"

#include "codegen/cpu/kernel_function.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Threading.h"
#include "llvm/Support/TimeProfiler.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

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

// Kernels that LLVM compiles together, with all that it needs for it: units are compiled side by
// side.
struct Unit {
  explicit Unit(std::unique_ptr<llvm::TargetMachine> machine) : machine(std::move(machine)) {
    code.setDataLayout(this->machine->createDataLayout());
    code.setTargetTriple(this->machine->getTargetTriple());
  }
  // Its size decides, not how many cores there are, so that everywhere the same code comes out.
  bool isFull() const { return code.getInstructionCount() >= kInstructions; }

  static constexpr unsigned kInstructions = 1000; // some 20 ms
  llvm::LLVMContext context;
  llvm::Module code{"weft", context};
  std::unique_ptr<llvm::TargetMachine> machine;
  std::string object;
};
using Units = std::vector<std::unique_ptr<Unit>>;

// Tiles of products and the like are functions of their own, which kernels share: one unit keeps
// each, the others call it there.
void shareFunctions(Units& units) {
  llvm::StringSet<> known;
  for (auto& unit : units)
    for (llvm::Function& function : unit->code) {
      if (!function.getName().starts_with("weft.") || function.isDeclaration()) continue;
      if (!known.insert(function.getName()).second) function.deleteBody();
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
}

// Calls f for each, on as many threads as there are cores.
llvm::Error eachAtOnce(Units& units, llvm::function_ref<llvm::Error(Unit&)> f) {
  llvm::Error all = llvm::Error::success();
  std::mutex mutex;
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t k; (k = next++) < units.size();) {
      llvm::Error error = f(*units[k]);
      std::lock_guard<std::mutex> lock(mutex);
      all = llvm::joinErrors(std::move(all), std::move(error));
    }
  };
  const unsigned cores = llvm::hardware_concurrency().compute_thread_count();
  std::vector<std::jthread> others;
  try {
    for (size_t k = 1; k < std::min<size_t>(cores, units.size()); k++)
      others.emplace_back(work);
  } catch (const std::system_error&) {
    // No more threads than there are: what has started, and this one, do it all.
  }
  work();
  others.clear();
  return all;
}

llvm::Error optimize(Unit& unit, StepClock& clock) {
  double start = clock.now();
  llvm::PassBuilder builder(unit.machine.get());
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
  for (llvm::Function& function : unit.code)
    if (!function.isDeclaration())
      clock.time(
          "optimize", [&] { functions.invalidate(function, passes.run(function, functions)); },
          kernelOf(function));
  storeSingleLanes(unit.code);
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

llvm::Error generateObject(Unit& unit) {
  auto object = generate(unit.code, *unit.machine, llvm::CodeGenFileType::ObjectFile);
  if (!object) return object.takeError();
  unit.object = std::move(*object);
  return llvm::Error::success();
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

llvm::Error keepTexts(Unit& unit, const EmitOptions& options, EmittedModule& result) {
  llvm::StringMap<EmittedKernel*> kernels;
  for (EmittedKernel& kernel : result.kernels)
    kernels[kernel.symbol] = &kernel;
  llvm::SmallVector<EmittedKernel*> own;
  for (llvm::Function& function : unit.code) {
    EmittedKernel* kernel = kernels.lookup(kernelOf(function));
    if (!kernel) continue;
    if (function.getName() == kernel->symbol) own.push_back(kernel);
    if (!options.keep_llvm) continue;
    llvm::raw_string_ostream stream(kernel->llvm_text);
    function.print(stream);
  }
  if (!options.keep_asm) return llvm::Error::success();
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(unit.code);
  auto listing = generate(*copy, *unit.machine, llvm::CodeGenFileType::AssemblyFile);
  if (!listing) return listing.takeError();
  const llvm::StringRef comment = unit.machine->getMCAsmInfo()->getCommentString();
  for (EmittedKernel* kernel : own) {
    kernel->asm_text = cut(*listing, comment, kernel->symbol);
    std::string part;
    for (int i = 0; !(part = cut(*listing, comment, partSymbol(kernel->symbol, i))).empty(); ++i)
      kernel->asm_text += part;
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

llvm::Error emitUnits(mlir::ModuleOp module, const CpuTarget& target, StepClock& clock,
                      Units& units, EmittedModule& result) {
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    if (units.empty() || units.back()->isFull()) {
      auto machine = clock.time("LLVM set-up", [&] { return target.createMachine(); });
      if (!machine) return machine.takeError();
      units.push_back(std::make_unique<Unit>(std::move(*machine)));
    }
    if (llvm::Error error = clock.time(
            "emit", [&] { return emit(kernel, target, units.back()->code, result); },
            kernel.getSymName()))
      return error;
  }
#ifndef NDEBUG
  std::string broken;
  llvm::raw_string_ostream report(broken);
  for (auto& unit : units)
    if (llvm::verifyModule(unit->code, &report))
      return llvm::createStringError("cpu emitter: emitted IR must be valid, got " + broken);
#endif
  if (units.size() > 1) shareFunctions(units);
  return llvm::Error::success();
}

// One unit after the other, so that each kernel has times and texts of its own.
llvm::Error compileInTurn(Units& units, const EmitOptions& options, StepClock& clock,
                          EmittedModule& result) {
  for (auto& unit : units) {
    if (llvm::Error error = optimize(*unit, clock)) return error;
    if (llvm::Error error = clock.time("stages", [&] { return keepTexts(*unit, options, result); }))
      return error;
    GenerateTimes times(clock, options.keep_asm);
    if (llvm::Error error = generateObject(*unit)) return error;
  }
  return llvm::Error::success();
}

llvm::Error compileAtOnce(Units& units, StepClock& clock) {
  auto optimizeOne = [](Unit& unit) {
    StepClock unheard;
    return optimize(unit, unheard);
  };
  if (llvm::Error error = clock.time("optimize", [&] { return eachAtOnce(units, optimizeOne); }))
    return error;
  return clock.time("generate", [&] { return eachAtOnce(units, generateObject); });
}

} // namespace

llvm::Expected<EmittedModule> emitKernels(mlir::ModuleOp module, const CpuTarget& target,
                                          const EmitOptions& options) {
  StepClock unheard;
  StepClock& clock = options.clock ? *options.clock : unheard;
  Units units;
  EmittedModule result;
  if (llvm::Error error = emitUnits(module, target, clock, units, result)) return error;
  const bool keepsTexts = options.keep_llvm || options.keep_asm;
  if (llvm::Error error =
          keepsTexts ? compileInTurn(units, options, clock, result) : compileAtOnce(units, clock))
    return error;
  for (auto& unit : units)
    result.objects.push_back(std::move(unit->object));
  return result;
}

} // namespace weft::cpu
