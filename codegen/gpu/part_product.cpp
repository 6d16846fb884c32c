// Products by tiles. A block keeps two stretches of k in shared memory: while its threads multiply
// one, what they fetch for the other is on its way, and one barrier a stretch is enough.
#include "codegen/gpu/part_printer.h"

#include "codegen/gpu/scalar_ops.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

// An end of more ops than this, all its copies together, is left to a loop over sums in memory.
constexpr size_t kMostOpsUnrolled = 2048;

// The threads of a warp are this many side by side along columns, and 4 along rows: what they read
// of both factors in one step are few different places.
constexpr int kWarpColumns = 8, kWarpRows = kWarp / kWarpColumns;

bool isMultiple(AffineExpr extent, int of) {
  auto fixed = dyn_cast<AffineConstantExpr>(extent);
  return fixed && fixed.getValue() % of == 0;
}

// Whether an op reads where a value says. What a stopped launch left there may be any number.
bool isGather(Operation* op) {
  auto load = dyn_cast<LoadOp>(op);
  return load && !llvm::all_of(load.getIndices(), [](Value i) { return isa<BlockArgument>(i); });
}

std::string text(int64_t number) { return std::to_string(number); }

} // namespace

// A factor in the text.
struct PartPrinter::Side {
  const ProductSide& side;
  std::string start;  // the tile's first row
  std::string thread; // the thread's number along the rows
  std::string shared; // in shared memory: [half][step][row]
  std::string next;   // what the thread has fetched
  int tile, pitch, steps, vector;
  int fetched; // elements of a stretch
  bool runs;   // it fetches whole runs
  std::string half(const std::string& which) const {
    return shared + " + " + which + " * " + text(steps * pitch);
  }
  // Where the thread's i-th row lies in the tile: runs of a vector, so that threads side by side
  // read and write side by side.
  std::string place(const std::string& i) const {
    std::string run = thread + " * " + text(vector);
    if (vector == side.per_thread) return run + " + " + i;
    return i + " / " + text(vector) + " * " + text(side.threads * vector) + " + " + run + " + " +
           i + " % " + text(vector);
  }
};

PartPrinter::Side PartPrinter::declareSide(const ProductSide& side, const std::string& tile_number,
                                           const std::string& thread_number) {
  const ProductPlan& product = *plan.product;
  Side s{side,
         names.fresh("start"),
         names.fresh("thread"),
         names.fresh("tile"),
         names.fresh("next"),
         side.tile(),
         product.pitch(side),
         product.steps,
         std::min(product.vector(), side.per_thread),
         product.fetched(side),
         product.fetchesRuns(side)};
  out.line("const weft_i64 " + s.start + " = " + tile_number + " * " + text(s.tile) + ";");
  out.line("const int " + s.thread + " = " + thread_number + ";");
  out.line(valueType(product.type).str() + " " + s.next + "[" + text(s.fetched) + "];");
  return s;
}

void PartPrinter::printProduct() {
  const ProductPlan& product = *plan.product;
  std::string type = valueType(product.type).str(), thread = "(int)WEFT_THREAD";
  std::string row_tiles = operand(product.rows.extent.ceilDiv(product.rows.tile()));
  std::string column_tiles = operand(product.columns.extent.ceilDiv(product.columns.tile()));
  int warps = product.columns.threads / kWarpColumns; // side by side along columns
  std::string in_warp = thread + " % " + text(kWarp);
  Side rows = declareSide(product.rows, "block / " + column_tiles + " % " + row_tiles,
                          thread + " / " + text(kWarp * warps) + " * " + text(kWarpRows) + " + " +
                              in_warp + " / " + text(kWarpColumns));
  Side columns = declareSide(product.columns, "block % " + column_tiles,
                             thread + " / " + text(kWarp) + " % " + text(warps) + " * " +
                                 text(kWarpColumns) + " + " + in_warp + " % " + text(kWarpColumns));
  printAxes(product.batch_axes, product.batches,
            "(block / " + column_tiles + " / " + row_tiles + ")");
  std::string pointer = "WEFT_SHARED_POINTER " + type + "*";
  out.line(pointer + " const " + rows.shared + " = (" + pointer + ")shared;");
  out.line(pointer + " const " + columns.shared + " = " + rows.half("2") + ";");
  int count = rows.side.per_thread * columns.side.per_thread;
  std::string sums = names.fresh("sums");
  out.line(type + " " + sums + "[" + text(count) + "];");
  std::string i = openUnrolled("i", 0, count);
  out.line(sums + "[" + i + "] = 0;");
  out.close();
  printSteps(rows, columns, sums);
  printTileEnd(rows, columns, sums);
}

