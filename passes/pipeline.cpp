#include "passes/pipeline.h"

#include "ir/loom/loom.h"
#include "ir/weft/weft.h"
#include "passes/passes.h"
#include "passes/schedule.h"
#include "passes/typical_size.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/StringExtras.h"

#include <cstdlib>
#include <mutex>

using namespace mlir;

namespace weft {
namespace {

// What a pass is for: a processor has caches for tiles of a result, a device idle multiprocessors.
enum class Target { any, processor, device };

struct PassInfo {
  StringRef name;
  LogicalResult (*run)(ModuleOp, PassContext&);
  StringRef stage; // under which the IR after it is kept
  bool isOptional = false;
  StringRef summary;
  Target target = Target::any;
};

// In order. Optional ones only make the result faster, or find nothing to do in a captured segment.
constexpr PassInfo kPasses[] = {
    {"keep-saved", keepSaved, "", true, "keeps for a backward pass what is dear to make again"},
    {"decompose", decompose, "", true, "replaces composites by what their functions call"},
    {"pool-values", poolValues, "", true, "folds maxima over windows tap by tap"},
    {"simplify", simplify, "", true, "rewrites ops to simpler ones with the same bits"},
    {"merge-equal", mergeEqual, "weft", true, "merges ops that are equal"},
    {"check-indices", checkIndices, "", true, "checks indices before anything is written"},
    {"recompute", recompute, "", true, "computes again what would be kept for long"},
    {"order-reductions", orderReductions, "", true, "reduces elements in the order of memory"},
    {"split-reductions", splitReductions, "", true, "cuts long reductions in two steps"},
    {"split-products", splitProducts, "", true, "cuts products with few tiles in pieces",
     Target::device},
    {"tile-products", tileProducts, "", true, "runs softmax between products tile by tile",
     Target::processor},
    {"fuse", fuse, "", false, "groups ops into kernels"},
    {"place-outputs", placeOutputs, "fused", false, "gives each output a kernel that may write it"},
    {"lower-to-loom", lowerToLoom, "", false, "makes loom kernels of the groups"},
    {"hoist-reciprocals", hoistReciprocals, "", true, "divides by the sums of rows once a row"},
    {"join-launches", joinLaunches, "", true, "finishes reductions in their own launch"},
    {"write-in-place", writeInPlace, "", true, "writes results over what nobody reads afterwards"},
    {"plan-memory", planMemory, "", false, "gives each buffer its place"},
    {"split-ranges", splitRanges, "", true, "cuts axes where a condition changes"},
    {"narrow-positions", narrowPositions, "", true, "counts positions beside floats in floats"},
    {"merge-kernels", mergeKernels, "loom", true, "makes equal kernels one"},
};

constexpr StringRef kSchedule = "schedule", kAll = "all";

SmallVector<StringRef> namesIn(StringRef list) {
  SmallVector<StringRef> names;
  list.split(names, ',', -1, false);
  for (StringRef& name : names)
    name = name.trim();
  return names;
}

bool isNamed(StringRef list, StringRef name) {
  return llvm::any_of(namesIn(list), [&](StringRef n) { return n == name || n == kAll; });
}

// Says once on the standard error what an environment variable names that is no pass, or none that
// can be left out.
void checkVariable(const char* variable, bool isToDisable) {
  const char* list = std::getenv(variable);
  if (!list) return;
  SmallVector<StringRef> known = {kAll};
  for (const PassInfo& pass : kPasses)
    if (pass.isOptional || !isToDisable) known.push_back(pass.name);
  // Without "fuse" each op is a kernel of its own, though the pass runs.
  known.push_back(isToDisable ? "fuse" : kSchedule);
  for (StringRef name : namesIn(list))
    if (!llvm::is_contained(known, name))
      llvm::errs() << "weft: " << variable << " must name passes of " << llvm::join(known, ", ")
                   << ", got '" << name << "'\n";
}

class WeftPass : public PassWrapper<WeftPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WeftPass)
  WeftPass(const PassInfo& info, const Expand& expand)
      : info(&info), argument(("weft-" + info.name).str()), expand(expand) {}
  WeftPass(const WeftPass& other)
      : PassWrapper(other), info(other.info), argument(other.argument), expand(other.expand) {}

  StringRef getArgument() const override { return argument; }
  StringRef getDescription() const override { return info->summary; }
  StringRef getName() const override { return info->name; }
  void getDependentDialects(DialectRegistry& registry) const override {
    registry.insert<loom::LoomDialect, arith::ArithDialect>();
  }
  void runOnOperation() override {
    Remarks remarks;
    PassContext context{&remarks, true, expand};
    if (failed(info->run(getOperation(), context))) signalPassFailure();
    for (const Remark& remark : remarks.list)
      emitRemark(remark.loc, textOf(remark));
  }

private:
  const PassInfo* info;
  std::string argument;
  Expand expand;
};

} // namespace

