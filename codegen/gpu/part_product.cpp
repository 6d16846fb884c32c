// Products by tiles. A block keeps two stretches of k in shared memory: while its threads multiply
// one, what they fetch for the other is on its way, and one barrier a stretch is enough.
#include "codegen/gpu/part_side.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

// An end of more ops than this, all its copies together, is left to a loop over sums in memory.
constexpr size_t kMostOpsUnrolled = 2048;

// The threads of a warp are this many side by side along columns, and 4 along rows: what they read
// of both factors in one step are few different places. Of four threads in a row two read the same
// of either factor: only then are both halves of a warp served at once.
constexpr int kWarpColumns = 8, kWarpRows = kWarp / kWarpColumns;

} // namespace

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
         product.fetchesRuns(side),
         2};
  declareIndex(s.start, tile_number + " * " + text(s.tile));
  out.line("const int " + s.thread + " = " + thread_number + ";");
  out.line(valueType(product.type).str() + " " + s.next + "[" + text(s.fetched) + "];");
  return s;
}

void PartPrinter::printProduct() {
  const ProductPlan& product = *plan.product;
  if (!product.matrix_type) return printByThreads();
  out.line("#ifdef WEFT_HAS_MMA");
  printByMatrices();
  out.line("#else");
  printByThreads();
  out.line("#endif");
}

// Every thread multiplies by itself.
void PartPrinter::printByThreads() {
  const ProductPlan& product = *plan.product;
  std::string thread = "(int)WEFT_THREAD", in_warp = thread + " % " + text(kWarp);
  std::string in_half = thread + " % " + text(2 * kWarpColumns);
  int warps = product.columns.threads / kWarpColumns; // side by side along columns
  Side rows =
      declareSide(product.rows, tileNumber(product.rows),
                  thread + " / " + text(kWarp * warps) + " * " + text(kWarpRows) + " + " + in_warp +
                      " / " + text(2 * kWarpColumns) + " * 2 + " + thread + " % 2");
  Side columns = declareSide(product.columns, tileNumber(product.columns),
                             thread + " / " + text(kWarp) + " % " + text(warps) + " * " +
                                 text(kWarpColumns) + " + " + in_half + " / 2");
  printTile(rows, columns, valueType(product.type));
}

// The number of the block's tile along a side.
std::string PartPrinter::tileNumber(const ProductSide& side) const {
  const ProductPlan& product = *plan.product;
  auto tiles = [&](const ProductSide& s) { return operand(s.extent.ceilDiv(s.tile())); };
  if (&side == &product.columns) return "block % " + tiles(product.columns);
  return "block / " + tiles(product.columns) + " % " + tiles(product.rows);
}

void PartPrinter::printTile(const Side& rows, const Side& columns, StringRef element) {
  const ProductPlan& product = *plan.product;
  auto tiles = [&](const ProductSide& s) { return operand(s.extent.ceilDiv(s.tile())); };
  printAxes(product.batch_axes, product.batches,
            "(block / " + tiles(product.columns) + " / " + tiles(product.rows) + ")");
  std::string pointer = "WEFT_SHARED_POINTER " + element.str() + "*";
  out.line(pointer + " const " + rows.shared + " = (" + pointer + ")shared;");
  out.line(pointer + " const " + columns.shared + " = " + rows.half(text(rows.copies)) + ";");
  int count = rows.side.per_thread * columns.side.per_thread;
  std::string sums = names.fresh("sums");
  out.line(valueType(product.type).str() + " " + sums + "[" + text(count) + "];");
  std::string i = openUnrolled("i", 0, count);
  out.line(sums + "[" + i + "] = 0;");
  out.close();
  if (rows.pairs > 0)
    printMatrixSteps(rows, columns, sums);
  else
    printSteps(rows, columns, sums);
  printTileEnd(rows, columns, sums);
}

