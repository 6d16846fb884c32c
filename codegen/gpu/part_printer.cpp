// A part from the outside in: its point, its ops, its loops. See part_printer.h.
#include "codegen/gpu/part_printer.h"

#include "codegen/gpu/scalar_ops.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr size_t kMostOpsSideBySide = 64;

// A C identifier for an index along an axis.
std::string stemOf(AxisAttr axis) {
  std::string stem = "i";
  for (char c : axis.getName().getValue())
    stem += llvm::isAlnum(c) ? c : '_';
  return stem + "_";
}

// Whether several iterations of a loop may stand side by side, so that their loads overlap.
bool isShort(Block& body) {
  return body.getOperations().size() <= kMostOpsSideBySide &&
         llvm::none_of(body, [](Operation& op) { return op.getNumRegions() > 0; });
}

} // namespace

void PartPrinter::print() {
  if (plan.product) return printProduct();
  declareLocals();
  std::string point = "block";
  if (plan.point_per_thread) {
    point = names.fresh("point");
    declareIndex(point, "block * " + std::to_string(kernel.threads) + " + WEFT_THREAD");
    out.open("if (live && " + point + " < " + names.expression(plan.points) + ")");
  }
  printAxes(plan.axes, plan.points, point);
  PartOp part = plan.part;
  if (plan.wide_points)
    printWidePoints(*plan.wide_points);
  else
    printBlock(part.getBody().front());
  if (plan.point_per_thread) out.close();
  // The block's next turn uses the same shared memory.
  if (kernel.strided && !since_barrier_.empty()) barrier();
}

void PartPrinter::declareLocals() {
  for (const LocalPlace& place : plan.locals) {
    LocalOp local = place.local;
    std::string name = names.fresh("tile"), type = memoryType(elementType(local.getType())).str();
    names.set(local, name);
    if (place.space == LocalPlace::Space::kept) {
      int runs = 1;
      for (Operation* user : local->getUsers())
        runs = std::max(runs, plan.wide_loops.find(user->getParentOp())->second.runs);
      out.line(type + " " + name + "[" + std::to_string(runs * kRun) + "];");
      continue;
    }
    if (place.space == LocalPlace::Space::own) {
      int64_t extent = cast<AffineConstantExpr>(place.extent).getValue();
      out.line(type + " " + name + "[" + std::to_string(std::max<int64_t>(extent, 1)) + "];");
      continue;
    }
    bool shared = place.space == LocalPlace::Space::shared;
    std::string space = shared ? "WEFT_SHARED_POINTER " : "WEFT_GLOBAL ";
    std::string from =
        shared
            ? "((WEFT_SHARED_POINTER weft_u8*)shared + " + std::to_string(place.shared_offset) + ")"
            : "(scratch + WEFT_BLOCK * (" + names.expression(kernel.scratch_bytes) + ") + " +
                  names.expression(place.scratch_offset) + ")";
    out.line(space + type + "* const " + name + " = (" + space + type + "*)" + from + ";");
  }
}

void PartPrinter::declareIndex(const std::string& name, const std::string& value) {
  out.line("const " + names.indexType() + " " + name + " = " + value + ";");
}

std::string PartPrinter::operand(AffineExpr expr) const {
  std::string text = names.expression(expr);
  return isa<AffineBinaryOpExpr>(expr) ? "(" + text + ")" : text;
}

void PartPrinter::printAxes(ArrayRef<unsigned> axes, AffineExpr points, std::string point) {
  PartOp part = plan.part;
  auto fixed = dyn_cast<AffineConstantExpr>(points);
  if (fixed && fixed.getValue() <= (int64_t(1) << 31)) point = "(weft_u32)" + point;
  AffineExpr faster = getAffineConstantExpr(1, part.getContext());
  for (size_t i = axes.size(); i-- > 0;) {
    AxisAttr axis = part.getAxis(axes[i]);
    AffineExpr extent = plan.extentOf(axes[i]);
    std::string index = point;
    if (faster != 1) index += " / " + operand(faster);
    if (i > 0) index += " % " + operand(extent);
    if (faster == 0 || extent == 0) index = "0"; // no point at all
    std::string name = names.fresh(stemOf(axis));
    declareIndex(name, index);
    names.set(part.getBody().getArgument(axes[i]), name);
    faster = faster * extent;
  }
}

