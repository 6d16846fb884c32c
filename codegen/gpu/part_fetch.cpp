// Stretches of a product's factors: from memory into registers, from there into shared memory.
#include "codegen/gpu/part_side.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

// Whether an op reads where a value says. What a stopped launch left there may be any number.
bool isGather(Operation* op) {
  auto load = dyn_cast<LoadOp>(op);
  return load && !llvm::all_of(load.getIndices(), [](Value i) { return isa<BlockArgument>(i); });
}

} // namespace

// Opens a loop over the thread's share of a stretch of a factor, by runs or by elements. Threads
// side by side take what is side by side in memory.
PartPrinter::Fetched PartPrinter::openFetched(const Side& s) {
  int each = s.runs ? kRun : 1;
  std::string e = openUnrolled("e", 0, s.fetched / each), at = names.fresh("at");
  out.line("const int " + at + " = (int)WEFT_THREAD + " + e + " * " +
           text(plan.product->threads()) + ";");
  std::string width = text((s.side.k_fast ? s.steps : s.tile) / each);
  std::string slow = at + " / " + width, fast = at + " % " + width;
  if (s.runs) {
    e += " * " + text(kRun);
    fast += " * " + text(kRun);
  }
  return {e, s.side.k_fast ? slow : fast, s.side.k_fast ? fast : slow};
}

// What must hold for `count` elements from a row and a step on to be inside of the factor.
PartPrinter::Texts PartPrinter::insideOf(const Side& s, const std::string& row,
                                         const std::string& k, int count) {
  const ProductPlan& product = *plan.product;
  Texts inside;
  auto last = [&](const std::string& first, bool fast) {
    return first + (fast && count > 1 ? " + " + text(count - 1) : "");
  };
  if (!isMultiple(s.side.extent, s.tile))
    inside.push_back(last(row, !s.side.k_fast) + " < " + names.expression(s.side.extent));
  if (!isMultiple(product.depth, s.steps))
    inside.push_back(last(k, s.side.k_fast) + " < " + names.expression(product.depth));
  return inside;
}

// Fetches the thread's share of a stretch; `first` is the number of its first step with a plus
// sign, or nothing. What lies outside of the factor is 0.
void PartPrinter::printFetch(const Side& s, const std::string& first) {
  Fetched fetched = openFetched(s);
  std::string row = names.fresh("row"), k = names.fresh("k");
  declareIndex(row, s.start + " + " + fetched.row);
  declareIndex(k, first + fetched.step);
  if (s.runs)
    printFetchRun(s, fetched, row, k);
  else
    printFetchElement(s, s.next + "[" + fetched.number + "]", row, k);
  out.close();
}

// Computes one element of a factor.
void PartPrinter::printFetchElement(const Side& s, const std::string& to, const std::string& row,
                                    const std::string& k) {
  DotOp dot = plan.product->dot;
  Texts inside = insideOf(s, row, k, 1);
  if (llvm::any_of(s.side.ops, isGather)) inside.push_back("live");
  int outside = out.depth();
  if (!inside.empty()) {
    out.line(to + " = 0;");
    out.open("if (" + llvm::join(inside, " && ") + ")");
  }
  names.set(dot.getIndex(), k);
  printAxes(s.side.axes, s.side.extent, row);
  for (Operation* op : s.side.ops)
    printOp(*op);
  out.line(to + " = " + names.get(s.side.factor) + ";");
  out.closeTo(outside);
}