void PartPrinter::printSteps(const Side& rows, const Side& columns, const std::string& sums) {
  const ProductPlan& product = *plan.product;
  std::string half = names.fresh("half"), step = names.fresh("step");
  std::string depth = names.expression(product.depth), steps = text(product.steps);
  auto both = [&](auto print) {
    print(rows);
    print(columns);
  };
  out.line("int " + half + " = 0;");
  both([&](const Side& s) { printFetch(s, ""); });
  both([&](const Side& s) { printKeep(s, half); });
  out.line("WEFT_BARRIER();");
  out.open("for (weft_i64 " + step + " = 0; " + step + " < " + depth + "; " + step +
           " += " + steps + ")");
  out.open("if (" + step + " + " + steps + " < " + depth + ")");
  both([&](const Side& s) { printFetch(s, step + " + " + steps + " + "); });
  out.close();
  printMultiply(rows, columns, half, sums);
  out.line(half + " = 1 - " + half + ";");
  both([&](const Side& s) { printKeep(s, half); });
  out.line("WEFT_BARRIER();");
  out.close();
}

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
  if (!isMultiple(product.depth, product.steps))
    inside.push_back(last(k, s.side.k_fast) + " < " + names.expression(product.depth));
  return inside;
}

// Fetches the thread's share of a stretch; `first` is the number of its first step with a plus
// sign, or nothing. What lies outside of the factor is 0.
void PartPrinter::printFetch(const Side& s, const std::string& first) {
  Fetched fetched = openFetched(s);
  std::string row = names.fresh("row"), k = names.fresh("k");
  out.line("const weft_i64 " + row + " = " + s.start + " + " + fetched.row + ";");
  out.line("const weft_i64 " + k + " = " + first + fetched.step + ";");
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
  printFetchElement(s, s.next + "[" + fetched.number + " + " + j + "]", row_j, k_j);
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

// Reads the thread's share of a factor at step k into registers and returns their name.
std::string PartPrinter::printRead(const Side& s, const std::string& half, const std::string& k) {
  std::string type = valueType(plan.product->type).str(), vector = type + text(s.vector);
  std::string factor = names.fresh("x"), read = names.fresh("v");
  out.line(type + " " + factor + "[" + text(s.side.per_thread) + "];");
  std::string i = openUnrolled("i", 0, s.side.per_thread, s.vector);
  out.line("const " + vector + " " + read + " = *(const WEFT_SHARED_POINTER " + vector + "*)(" +
           s.half(half) + " + " + k + " * " + text(s.pitch) + " + " + s.place(i) + ");");
  for (int part = 0; part < s.vector; ++part)
    out.line(factor + "[" + i + " + " + text(part) + "] = " + read + "." + "xyzw"[part] + ";");
  out.close();
  return factor;
}

void PartPrinter::printMultiply(const Side& rows, const Side& columns, const std::string& half,
                                const std::string& sums) {
  std::string k = openUnrolled("k", 0, rows.steps);
  std::string x = printRead(rows, half, k), y = printRead(columns, half, k);
  std::string i = openUnrolled("i", 0, rows.side.per_thread);
  std::string j = openUnrolled("j", 0, columns.side.per_thread);
  std::string sum = sums + "[" + i + " * " + text(columns.side.per_thread) + " + " + j + "]";
  out.line(sum + " = fma(" + x + "[" + i + "], " + y + "[" + j + "], " + sum + ");");
  for (int depth = 0; depth < 3; ++depth)
    out.close();
}

// Opens a loop over the thread's rows; returns its index and the name of the row.
std::pair<std::string, std::string> PartPrinter::openRows(const Side& s, bool unrolled) {
  std::string i = names.fresh("i"), row = names.fresh("row");
  out.line(unrolled ? "WEFT_UNROLL" : "WEFT_NO_UNROLL");
  out.open("for (int " + i + " = 0; " + i + " < " + text(s.side.per_thread) + "; ++" + i + ")");
  out.line("const weft_i64 " + row + " = " + s.start + " + " + s.place(i) + ";");
  return {i, row};
}

// What the part makes of its sums, element by element.
void PartPrinter::printTileEnd(const Side& rows, const Side& columns, std::string sums) {
  PartOp part = plan.part;
  Block& body = part.getBody().front();
  int count = rows.side.per_thread * columns.side.per_thread;
  bool unrolled = size_t(count) * body.getOperations().size() <= kMostOpsUnrolled;
  if (!unrolled) {
    // The sums themselves stay in registers only while no index of theirs is a variable.
    std::string copy = names.fresh("sums");
    out.line(valueType(plan.product->type).str() + " " + copy + "[" + text(count) + "];");
    std::string e = openUnrolled("e", 0, count);
    out.line(copy + "[" + e + "] = " + sums + "[" + e + "];");
    out.close();
    sums = copy;
  }
  auto [i, row] = openRows(rows, unrolled);
  auto [j, column] = openRows(columns, unrolled);
  std::string inside = "live";
  for (auto [s, index] : {std::pair(&rows, &row), std::pair(&columns, &column)})
    if (!isMultiple(s->side.extent, s->tile))
      inside += " && " + *index + " < " + names.expression(s->side.extent);
  out.open("if (" + inside + ")");
  printAxes(rows.side.axes, rows.side.extent, row);
  printAxes(columns.side.axes, columns.side.extent, column);
  DotOp dot = plan.product->dot;
  names.set(dot, sums + "[" + i + " * " + text(columns.side.per_thread) + " + " + j + "]");
  for (Operation& op : body.without_terminator())
    if (&op != dot) printOp(op);
  for (int depth = 0; depth < 3; ++depth)
    out.close();
}

} // namespace weft::gpu
