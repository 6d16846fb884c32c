#include "passes/pipeline.h"

#include "ir/loom/loom.h"
#include "passes/passes.h"
#include "passes/schedule.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace weft {
namespace {

struct PassInfo {
  StringRef name;
  LogicalResult (*run)(ModuleOp, PassContext&);
  StringRef stage; // under which the IR after it is kept
  bool isOptional = false;
  StringRef summary;
};

// In order. Optional ones only make the result faster, or find nothing to do in a captured segment.
constexpr PassInfo kPasses[] = {
    {"decompose", decompose, "", true, "replaces composites by what their functions call"},
    {"simplify", simplify, "", true, "rewrites ops to simpler ones with the same bits"},
    {"merge-equal", mergeEqual, "weft", true, "merges ops that are equal"},
    {"split-reductions", splitReductions, "", true, "cuts long reductions in two steps"},
    {"tile-products", tileProducts, "", true, "runs softmax between products tile by tile"},
    {"fuse", fuse, "", false, "groups ops into kernels"},
    {"place-outputs", placeOutputs, "fused", false, "gives each output a kernel that may write it"},
    {"lower-to-loom", lowerToLoom, "", false, "makes loom kernels of the groups"},
    {"hoist-reciprocals", hoistReciprocals, "", true, "divides by the sums of rows once a row"},
    {"join-launches", joinLaunches, "", true, "finishes reductions in their own launch"},
    {"plan-memory", planMemory, "", false, "gives each buffer its place"},
    {"merge-kernels", mergeKernels, "loom", true, "makes equal kernels one"},
};

bool isNamed(StringRef list, StringRef name) {
  SmallVector<StringRef> names;
  list.split(names, ',', -1, false);
  return llvm::any_of(names, [&](StringRef n) { return n.trim() == name || n.trim() == "all"; });
}

std::string printed(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os, OpPrintingFlags().useLocalScope().assumeVerified());
  return text;
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
    PassContext context{&remarks, true, true, expand};
    if (failed(info->run(getOperation(), context))) signalPassFailure();
    for (auto& [loc, line] : remarks.lines)
      emitRemark(loc, line);
  }

private:
  const PassInfo* info;
  std::string argument;
  Expand expand;
};

} // namespace

std::string lineOf(Location loc) {
  std::string text;
  loc->walk([&](Location l) {
    if (auto line = dyn_cast<FileLineColLoc>(l)) {
      text = (line.getFilename().strref() + ":" + Twine(line.getLine())).str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return text;
}

std::string Remarks::text() const {
  std::vector<std::string> order;
  llvm::StringMap<unsigned> counts;
  for (auto& [loc, line] : lines) {
    std::string where = lineOf(loc);
    std::string whole = (where.empty() ? "" : where + ": ") + line;
    if (counts[whole]++ == 0) order.push_back(whole);
  }
  std::string text;
  for (const std::string& line : order) {
    unsigned count = counts.lookup(line);
    text += line + (count > 1 ? " (" + std::to_string(count) + " times)" : "") + "\n";
  }
  return text;
}

LogicalResult mergeEqual(ModuleOp module, PassContext&) {
  IRRewriter rewriter(module.getContext());
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, module);
  return success();
}

bool runPipeline(ModuleOp module, const PipelineOptions& options,
                 std::vector<PipelineStage>& stages, std::string& error) {
  std::string first;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic& diagnostic) {
    if (first.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      first = diagnostic.str();
    return success();
  });
  Remarks remarks;
  PassContext context{options.keep_stages ? &remarks : nullptr, !isNamed(options.disable, "fuse"),
                      options.tiles};
  auto keep = [&](StringRef stage) {
    if (options.keep_stages && !stage.empty()) stages.push_back({stage.str(), printed(module)});
  };
  auto fail = [&](StringRef name, StringRef what) {
    error = (name + ": " + what + (first.empty() ? "" : ": " + first)).str();
    return false;
  };
  if (failed(verify(module))) return fail("import", "the segment must make valid IR");
  for (const PassInfo& pass : kPasses) {
    if (pass.isOptional && isNamed(options.disable, pass.name)) {
      keep(pass.stage);
      continue;
    }
    if (failed(pass.run(module, context))) return fail(pass.name, "the pass must succeed");
    if (isNamed(options.print, pass.name))
      llvm::errs() << "// after " << pass.name << "\n" << printed(module);
    if (failed(verify(module))) return fail(pass.name, "the pass must leave valid IR");
    keep(pass.stage);
  }
  loom::ScheduleTarget target;
  target.vector_bits = options.vector_bits;
  for (auto kernel : module.getOps<loom::KernelOp>())
    loom::scheduleKernel(kernel, target);
  if (isNamed(options.print, "schedule")) llvm::errs() << "// after schedule\n" << printed(module);
  if (options.keep_stages) stages.push_back({"remarks", remarks.text()});
  return true;
}

void registerWeftPasses(const Expand& expand) {
  for (const PassInfo& pass : kPasses)
    registerPass([&pass, expand] { return std::make_unique<WeftPass>(pass, expand); });
}

} // namespace weft