void PartPrinter::printSteps(const Side& rows, const Side& columns, const std::string& sums) {
  const ProductPlan& product = *plan.product;
  std::string half = names.fresh("half"), step = names.fresh("step");
  std::string depth = names.expression(product.depth), steps = text(rows.steps);
  auto both = [&](auto print) {
    print(rows);
    print(columns);
  };
  out.line("int " + half + " = 0;");
  both([&](const Side& s) { printFetch(s, ""); });
  both([&](const Side& s) { printKeep(s, half); });
  out.line("WEFT_BARRIER();");
  out.open("for (" + names.indexType() + " " + step + " = 0; " + step + " < " + depth + "; " +
           step + " += " + steps + ")");
  out.open("if (" + step + " + " + steps + " < " + depth + ")");
  both([&](const Side& s) { printFetch(s, step + " + " + steps + " + "); });
  out.close();
  out.line("WEFT_MEET();");
  printMultiply(rows, columns, half, sums);
  out.line(half + " = 1 - " + half + ";");
  both([&](const Side& s) { printKeep(s, half); });
  out.line("WEFT_BARRIER();");
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
  declareIndex(row, s.start + " + " + s.place(i));
  return {i, row};
}

// What the part makes of its sums. Of a thread's elements in a row, what they load comes first and
// what they store last, so that the latencies of one hide behind the others; elements are
// independent, but nothing tells the compiler that no buffer is another one.
void PartPrinter::printTileEnd(const Side& rows, const Side& columns, std::string sums) {
  PartOp part = plan.part;
  Block& body = part.getBody().front();
  DotOp dot = plan.product->dot;
  int across = columns.side.per_thread, count = rows.side.per_thread * across;
  size_t ops = body.getOperations().size();
  bool unrolled = size_t(count) * ops <= kMostOpsUnrolled;
  bool row_unrolled = size_t(across) * ops <= kMostOpsUnrolled;
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
  printAxes(rows.side.axes, rows.side.extent, row);
  Texts inside = {"live"};
  if (!isMultiple(rows.side.extent, rows.tile))
    inside.push_back(row + " < " + names.expression(rows.side.extent));
  auto forColumns = [&, &i = i](llvm::function_ref<void(const std::string&)> print) {
    int outside = out.depth();
    auto [j, column] = openRows(columns, row_unrolled);
    Texts all = inside;
    if (!isMultiple(columns.side.extent, columns.tile))
      all.push_back(column + " < " + names.expression(columns.side.extent));
    out.open("if (" + llvm::join(all, " && ") + ")");
    printAxes(columns.side.axes, columns.side.extent, column);
    names.set(dot, sums + "[" + i + " * " + text(across) + " + " + j + "]");
    print(j);
    out.closeTo(outside);
  };
  TileEnd end = row_unrolled ? declareTileEnd(body, across) : TileEnd();
  if (!end.loads.empty())
    forColumns([&](const std::string& j) {
      for (auto& [load, array] : end.loads)
        out.line(array + "[" + j +
                 "] = " + element(load.getMemory(), load.getMap(), load.getIndices()) + ";");
    });
  forColumns([&](const std::string& j) {
    for (auto& [load, array] : end.loads)
      registers_[load] = array + "[" + j + "]";
    for (auto& [store, array] : end.stores)
      registers_[store] = array + "[" + j + "]";
    for (Operation& op : body.without_terminator())
      if (&op != dot) printOp(op);
    registers_.clear();
  });
  if (!end.stores.empty())
    forColumns([&](const std::string& j) {
      for (auto& [store, array] : end.stores)
        out.line(element(store.getMemory(), store.getMap(), store.getIndices()) + " = " + array +
                 "[" + j + "];");
    });
  out.close();
}

// Finds what the elements of a row load in front of all stores, at places that indices alone give,
// and what they store if all of it is stored at such places and without a condition: stores stay in
// order. Declares an array for each.
PartPrinter::TileEnd PartPrinter::declareTileEnd(Block& body, int across) {
  TileEnd end;
  auto declare = [&](const char* stem, Value memory) {
    std::string array = names.fresh(stem);
    out.line(memoryType(elementType(memory.getType())).str() + " " + array + "[" + text(across) +
             "];");
    return array;
  };
  auto isKnown = [](auto access) {
    return !access.getMask() &&
           llvm::all_of(access.getIndices(), [](Value index) { return isa<BlockArgument>(index); });
  };
  const bool storesLast = llvm::all_of(body.getOps<StoreOp>(), isKnown);
  bool stored = false;
  for (Operation& op : body) {
    stored |= isa<StoreOp>(op);
    if (auto load = dyn_cast<LoadOp>(op); load && !stored && isKnown(load) && !load.getWithin())
      end.loads.push_back({load, declare("x", load.getMemory())});
    if (auto store = dyn_cast<StoreOp>(op); store && storesLast)
      end.stores.push_back({store, declare("y", store.getMemory())});
  }
  return end;
}

} // namespace weft::gpu
