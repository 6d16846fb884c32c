// Products of bf16 and f16 by tensor cores: a warp multiplies matrices of 16 x 16 and 16 x 8, whose
// elements lie with its threads as PTX says of mma.m16n8k16. Factors are copied to shared memory as
// they lie in memory, 16 bytes at a time, several stretches of k ahead of the one that is
// multiplied, and go to registers by matrices of 8 x 8, which may be transposed on the way.
#include "codegen/gpu/part_side.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int kRows = 16, kColumns = 8, kSteps = 16; // of one multiplication
const std::string kThread = "(weft_u32)WEFT_THREAD", kLane = kThread + " % " + text(kWarp);

// Where a chunk of a line lies in shared memory. Chunks of a line change places, so that those of 8
// lines, which are read at once, lie in different banks.
std::string placeOf(int pitch, const std::string& line, const std::string& chunk) {
  int chunks = std::min(8, pitch / kChunk), lines = 8 / chunks; // lines that fill all banks
  std::string turn =
      "(" + line + ")" + (lines > 1 ? " / " + text(lines) : "") + " % " + text(chunks);
  return "(" + line + ") * " + text(pitch) + " + ((" + chunk + ") ^ (" + turn + ")) * " +
         text(kChunk);
}

} // namespace

// Threads of a warp hold rows l / 4 and l / 4 + 8 of each matrix, and columns l % 4 * 2 and the
// next.
void PartPrinter::printByMatrices() {
  const ProductPlan& product = *plan.product;
  int warps = product.columns.threads / (kWarp / kColumns); // side by side along columns
  Side rows = declareMatrices(product.rows, warps, kRows / 2, kRows);
  Side columns = declareMatrices(product.columns, warps, 1, kColumns);
  printTile(rows, columns, "weft_u16");
}

PartPrinter::Side PartPrinter::declareMatrices(const ProductSide& side, int warps, int apart,
                                               int pairs) {
  bool left = &side == &plan.product->rows;
  Side s{side,
         names.fresh("start"),
         names.fresh("thread"),
         names.fresh("tile"),
         "",
         side.tile(),
         side.k_fast ? kMatrixSteps : side.tile(),
         kMatrixSteps,
         1,
         0,
         true,
         plan.product->stages(),
         apart,
         pairs,
         names.fresh("warp")};
  declareIndex(s.start, tileNumber(side) + " * " + text(s.tile));
  out.line("const int " + s.warp + " = " + kThread + " / " + text(kWarp) + (left ? " / " : " % ") +
           text(warps) + " * " + text(side.per_thread / 2 * pairs) + ";");
  out.line("const int " + s.thread + " = " + s.warp + " + " + kLane +
           (left ? " / 4;" : " % 4 * 2;"));
  return s;
}

// What a chunk of a stretch is, of the thread's `e`-th one: its place in shared memory, and its row
// and step, which `first` comes before.
PartPrinter::Chunk PartPrinter::declareChunk(const Side& s, const std::string& e,
                                             const std::string& first) {
  int width = s.pitch / kChunk;
  std::string at = names.fresh("at"), row = names.fresh("row"), k = names.fresh("k");
  out.line("const weft_u32 " + at + " = " + kThread + " + " + e + " * " +
           text(plan.product->threads()) + ";");
  std::string line = at + " / " + text(width), chunk = at + " % " + text(width);
  std::string in_line = chunk + " * " + text(kChunk);
  declareIndex(row, s.start + " + " + (s.side.k_fast ? line : in_line));
  declareIndex(k, first + (s.side.k_fast ? in_line : line));
  LoadOp load = s.side.wide_loads.front();
  DotOp dot = plan.product->dot;
  names.set(dot.getIndex(), k);
  printAxes(s.side.axes, s.side.extent, row);
  bool some = s.size() / kChunk % plan.product->threads() != 0; // threads have none
  return {some ? at + " < " + text(s.size() / kChunk) : "", placeOf(s.pitch, line, chunk), row, k,
          "&" + element(load.getMemory(), load.getMap(), load.getIndices())};
}