LogicalResult mergeEqual(ModuleOp module, PassContext&) {
  IRRewriter rewriter(module.getContext());
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, module);
  return success();
}

namespace {

bool runPasses(ModuleOp module, const PipelineOptions& options, double byteWorth,
               PipelineReport& report) {
  StepClock& clock = report.clock;
  std::string first;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic& diagnostic) {
    if (first.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      first = diagnostic.str();
    return success();
  });
  PassContext context{&report.remarks, !isNamed(options.disable, "fuse")};
  context.byteWorth = byteWorth;
  context.isForDevice = !options.tiles;
  auto keep = [&](StringRef stage) {
    if (!options.keep_stages || stage.empty()) return;
    clock.time("stages", [&] { report.stages.push_back({stage.str(), printStage(module)}); });
  };
  auto isValid = [&] { return succeeded(clock.time("verify", [&] { return verify(module); })); };
  auto fail = [&](StringRef name, StringRef what) {
    report.error = (name + ": " + what + (first.empty() ? "" : ": " + first)).str();
    return false;
  };
  if (!isValid()) return fail("import", "the segment must make valid IR");
  const Target other = options.tiles ? Target::device : Target::processor;
  for (const PassInfo& pass : kPasses) {
    if (pass.target == other || (pass.isOptional && isNamed(options.disable, pass.name))) {
      keep(pass.stage);
      continue;
    }
    if (failed(clock.time(pass.name, [&] { return pass.run(module, context); })))
      return fail(pass.name, "the pass must succeed");
    if (isNamed(options.print, pass.name))
      llvm::errs() << "// after " << pass.name << "\n" << printStage(module).text;
    if (!isValid()) return fail(pass.name, "the pass must leave valid IR");
    keep(pass.stage);
  }
  loom::ScheduleTarget target;
  target.vector_bits = options.vector_bits;
  target.inner_lanes = options.tiles; // on a CPU
  clock.time(kSchedule, [&] {
    for (auto kernel : module.getOps<loom::KernelOp>())
      loom::scheduleKernel(kernel, target);
  });
  if (isNamed(options.print, kSchedule))
    llvm::errs() << "// after schedule\n" << printStage(module).text;
  return isValid() || fail(kSchedule, "it must leave valid IR");
}

// Bytes of the arena and of what is kept for a backward pass, where sizes are known.
std::optional<int64_t> workspaceOf(ModuleOp module) {
  auto function = *module.getOps<func::FuncOp>().begin();
  auto arena = function->getAttrOfType<AffineMapAttr>(ir::kArenaName).getValue().getResult(0);
  auto bytes = dyn_cast<AffineConstantExpr>(arena);
  if (!bytes) return std::nullopt;
  double kept = 0;
  Operation* end = function.getBody().front().getTerminator();
  for (auto [k, v] : llvm::enumerate(end->getOperands()))
    if (function.getResultAttr(k, ir::kSavedName)) kept += typicalBytes(v);
  return bytes.getValue() + static_cast<int64_t>(kept);
}

} // namespace

bool runPipeline(ModuleOp module, const PipelineOptions& options, PipelineReport& report) {
  static std::once_flag checked;
  std::call_once(checked, [] {
    checkVariable("WEFT_DISABLE_PASSES", true);
    checkVariable("WEFT_PRINT_PASSES", false);
  });
  if (!options.memory_budget) return runPasses(module, options, kUsualByteWorth, report);
  // What a byte is worth rises until the program fits, or everything cheap is computed again.
  constexpr double kEverything = std::numeric_limits<double>::infinity();
  for (double worth : {kUsualByteWorth, 1.0, 4.0, kEverything}) {
    OwningOpRef<ModuleOp> attempt = module.clone();
    report.stages.clear();
    report.remarks.list.clear();
    if (!runPasses(*attempt, options, worth, report)) return false;
    std::optional<int64_t> bytes = workspaceOf(*attempt);
    if (worth < kEverything && bytes && *bytes > options.memory_budget) continue;
    module->setAttrs(attempt.get()->getAttrDictionary());
    module.getBodyRegion().takeBody(attempt->getBodyRegion());
    break;
  }
  return true;
}

void registerWeftPasses(const Expand& expand) {
  for (const PassInfo& pass : kPasses)
    registerPass([&pass, expand] { return std::make_unique<WeftPass>(pass, expand); });
}

} // namespace weft