//===--- Ops ----------------------------------------------------------------------------------===//

void PartPrinter::printBlock(Block& block) {
  for (Operation& op : block.without_terminator())
    printOp(op);
}

void PartPrinter::printOp(Operation& op) {
  if (!rare_.contains(&op)) printNow(op);
}

void PartPrinter::printNow(Operation& op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    names.set(constant, printConstant(constant.getValue()));
  else if (auto load = dyn_cast<LoadOp>(op))
    printLoad(load);
  else if (auto store = dyn_cast<StoreOp>(op))
    printStore(store);
  else if (auto walk = dyn_cast<WalkOp>(op))
    printWalk(walk);
  else if (isa<LoopOp, DotOp>(op))
    printLoop(&op);
  else if (auto require = dyn_cast<RequireOp>(op))
    out.line("if (!" + names.get(require.getCondition()) + ") weft_raise(error, launch, " +
             std::to_string(require.getCode()) + "u);");
  else if (auto choice = dyn_cast<RarelyOp>(op))
    printRarely(choice);
  else if (!isa<LocalOp>(op))
    printScalar(op);
}

void PartPrinter::printRarely(RarelyOp op) {
  SmallVector<Operation*> side =
      rare_.sideOf(op, [&](Operation* o) { return in_branch_.contains(o); });
  if (side.empty()) return printScalar(*op);
  std::string name = names.fresh("v");
  out.line(valueType(op.getType()).str() + " " + name + " = " + names.get(op.getUsual()) + ";");
  out.open("if (" + names.get(op.getCondition()) + ")");
  for (Operation* o : side) {
    printNow(*o);
    in_branch_.insert(o);
  }
  out.line(name + " = " + names.get(op.getRare()) + ";");
  out.close();
  for (Operation* o : side)
    in_branch_.erase(o);
  names.set(op, name);
}

void PartPrinter::printScalar(Operation& op) {
  std::vector<std::string> operands;
  for (Value operand : op.getOperands())
    operands.push_back(names.get(operand));
  std::string text = printScalarOp(&op, operands);
  // Casts between i64 and index are no ops in C where both have 64 bits.
  if (text == operands[0] && !(names.narrow && op.getOperand(0).getType().isIndex())) {
    names.set(op.getResult(0), text);
    return;
  }
  std::string name = names.fresh("v");
  names.set(op.getResult(0), name);
  out.line("const " + valueType(op.getResult(0).getType()).str() + " " + name + " = " + text + ";");
}

//===--- Loops --------------------------------------------------------------------------------===//

PartPrinter::Texts PartPrinter::declareSums(Operation* op) {
  Texts sums;
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    // A dot alone has nothing to start from.
    std::string first = op->getNumOperands() ? names.get(op->getOperand(i))
                                             : printConstant(FloatAttr::get(result.getType(), 0.0));
    std::string name = names.fresh("sum");
    out.line(valueType(result.getType()).str() + " " + name + " = " + first + ";");
    sums.push_back(name);
  }
  return sums;
}

void PartPrinter::printLoop(Operation* op) {
  Texts sums = declareSums(op);
  if (runsAlongThreads(op, plan))
    printSharedLoop(op, sums);
  else
    printSerialLoop(op, sums);
  for (auto [result, sum] : llvm::zip(op->getResults(), sums))
    names.set(result, sum);
}

void PartPrinter::printSharedLoop(Operation* op, ArrayRef<std::string> sums) {
  touch(touchedBy(op));
  own_ = true;
  auto wide = plan.wide_loops.find(op);
  if (wide != plan.wide_loops.end()) {
    printWideLoop(op, wide->second, sums);
  } else {
    if (isShort(op->getRegion(0).front())) out.line("WEFT_UNROLL_4");
    printIterations(op, "WEFT_THREAD", " += " + std::to_string(kernel.threads), sums);
  }
  own_ = false;
  if (!sums.empty()) joinThreads(op, sums);
}