// Where the thread's chunks come from and go to, and whether all may be copied from inside of the
// factor by 16 bytes: from one stretch to the next their addresses change by multiples of that.
PartPrinter::Copies PartPrinter::declareCopies(const Side& s) {
  int threads = plan.product->threads(), count = (s.size() / kChunk + threads - 1) / threads;
  Copies copies{s, count, names.fresh("from"), names.fresh("place"), names.fresh("whole")};
  if (!s.side.step) return copies;
  out.line("const WEFT_GLOBAL weft_u16* " + copies.from + "[" + text(count) + "];");
  out.line("int " + copies.place + "[" + text(count) + "];");
  out.line("bool " + copies.whole + " = true;");
  std::string e = openUnrolled("e", 0, count);
  Chunk chunk = declareChunk(s, e, "");
  out.line(copies.from + "[" + e + "] = " + chunk.from + ";");
  out.line(copies.place + "[" + e + "] = " + chunk.place + ";");
  Texts whole = {"WEFT_IS_ALIGNED(" + copies.from + "[" + e + "], 16)"};
  if (!isMultiple(s.side.extent, s.tile))
    whole.push_back(chunk.row + (s.side.k_fast ? "" : " + " + text(kChunk - 1)) + " < " +
                    names.expression(s.side.extent));
  out.line(copies.whole + " = " + copies.whole + " && " + llvm::join(whole, " && ") + ";");
  out.close();
  return copies;
}

// A turn copies to the stage that the turn before has multiplied, which every thread has left at
// the barrier; then it multiplies the oldest one. The first turns only copy.
void PartPrinter::printMatrixSteps(const Side& rows, const Side& columns, const std::string& sums) {
  std::string depth = names.expression(plan.product->depth), stages = text(rows.copies);
  Copies copies[] = {declareCopies(rows), declareCopies(columns)};
  std::string to = names.fresh("to"), from = names.fresh("from"), step = names.fresh("step");
  std::string ahead = text((rows.copies - 1) * kMatrixSteps);
  out.line("int " + to + " = 0;");
  out.open("for (" + names.indexType() + " " + step + " = -" + ahead + "; " + step + " < " + depth +
           "; " + step + " += " + text(kMatrixSteps) + ")");
  out.line("const int " + from + " = " + to + " + 1 == " + stages + " ? 0 : " + to + " + 1;");
  out.line("WEFT_AWAIT_COPIES(" + text(rows.copies - 2) + ");");
  out.line("WEFT_BARRIER();");
  out.open("if (" + step + " + " + ahead + " < " + depth + ")");
  for (const Copies& each : copies)
    printCopies(each, step + " + " + ahead, to);
  out.close();
  out.line("WEFT_COMMIT_COPIES();");
  out.open("if (" + step + " >= 0)");
  out.line("WEFT_MEET();");
  printMultiplyMatrices(rows, columns, from, sums);
  out.close();
  out.line(to + " = " + from + ";");
  out.close();
  out.line("WEFT_BARRIER();");
}

// Copies the thread's chunks of a stretch, whose addresses are at hand where all are whole.
void PartPrinter::printCopies(const Copies& copies, const std::string& first,
                              const std::string& stage) {
  const Side& s = copies.side;
  if (!s.side.step) return printChunks(copies, first, stage);
  std::string depth = names.expression(plan.product->depth);
  bool ends = !isMultiple(plan.product->depth, kMatrixSteps);
  out.open("if (" + copies.whole +
           (ends ? " && " + first + " + " + text(kMatrixSteps) + " <= " + depth : "") + ")");
  std::string e = openUnrolled("e", 0, copies.count);
  int threads = plan.product->threads(), chunks = s.size() / kChunk;
  std::string some = chunks % threads == 0 ? ""
                                           : "if (" + kThread + " + " + e + " * " + text(threads) +
                                                 " < " + text(chunks) + ") ";
  out.line(some + "weft_copy16(" + s.half(stage) + " + " + copies.place + "[" + e + "], " +
           copies.from + "[" + e + "]);");
  out.close();
  out.close();
  out.open("else");
  printChunks(copies, first, stage);
  out.close();
  e = openUnrolled("e", 0, copies.count);
  out.line(copies.from + "[" + e + "] += " + names.expression(s.side.step * kMatrixSteps) + ";");
  out.close();
}

