// Products of bf16 and f16 by tensor cores: a warp multiplies matrices of 16 x 16 and 16 x 8, whose
// elements lie with its threads as PTX says of mma.m16n8k16. Factors lie in shared memory as in
// registers, two steps of k in 32 bits: [row][step].
#include "codegen/gpu/part_side.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int kRows = 16, kColumns = 8, kSteps = 16; // of one multiplication
const std::string kThread = "(int)WEFT_THREAD", kLane = kThread + " % " + text(kWarp);

} // namespace

// Threads of a warp hold rows l / 4 and l / 4 + 8 of each matrix, and columns l % 4 * 2 and the
// next.
void PartPrinter::printByMatrices() {
  const ProductPlan& product = *plan.product;
  int warps = product.columns.threads / (kWarp / kColumns); // side by side along columns
  std::string warp = kThread + " / " + text(kWarp);
  auto declare = [&](const ProductSide& side, const std::string& first, int apart, int pairs) {
    Side s{side,
           names.fresh("start"),
           names.fresh("thread"),
           names.fresh("tile"),
           names.fresh("next"),
           side.tile(),
           product.matrix_steps + kMatrixPadding,
           product.matrix_steps,
           1,
           product.fetched(side, product.matrix_steps),
           true,
           true,
           apart,
           pairs};
    out.line("const weft_i64 " + s.start + " = " + tileNumber(side) + " * " + text(s.tile) + ";");
    out.line("const int " + s.thread + " = " + first + ";");
    out.line("weft_u16 " + s.next + "[" + text(s.fetched) + "];");
    return s;
  };
  int warp_rows = product.rows.per_thread / 2 * kRows;
  int warp_columns = product.columns.per_thread / 2 * kColumns;
  Side rows = declare(product.rows,
                      warp + " / " + text(warps) + " * " + text(warp_rows) + " + " + kLane + " / 4",
                      kRows / 2, kRows);
  Side columns =
      declare(product.columns,
              warp + " % " + text(warps) + " * " + text(warp_columns) + " + " + kLane + " % 4 * 2",
              1, kColumns);
  printTile(rows, columns, "weft_u16");
}

// Stores what the thread has fetched: a run along k at once.
void PartPrinter::printKeepMatrix(const Side& s, const std::string& half) {
  Fetched fetched = openFetched(s);
  auto to = [&](const std::string& row) {
    return "(" + s.half(half) + ")[(" + row + ") * " + text(s.pitch) + " + " + fetched.step + "]";
  };
  if (s.side.k_fast) {
    std::string run = names.fresh("v");
    out.line("weft_u16x4 " + run + ";");
    for (int part = 0; part < kRun; ++part)
      out.line(run + "." + "xyzw"[part] + " = " + s.next + "[" + fetched.number + " + " +
               text(part) + "];");
    out.line("*(WEFT_SHARED_POINTER weft_u16x4*)&" + to(fetched.row) + " = " + run + ";");
  } else {
    std::string j = openUnrolled("j", 0, kRun);
    out.line(to(fetched.row + " + " + j) + " = " + s.next + "[" + fetched.number + " + " + j +
             "];");
    out.close();
  }
  out.close();
}

void PartPrinter::printMultiplyMatrices(const Side& rows, const Side& columns,
                                        const std::string& half, const std::string& sums) {
  const ProductPlan& product = *plan.product;
  int row_count = rows.side.per_thread, column_count = columns.side.per_thread;
  std::string k = openUnrolled("k", 0, rows.steps, kSteps);
  std::string a = names.fresh("a"), b = names.fresh("b");
  out.line("weft_u32 " + a + "[" + text(row_count * 2) + "], " + b + "[" + text(column_count) +
           "];");
  auto read = [&](const Side& s, const std::string& row) {
    std::string from = names.fresh("v"), pointer = "const WEFT_SHARED_POINTER weft_u32*";
    out.line(pointer + " const " + from + " = (" + pointer + ")(" + s.half(half) + " + (" + row +
             ") * " + text(s.pitch) + " + " + k + " + " + kLane + " % 4 * 2);");
    return from;
  };
  std::string i = openUnrolled("i", 0, row_count), next = text(kSteps / 4);
  std::string from = read(rows, rows.place(i));
  std::string at = a + "[" + i + " / 2 * 4 + " + i + " % 2";
  out.line(at + "] = " + from + "[0];");
  out.line(at + " + 2] = " + from + "[" + next + "];");
  out.close();
  // Of the right factor a thread holds column l / 4.
  std::string j = openUnrolled("j", 0, column_count / 2);
  from = read(columns, columns.thread + " - " + kLane + " % 4 * 2 + " + j + " * " + text(kColumns) +
                           " + " + kLane + " / 4");
  out.line(b + "[" + j + " * 2] = " + from + "[0];");
  out.line(b + "[" + j + " * 2 + 1] = " + from + "[" + next + "];");
  out.close();
  i = openUnrolled("i", 0, row_count / 2);
  j = openUnrolled("j", 0, column_count / 2);
  auto sum = [&](int row) {
    return "&" + sums + "[(" + i + " * 2 + " + text(row) + ") * " + text(column_count) + " + " + j +
           " * 2]";
  };
  out.line(std::string(product.matrix_type.isBF16() ? "weft_mma_bf16" : "weft_mma_f16") + "(" +
           sum(0) + ", " + sum(1) + ", &" + a + "[" + i + " * 4], &" + b + "[" + j + " * 2]);");
  for (int depth = 0; depth < 3; ++depth)
    out.close();
}

} // namespace weft::gpu
