// Wide bodies: what a thread reads of a turn's runs is on its way before the first is computed, 16
// bytes an access. Where memory is not aligned or a run is not whole, elements are accessed one by
// one; which thread computes which does not depend on it, so that sums have the same bits.
#include "codegen/gpu/part_printer.h"

#include "codegen/gpu/scalar_ops.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

const std::string kRunText = std::to_string(kRun);

std::string vectorType(StringRef element, int count) {
  return element.str() + (element.starts_with("weft_") ? "x" : "") + std::to_string(count);
}

template <class Access> Type elementOf(Access access) {
  return elementType(access.getMemory().getType());
}

} // namespace

/// A run of a turn in the text: its number and its first iteration.
struct PartPrinter::Run {
  std::string number, start; // no number where the turn has no other run

  // The number of one of its iterations among those of the thread.
  std::string of(const std::string& iteration) const {
    return number.empty() ? iteration : number + " * " + kRunText + " + " + iteration;
  }
};

void PartPrinter::printWideLoop(Operation* op, const WideBody& wide, ArrayRef<std::string> sums) {
  int64_t apart = int64_t(kernel.threads) * kRun, turns = apart * wide.runs;
  auto fixed = dyn_cast<AffineConstantExpr>(wide.extent);
  Turn turn{wide, "WEFT_THREAD * " + kRunText, apart, fixed && fixed.getValue() % turns == 0,
            declareFlags(wide)};
  auto join = [&] { step(op, sums); };
  if (wide.once) return printTurn(turn, join);
  std::string first = names.fresh("first");
  out.open("for (" + names.indexType() + " " + first + " = " + turn.first + "; " + first + " < " +
           names.expression(wide.extent) + "; " + first + " += " + std::to_string(turns) + ")");
  turn.first = first;
  turn.all |= wide.runs == 1;
  printTurn(turn, join);
  out.close();
}

// The lane axis counts runs.
void PartPrinter::printWidePoints(const WideBody& wide) {
  std::string first = names.get(wide.index) + " * " + kRunText;
  printTurn({wide, first, 0, true, declareFlags(wide)}, [] {});
}

// What a load's step must be for it to be contiguous: a size, or nothing.
std::string PartPrinter::stepText(const WideLoad& load) const {
  return load.step ? names.expression(load.step) : "";
}

std::map<std::string, std::string> PartPrinter::declareFlags(const WideBody& wide) {
  std::map<std::string, SmallVector<std::string>> conditions;
  auto add = [&](auto access, const std::string& step) {
    int64_t bytes = elementBytes(elementOf(access)) * elementsOfAccess(elementOf(access));
    std::string condition =
        "WEFT_IS_ALIGNED(&" + elementAt(access, wide, "0") + ", " + std::to_string(bytes) + ")";
    SmallVector<std::string>& of_step = conditions[step];
    if (of_step.empty() && !step.empty()) of_step.push_back(step + " == 1");
    if (!llvm::is_contained(of_step, condition)) of_step.push_back(condition);
  };
  std::string named = names.get(wide.index);
  for (const WideLoad& load : wide.loads)
    if (!wide.once || !kept_.count(elementAt(load.op, wide, "@"))) add(load.op, stepText(load));
  for (StoreOp store : wide.stores)
    add(store, "");
  names.set(wide.index, named);
  std::map<std::string, std::string> flags;
  for (auto& [step, all] : conditions) {
    flags[step] = names.fresh("aligned");
    out.line("const bool " + flags[step] + " = " + llvm::join(all, " && ") + ";");
  }
  return flags;
}

template <class Access>
std::string PartPrinter::elementAt(Access access, const WideBody& wide, const std::string& index) {
  names.set(wide.index, index);
  return element(access.getMemory(), access.getMap(), access.getIndices());
}

void PartPrinter::printTurn(const Turn& turn, llvm::function_ref<void()> behind) {
  const WideBody& wide = turn.body;
  SmallVector<std::pair<LoadOp, std::string>> loads;
  std::map<std::string, SmallVector<std::pair<LoadOp, std::string>>> missing; // by flag
  std::map<std::string, std::string> arrays;
  if (wide.once) arrays = kept_;
  for (const WideLoad& each : wide.loads) {
    LoadOp load = each.op;
    auto [known, isNew] = arrays.try_emplace(elementAt(load, wide, "@"));
    if (isNew) {
      known->second = names.fresh("x");
      out.line(memoryType(elementOf(load)).str() + " " + known->second + "[" +
               std::to_string(wide.runs * kRun) + "];");
      missing[turn.flags.at(stepText(each))].push_back({load, known->second});
    }
    loads.push_back({load, known->second});
    if (wide.once && isa<BufferType>(load.getMemory().getType()))
      kept_[known->first] = known->second;
  }
  for (auto& [flag, some] : missing)
    fetch(turn, flag, some);
  int outside = out.depth();
  Run run = openRun(turn);
  SmallVector<std::pair<StoreOp, std::string>> stores;
  for (StoreOp store : wide.stores) {
    stores.push_back({store, names.fresh("y")});
    out.line(memoryType(elementOf(store)).str() + " " + stores.back().second + "[" + kRunText +
             "];");
  }
  int inside = out.depth();
  auto [number, index] = openElements(turn, run);
  of_thread_ = run.of(number);
  for (auto& [load, array] : loads)
    registers_[load] = array + "[" + of_thread_ + "]";
  for (auto& [store, array] : stores)
    registers_[store] = array + "[" + number + "]";
  names.set(wide.index, index);
  printBlock(*wide.body);
  behind();
  out.closeTo(inside);
  putDown(turn, run, stores);
  out.closeTo(outside);
  registers_.clear();
}