// Around loops that threads share, and around stores, all threads go through the iterations
// together.
void PartPrinter::printSerialLoop(Operation* op, ArrayRef<std::string> sums) {
  if (!isShared()) return printIterations(op, "0", "++", sums);
  bool shared_inside = false;
  op->walk([&](Operation* inner) {
    shared_inside |= isa<StoreOp>(inner) || runsAlongThreads(inner, plan);
  });
  if (!shared_inside) {
    touch(touchedBy(op));
  } else if (!since_barrier_.empty()) {
    barrier();
  }
  printIterations(op, "0", "++", sums);
}

void PartPrinter::openIterations(Operation* op, const std::string& first,
                                 const std::string& step_by, const std::string& guard) {
  AxisAttr axis = *axisOf(op);
  std::string index = names.fresh(stemOf(axis));
  names.set(op->getRegion(0).getArgument(0), index);
  out.open("for (" + names.indexType() + " " + index + " = " + first + "; " + index + " < " +
           names.expression(axis.getExtent().getResult(0)) + guard + "; " + index + step_by + ")");
}

void PartPrinter::printIterations(Operation* op, const std::string& first,
                                  const std::string& step_by, ArrayRef<std::string> sums) {
  openIterations(op, first, step_by);
  printBlock(op->getRegion(0).front());
  step(op, sums);
  if (isShared() && !touchedBy(op).written.empty() && !since_barrier_.empty()) barrier();
  out.close();
}

// Joins what an iteration yields to the sums.
void PartPrinter::step(Operation* op, ArrayRef<std::string> sums) {
  Texts yielded;
  for (Value value : op->getRegion(0).front().getTerminator()->getOperands())
    yielded.push_back(names.get(value));
  if (isa<DotOp>(op) && !isa<FloatType>(op->getResult(0).getType()))
    out.line(sums[0] + " += " + yielded[0] + " * " + yielded[1] + ";"); // of narrow integers
  else if (isa<DotOp>(op))
    out.line(sums[0] + " = fma(" + yielded[0] + ", " + yielded[1] + ", " + sums[0] + ");");
  else if (!sums.empty())
    merge(op, sums, yielded);
}

// Joins accumulated values to the sums.
void PartPrinter::merge(Operation* op, ArrayRef<std::string> sums, ArrayRef<std::string> values) {
  auto loop = dyn_cast<LoopOp>(op);
  if (!loop) {
    out.line(sums[0] + " = " + sums[0] + " + " + values[0] + ";");
    return;
  }
  Block& combine = loop.getCombine().front();
  for (size_t i = 0; i < sums.size(); ++i) {
    names.set(combine.getArgument(unsigned(i)), sums[i]);
    names.set(combine.getArgument(unsigned(sums.size() + i)), values[i]);
  }
  printBlock(combine);
  assign(sums, combine.getTerminator()->getOperands());
}

// Gives variables the values at once.
void PartPrinter::assign(ArrayRef<std::string> variables, ValueRange values) {
  Texts next;
  for (auto [i, value] : llvm::enumerate(values)) {
    next.push_back(names.get(value));
    // A variable that becomes another one is read before it is written.
    if (next[i] == variables[i] || !llvm::is_contained(variables, next[i])) continue;
    std::string copy = names.fresh("v");
    out.line("const " + valueType(value.getType()).str() + " " + copy + " = " + next[i] + ";");
    next[i] = copy;
  }
  for (auto [variable, value] : llvm::zip(variables, next))
    if (variable != value) out.line(variable + " = " + value + ";");
}

// Of a thread's point.
void PartPrinter::printWalk(WalkOp op) {
  Texts carried = declareSums(op);
  for (auto [value, name] : llvm::zip(op.getCarried(), carried))
    names.set(value, name);
  Block& body = op.getBody().front();
  if (isShort(body) && !op.getGuarded()) out.line("WEFT_UNROLL_4");
  openIterations(op, "0", "++", op.getGuarded() ? " && " + carried[0] : "");
  printBlock(body);
  assign(carried, body.getTerminator()->getOperands());
  out.close();
  for (auto [result, name] : llvm::zip(op.getResults(), carried))
    names.set(result, name);
}

std::string PartPrinter::openUnrolled(const char* stem, int first, int end, int step,
                                      const char* how) {
  std::string index = names.fresh(stem);
  out.line(how);
  out.open("for (int " + index + " = " + std::to_string(first) + "; " + index + " < " +
           std::to_string(end) + "; " + index + " += " + std::to_string(step) + ")");
  return index;
}

} // namespace weft::gpu