// Computes a run of a factor: contiguous loads first, 16 bytes at a time where they may be.
void PartPrinter::printFetchRun(const Side& s, const Fetched& fetched, const std::string& row,
                                const std::string& k) {
  DotOp dot = plan.product->dot;
  auto at = [&](const std::string& number) {
    return std::pair(s.side.k_fast ? row : "(" + row + " + " + number + ")",
                     s.side.k_fast ? "(" + k + " + " + number + ")" : k);
  };
  SmallVector<std::string> arrays;
  for (LoadOp load : s.side.wide_loads) {
    arrays.push_back(names.fresh("x"));
    out.line(memoryType(elementType(load.getMemory().getType())).str() + " " + arrays.back() + "[" +
             text(kRun) + "];");
  }
  int outside = out.depth();
  names.set(dot.getIndex(), k);
  Texts inside = insideOf(s, row, k, kRun);
  if (!inside.empty()) out.open("if (" + llvm::join(inside, " && ") + ")");
  printAxes(s.side.axes, s.side.extent, row);
  for (auto [each, array] : llvm::zip(s.side.wide_loads, arrays)) {
    LoadOp load = each;
    // The run's own address is asked: nothing need be known of the factor's strides.
    Type type = elementType(load.getMemory().getType());
    std::string from = element(load.getMemory(), load.getMap(), load.getIndices());
    int64_t bytes = elementBytes(type) * elementsOfAccess(type);
    int here = out.depth();
    out.open("if (WEFT_IS_ALIGNED(&" + from + ", " + text(bytes) + "))");
    printRun(load, from, [&, &array = array](const std::string& part, int i) {
      out.line(array + "[" + text(i) + "] = " + part + ";");
    });
    out.closeTo(here);
    out.open("else");
    std::string i = openUnrolled("i", 0, kRun);
    out.line(array + "[" + i + "] = (&" + from + ")[" + i + "];");
    out.closeTo(here);
  }
  out.closeTo(outside);
  if (!inside.empty()) printFetchEdge(s, arrays, row, k);
  std::string j = openUnrolled("j", 0, kRun);
  for (auto [load, array] : llvm::zip(s.side.wide_loads, arrays))
    registers_[load] = array + "[" + j + "]";
  auto [row_j, k_j] = at(j);
  std::string to = s.next + "[" + fetched.number + " + " + j + "]";
  printFetchElement(s, to, row_j, k_j);
  registers_.clear();
  out.closeTo(outside);
}

// The same for a run that is cut by the factor's end.
void PartPrinter::printFetchEdge(const Side& s, ArrayRef<std::string> arrays,
                                 const std::string& row, const std::string& k) {
  DotOp dot = plan.product->dot;
  int outside = out.depth();
  out.open("else");
  std::string j = openUnrolled("j", 0, kRun);
  std::string row_j = s.side.k_fast ? row : "(" + row + " + " + j + ")";
  std::string k_j = s.side.k_fast ? "(" + k + " + " + j + ")" : k;
  out.open("if (" + llvm::join(insideOf(s, row_j, k_j, 1), " && ") + ")");
  names.set(dot.getIndex(), k_j);
  printAxes(s.side.axes, s.side.extent, row_j);
  for (auto [each, array] : llvm::zip(s.side.wide_loads, arrays)) {
    LoadOp load = each;
    out.line(array + "[" + j +
             "] = " + element(load.getMemory(), load.getMap(), load.getIndices()) + ";");
  }
  out.closeTo(outside);
}

void PartPrinter::printKeep(const Side& s, const std::string& half) {
  Fetched fetched = openFetched(s);
  std::string to = "(" + s.half(half) + ")[";
  if (!s.runs) {
    out.line(to + fetched.step + " * " + text(s.pitch) + " + " + fetched.row + "] = " + s.next +
             "[" + fetched.number + "];");
  } else if (s.side.k_fast) {
    std::string j = openUnrolled("j", 0, kRun);
    out.line(to + "(" + fetched.step + " + " + j + ") * " + text(s.pitch) + " + " + fetched.row +
             "] = " + s.next + "[" + fetched.number + " + " + j + "];");
    out.close();
  } else {
    int count = plan.product->vector();
    std::string vector = valueType(plan.product->type).str() + text(count);
    for (int k = 0; k < kRun / count; ++k) {
      std::string value = names.fresh("v");
      out.line(vector + " " + value + ";");
      for (int part = 0; part < count; ++part)
        out.line(value + "." + "xyzw"[part] + " = " + s.next + "[" + fetched.number + " + " +
                 text(k * count + part) + "];");
      out.line("*(WEFT_SHARED_POINTER " + vector + "*)(" + s.half(half) + " + (" + fetched.step +
               ") * " + text(s.pitch) + " + " + fetched.row + " + " + text(k * count) +
               ") = " + value + ";");
    }
  }
  out.close();
}

} // namespace weft::gpu