std::string PartPrinter::openUnrolledRun(const char* stem, int end) {
  return openUnrolled(stem, 0, end, 1, "WEFT_UNROLL_RUN");
}

// Opens a loop over the runs of a turn that start inside of the extent.
PartPrinter::Run PartPrinter::openRun(const Turn& turn) {
  bool several = turn.body.runs > 1;
  Run run{several ? openUnrolledRun("u", turn.body.runs) : "", names.fresh("start")};
  declareIndex(run.start,
               turn.first +
                   (several ? " + " + run.number + " * " + std::to_string(turn.apart) : ""));
  if (!turn.all) out.open("if (" + run.start + " < " + names.expression(turn.body.extent) + ")");
  return run;
}

// Opens a loop over the iterations of a run that are inside of the extent; returns their numbers in
// the run and in all.
std::pair<std::string, std::string> PartPrinter::openElements(const Turn& turn, const Run& run) {
  std::string number = openUnrolledRun("j", kRun), index = names.fresh("i");
  declareIndex(index, run.start + " + " + number);
  if (!turn.body.hasWholeRuns())
    out.open("if (" + index + " < " + names.expression(turn.body.extent) + ")");
  return {number, index};
}

// Opens a branch for aligned and whole runs.
void PartPrinter::openWide(const Turn& turn, const Run& run, const std::string& flag) {
  out.open("if (" + flag +
           (turn.body.hasWholeRuns() ? ")"
                                     : " && " + run.start + " + " + kRunText +
                                           " <= " + names.expression(turn.body.extent) + ")"));
}

void PartPrinter::fetch(const Turn& turn, const std::string& flag,
                        ArrayRef<std::pair<LoadOp, std::string>> loads) {
  int outside = out.depth();
  auto printWide = [&](const Run& run) {
    for (auto& [load, array] : loads)
      printRun(load, elementAt(load, turn.body, run.start),
               [&, &array = array](const std::string& part, int at) {
                 out.line(array + "[" + run.of(std::to_string(at)) + "] = " + part + ";");
               });
  };
  auto printElements = [&](const Run& run) {
    auto [number, index] = openElements(turn, run);
    for (auto& [load, array] : loads)
      out.line(array + "[" + run.of(number) + "] = " + elementAt(load, turn.body, index) + ";");
  };
  if (!turn.body.hasWholeRuns() || turn.body.runs == 1) {
    Run run = openRun(turn);
    int inside = out.depth();
    openWide(turn, run, flag);
    printWide(run);
    out.closeTo(inside);
    out.open("else");
    printElements(run);
    return out.closeTo(outside);
  }
  // One branch around all runs, so that nothing stands between their accesses.
  out.open("if (" + flag + ")");
  printWide(openRun(turn));
  out.closeTo(outside);
  out.open("else");
  printElements(openRun(turn));
  out.closeTo(outside);
}

// Loads the run that starts at an element, 16 bytes at a time.
void PartPrinter::printRun(LoadOp load, const std::string& from,
                           llvm::function_ref<void(const std::string&, int)> use) {
  int count = elementsOfAccess(elementOf(load));
  std::string vector = vectorType(memoryType(elementOf(load)), count);
  std::string space = spaceOf(load.getMemory());
  for (int k = 0; k < kRun / count; ++k) {
    std::string name = names.fresh("v");
    out.line("const " + vector + " " + name + " = ((const " + space + " " + vector + "*)&" + from +
             ")[" + std::to_string(k) + "];");
    for (int part = 0; part < count; ++part)
      use(name + "." + "xyzw"[part], k * count + part);
  }
}

void PartPrinter::putDown(const Turn& turn, const Run& run,
                          ArrayRef<std::pair<StoreOp, std::string>> stores) {
  for (auto [store, array] : stores) {
    int outside = out.depth();
    bool toBuffer = isa<BufferType>(store.getMemory().getType());
    if (toBuffer) kept_.clear();
    if (toBuffer && !plan.point_per_thread) out.open("if (live)");
    int inside = out.depth();
    openWide(turn, run, turn.flags.at(""));
    int count = elementsOfAccess(elementOf(store));
    std::string vector = vectorType(memoryType(elementOf(store)), count);
    std::string to = elementAt(store, turn.body, run.start);
    for (int k = 0; k < kRun / count; ++k) {
      std::string name = names.fresh("v");
      out.line(vector + " " + name + ";");
      for (int part = 0; part < count; ++part)
        out.line(name + "." + "xyzw"[part] + " = " + array + "[" +
                 std::to_string(k * count + part) + "];");
      out.line("((" + spaceOf(store.getMemory()) + " " + vector + "*)&" + to + ")[" +
               std::to_string(k) + "] = " + name + ";");
    }
    out.closeTo(inside);
    out.open("else");
    auto [number, index] = openElements(turn, run);
    out.line(elementAt(store, turn.body, index) + " = " + array + "[" + number + "];");
    out.closeTo(outside);
  }
}

std::string PartPrinter::spaceOf(Value memory) const {
  for (const LocalPlace& place : plan.locals) {
    LocalOp local = place.local;
    if (local.getResult() == memory && place.space == LocalPlace::Space::shared)
      return "WEFT_SHARED_POINTER";
  }
  return "WEFT_GLOBAL";
}

} // namespace weft::gpu