// The same where some are not: what is aligned and inside of the factor is copied by itself, the
// rest element by element.
void PartPrinter::printChunks(const Copies& copies, const std::string& first,
                              const std::string& stage) {
  const Side& s = copies.side;
  int outside = out.depth();
  std::string e = openUnrolled("e", 0, copies.count, 1, "WEFT_NO_UNROLL");
  Chunk chunk = declareChunk(s, e, first + " + ");
  if (!chunk.exists.empty()) out.open("if (" + chunk.exists + ")");
  std::string to = names.fresh("to");
  out.line("WEFT_SHARED_POINTER weft_u16* const " + to + " = " + s.half(stage) + " + " +
           chunk.place + ";");
  Texts whole = insideOf(s, chunk.row, chunk.k, kChunk);
  whole.push_back("WEFT_IS_ALIGNED(" + chunk.from + ", 16)");
  out.open("if (" + llvm::join(whole, " && ") + ")");
  out.line("weft_copy16(" + to + ", " + chunk.from + ");");
  out.close();
  printCopyEdge(s, to, chunk.row, chunk.k);
  out.closeTo(outside);
}

// What lies outside of the factor is 0.
void PartPrinter::printCopyEdge(const Side& s, const std::string& to, const std::string& row,
                                const std::string& k) {
  DotOp dot = plan.product->dot;
  int outside = out.depth();
  out.open("else");
  std::string j = openUnrolled("j", 0, kChunk, 1, "WEFT_NO_UNROLL");
  std::string row_j = s.side.k_fast ? row : "(" + row + " + " + j + ")";
  std::string k_j = s.side.k_fast ? "(" + k + " + " + j + ")" : k;
  Texts inside = insideOf(s, row_j, k_j, 1);
  LoadOp load = s.side.wide_loads.front();
  names.set(dot.getIndex(), k_j);
  printAxes(s.side.axes, s.side.extent, row_j);
  std::string value = element(load.getMemory(), load.getMap(), load.getIndices());
  out.line(to + "[" + j + "] = " +
           (inside.empty() ? value : llvm::join(inside, " && ") + " ? " + value + " : 0") + ";");
  out.closeTo(outside);
}

// Reads matrices of 8 x 8 of 16 rows and 16 steps: of the left factor those below one another come
// first, of the right one those of the same columns. Either lies in shared memory by rows or by
// steps, and a thread says where a line of 8 elements starts.
void PartPrinter::printReadMatrices(const Side& s, const std::string& to, const std::string& stage,
                                    const std::string& first, const std::string& k) {
  bool left = s.pairs == kRows, lines_first = left == s.side.k_fast;
  std::string line = lines_first ? kLane + " % 16" : kLane + " / 16 * 8 + " + kLane + " % 8";
  std::string chunk = lines_first ? kLane + " / 16" : kLane + " / 8 % 2";
  line = (s.side.k_fast ? first : k) + " + " + line;
  chunk = (s.side.k_fast ? k : "(" + first + ")") + " / " + text(kChunk) + " + " + chunk;
  out.line(std::string(s.side.k_fast ? "weft_matrices" : "weft_matrices_transposed") + "(" + to +
           ", " + s.half(stage) + " + " + placeOf(s.pitch, line, chunk) + ");");
}

void PartPrinter::printMultiplyMatrices(const Side& rows, const Side& columns,
                                        const std::string& stage, const std::string& sums) {
  int row_count = rows.side.per_thread, column_count = columns.side.per_thread;
  std::string k = openUnrolled("k", 0, kMatrixSteps, kSteps);
  std::string a = names.fresh("a"), b = names.fresh("b");
  out.line("weft_u32 " + a + "[" + text(row_count * 2) + "], " + b + "[" + text(column_count) +
           "];");
  for (const Side* s : {&rows, &columns}) {
    bool left = s == &rows;
    std::string i = openUnrolled("i", 0, left ? row_count / 2 : column_count / 4);
    printReadMatrices(*s, "&" + (left ? a : b) + "[" + i + " * 4]", stage,
                      s->warp + " + " + i + " * 16", k);
    out.close();
  }
  std::string i = openUnrolled("i", 0, row_count / 2);
  std::string j = openUnrolled("j", 0, column_count / 2);
  auto sum = [&](int row) {
    return "&" + sums + "[(" + i + " * 2 + " + text(row) + ") * " + text(column_count) + " + " + j +
           " * 2]";
  };
  out.line(std::string(plan.product->matrix_type.isBF16() ? "weft_mma_bf16" : "weft_mma_f16") +
           "(" + sum(0) + ", " + sum(1) + ", &" + a + "[" + i + " * 4], &" + b + "[" + j +
           " * 2]);");
  for (int depth = 0; depth < 3; ++depth)
    out.close();
}

} // namespace weft::gpu
