#include "codegen/cpu/dot_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace weft::cpu {
namespace {

constexpr int64_t kPage = 4096, kWays = 8; // of sets of the first-level cache
// Extents assumed for choices where the real one is unknown.
constexpr int64_t kTypicalExtent = 512;
// Multiply-adds of one vector that make a chunk worth handing to a thread, a few microseconds.
constexpr int64_t kSmallChunk = 1 << 14;
// Multiply-adds in the time that a vector of B takes from memory.
constexpr int64_t kVectorRead = 8;
// Multiply-adds in the time that a line takes from the second-level cache, of rows far apart.
constexpr double kLineRead = 5;
// Multiply-adds in the time that packing takes to find a row of B in a page of its own, or what a
// window sees.
constexpr double kRowVisit = 72;
// Rows that are worth a panel of their own, packed again, and the most of a chunk, unless there are
// chunks enough.
constexpr int64_t kPanelRows = 128, kChunkRows = 512;
// Columns of a chunk at most, and rows at least and at most, where A is packed, and how many times
// as wide as high it is.
constexpr int64_t kMostPackedColumns = 512, kFewPackedRows = 48, kMostPackedRows = 256;
constexpr double kWidth = 3;
// Columns that make it worth while to pack a transposed A.
constexpr int64_t kColumnsWorthPacking = 128;
// Rows of A that lie side by side and are packed together: one or two lines of memory.
constexpr int64_t kRowsPackedTogether = 24;
// Rows below which B is not reused enough to hide where it comes from.
constexpr int64_t kFewRows = 16;
// Steps of k that a streaming product takes at a time, bytes of a row of B at least and at most,
// where its sums stay small, and chunks of which a thread takes those side by side.
constexpr int64_t kStreamSteps = 8;
constexpr int64_t kStreamBytes = 4096, kMostStreamBytes = 16384;
constexpr int64_t kStreamChunks = 16;
// Steps of k for which numbers of B are computed at a time, and what they are multiples of: blocks
// of a quantised matrix begin there.
constexpr int64_t kNumbersSteps = 512;
constexpr int64_t kNumbersUnit = 64;
// Chunks that keep a few, and many, threads busy.
constexpr int64_t kFewChunks = 8;
constexpr int64_t kEnoughChunks = 64;
// Steps of k up to which a large product takes as long as its results take to memory.
constexpr int64_t kShortSteps = 128;
// Columns that use rows of A once they are packed, where sizes are unknown.
constexpr int64_t kPackedColumns = 256;

int64_t typical(int64_t extent, int64_t most = 0) {
  return extent != kDynamic ? extent : most ? most : kTypicalExtent;
}
int64_t typicalN(const DotShape& s) { return typical(s.n, s.n_most); }
int64_t typicalK(const DotShape& s) { return typical(s.k, s.k_most); }
// Says whether k is a whole number of `count` steps, whatever it is.
bool dividesK(const DotShape& s, int64_t count) {
  return (s.k == kDynamic ? s.k_step : s.k) % count == 0;
}

int64_t elementBytes(DotElement element) {
  switch (element) {
  case DotElement::f32:
    return 4;
  case DotElement::bf16:
  case DotElement::f16:
    return 2;
  case DotElement::i8:
    return 1;
  default:
    return 8;
  }
}

bool constantLayout(const DotLayout& layout) {
  return layout.row_stride != kDynamic && layout.column_stride != kDynamic;
}

// Rows that start a multiple of the page size apart fall into the same few cache sets.
bool rowsCollide(const DotShape& s, int64_t stride) {
  return stride != 0 && stride * elementBytes(s.element) % kPage == 0;
}

// Steps of k that one instruction multiplies and adds.
int groupOf(const DotShape& s, const DotTarget& target) {
  if (s.element == DotElement::i8) return target.i8_quads ? 4 : 2;
  return s.element == DotElement::bf16 && target.bf16_pairs ? 2 : 1;
}

// Says whether a tile can use elements of A and B as they lie in memory.
bool usesStored(const DotPlan& plan) {
  if (plan.widensSteps()) return false;
  return !isHalf(plan.shape.element) || plan.group > 1;
}

// Lines of memory so many bytes apart that the first-level cache keeps.
int64_t linesKept(const DotPlan& plan, int64_t stride) {
  int64_t all = plan.target.l1_bytes / kCacheLine, sets = all / kWays;
  if (stride % kCacheLine != 0) return all;
  return all / std::gcd(stride / kCacheLine, sets);
}

// Rows of a transposed A share lines of memory, one for each step of k, which are gone before the
// next tile of rows where they are too many, or fall into few cache sets.
bool losesLinesOfA(const DotPlan& plan) {
  const DotShape& s = plan.shape;
  int64_t stride = s.a.column_stride * elementBytes(s.element);
  bool pays = typicalN(s) >= kColumnsWorthPacking || rowsCollide(s, s.a.column_stride);
  return s.m != 1 && s.a.row_stride == 1 && pays && typicalK(s) > linesKept(plan, stride);
}

// A tile may read A in place when the addresses of its rows are constants away from each other, and
// the steps of a group lie side by side.
bool readsAInPlace(const DotPlan& plan) {
  const DotShape& s = plan.shape;
  if (!usesStored(plan) || s.m == kDynamic || !constantLayout(s.a)) return false;
  if (losesLinesOfA(plan)) return false;
  return plan.group == 1 || (s.a.column_stride == 1 && dividesK(s, plan.group));
}

bool fewRows(const DotShape& s) { return s.m != kDynamic && s.m <= kFewRows; }

int64_t bytesOfB(const DotShape& s) { return typicalK(s) * typicalN(s) * elementBytes(s.element); }

// Copying a panel of B costs about as much as multiplying it with 8 rows; a tile that reads B in
// place pays by cache misses instead, the more so where the rows of B collide, and most where a
// tile is so narrow that it takes one line of each row. The limits are measured, on Zen 3 and 4.
bool readsBInPlace(const DotPlan& plan) {
  const DotShape& s = plan.shape;
  if (!usesStored(plan) || plan.shiftsColumns() || s.n == kDynamic || !constantLayout(s.b))
    return false;
  if (s.b.column_stride != 1 || s.n < plan.lanes) return false;
  // Rows of a group go through registers for each tile, which pays where one tile has all of A's.
  if (plan.group > 1) return dividesK(s, plan.group) && fewRows(s);
  int64_t most_rows = rowsCollide(s, s.b.row_stride) ? 64 : 128;
  if (plan.target.vector_bytes < kCacheLine) most_rows = 12;
  return typical(s.m) <= most_rows || bytesOfB(s) <= plan.target.l1_bytes;
}

// Few rows in front of a B that comes from far away: the product runs at the speed of memory, so B
// is read in long runs along its rows, a few rows at a time.
bool streamsB(const DotPlan& plan) {
  const DotShape& s = plan.shape;
  return !plan.packs_b && fewRows(s) && bytesOfB(s) > 2 * plan.target.l2_bytes;
}

// Vectors that a product takes from A's row and B's columns for one lane of the result.
int64_t stepsOf(const DotPlan& plan) {
  return std::max<int64_t>(ceilDiv(typicalK(plan.shape), plan.group), 1);
}

// Steps of k, or columns, of panels of B that take at most half of the second-level cache, with so
// many columns, or steps.
int64_t mostBeside(const DotPlan& plan, int64_t others) {
  return plan.target.l2_bytes / 2 / (others * plan.sumBytes());
}

// Cycles, in units of one vector multiply-add, for one tile of rows x vectors.
double tileCost(const DotPlan& plan, int64_t rows, int64_t vectors) {
  double multiply_adds = double(rows * vectors), loads = double(rows + vectors);
  double step = std::max({multiply_adds, loads, kLatency});
  // Beyond the first-level cache a step is as fast as the second one gives rows of B: prefetchers
  // follow those of a panel, but not those in place.
  int64_t columns = vectors * plan.lanes;
  int64_t panel = std::min(stepsOf(plan), mostBeside(plan, columns)) * columns;
  if (panel * plan.sumBytes() > plan.target.l1_bytes / 2) {
    double lines = double(vectors * plan.target.vector_bytes) / kCacheLine;
    step = std::max(step, (plan.packs_b ? kPanelLineRead : kLineRead) * lines);
    step += (plan.packs_b ? 0.2 : 0.5) * lines;
  }
  return (step + 0.15 * loads) * double(stepsOf(plan)) + 3 * multiply_adds + 20;
}

// How much longer two threads take than one takes for half of it, where each chunk is a column of
// tiles, the last one narrower.
double unevenness(const DotPlan& plan, int64_t vectors, int64_t most_vectors) {
  const DotShape& s = plan.shape;
  int64_t column_tiles = ceilDiv(most_vectors, vectors);
  int64_t row_chunks = ceilDiv(typical(s.m), kChunkRows) * (s.batch == kDynamic ? 1 : s.batch);
  if (row_chunks % 2 == 0 || column_tiles < kFewChunks) return 1;
  int64_t longer = column_tiles / 2 * vectors;
  if (column_tiles % 2) longer += most_vectors - (column_tiles - 1) * vectors;
  return std::max(1.0, 2 * double(longer) / double(most_vectors));
}

// Cycles, in the same units, to find what so many panels of B are packed from, where a step of k is
// a row of B or what a window sees.
double visitsCost(const DotPlan& plan, int64_t panels) {
  const DotShape& s = plan.shape;
  if (!plan.packs_b || s.b.row_stride == 1 || s.computes_b || s.keeps_b) return 0;
  bool far = s.b.row_stride == kDynamic || s.b.row_stride * elementBytes(s.element) >= kPage;
  return double(panels * ceilDiv(typical(s.m), kChunkRows) * typicalK(s)) *
         (far ? kRowVisit : kRowVisit / 4);
}

// Cycles, in the same units, for the whole product, whose last column of tiles is as narrow as it
// can be.
double productCost(const DotPlan& plan, int64_t rows, int64_t vectors) {
  const DotShape& s = plan.shape;
  int64_t all = ceilDiv(typicalN(s), plan.lanes), rest = all % vectors;
  if (s.n == kDynamic) all = roundUp(all, vectors), rest = 0;
  double column = double(all / vectors) * tileCost(plan, rows, vectors);
  if (rest) column += tileCost(plan, rows, rest);
  double cost = double(ceilDiv(typical(s.m), rows)) * column;
  cost += visitsCost(plan, ceilDiv(all, vectors));
  return cost * unevenness(plan, vectors, all);
}

// The same with lanes along k, and the panels that are transposed for it.
double alongKCost(const DotPlan& plan, int64_t rows) {
  const DotShape& s = plan.shape;
  double vectors = double(ceilDiv(s.k, plan.lanes)), products = double(rows * s.n);
  double loads = double(rows + s.n), step = std::max({products, loads, kLatency}) + 0.15 * loads;
  double transposed = double(ceilDiv(s.m, kPanelRows) * plan.lanes * 10) * vectors;
  return double(ceilDiv(s.m, rows)) * (step * vectors + 6 * products + 20) + transposed +
         visitsCost(plan, 1);
}

// Says whether lanes can run along k, because a row of A and the columns of B are known to.
bool canRunAlongK(const DotPlan& plan) {
  const DotShape& s = plan.shape;
  return usesStored(plan) && plan.group == 1 && !plan.packs_a && s.a.column_stride == 1 &&
         constantLayout(s.b) && !s.computes_b && s.n != kDynamic && s.n > 0 && s.n < plan.lanes &&
         s.k != kDynamic && s.k > 0;
}

void chooseTileAlongK(DotPlan& plan, double best) {
  int64_t n = plan.shape.n;
  for (int64_t rows = 1; rows <= std::min<int64_t>(plan.shape.m, 8); ++rows) {
    if (rows * n + std::min(rows, n) + 1 > plan.target.vector_registers) break;
    double cost = alongKCost(plan, rows);
    if (cost >= best) continue;
    best = cost;
    plan.lanes_along_k = plan.packs_b = true;
    plan.tile_rows = int(rows);
    plan.tile_vectors = 1;
  }
}

void chooseTile(DotPlan& plan) {
  const DotShape& s = plan.shape;
  int registers = plan.target.vector_registers;
  int others = plan.widensSteps() ? 2 : 1; // an element of A, and products before they are added
  int64_t most_rows = plan.packs_a ? 16 : std::clamp<int64_t>(typical(s.m), 1, 16);
  // Eight ways of a cache set hold six rows of A besides what else passes through.
  if (!plan.packs_a && s.a.column_stride == 1 && rowsCollide(s, s.a.row_stride))
    most_rows = std::min<int64_t>(most_rows, 6);
  int64_t most_vectors = 8;
  if (!plan.packs_b) most_vectors = std::min<int64_t>(most_vectors, s.n / plan.lanes);
  double best = std::numeric_limits<double>::infinity();
  // Transposing B for few rows: the fewer columns at a time, the longer the runs of memory.
  if (plan.packs_b && s.b.row_stride == 1 && fewRows(s)) most_vectors = 1;
  for (int64_t rows = 1; rows <= most_rows; ++rows)
    for (int64_t vectors = 1; vectors <= most_vectors; ++vectors) {
      if (rows * vectors + vectors + others > registers) break;
      double cost = productCost(plan, rows, vectors);
      if (cost < best) {
        best = cost;
        plan.tile_rows = int(rows);
        plan.tile_vectors = int(vectors);
      }
    }
  if (canRunAlongK(plan)) chooseTileAlongK(plan, best);
}

void chooseBlock(DotPlan& plan) {
  int64_t k = plan.shape.k == kDynamic && plan.shape.k_most ? plan.shape.k_most : plan.shape.k;
  // Packed rows of A take at most half of the second-level cache as well.
  int64_t most = mostBeside(plan, plan.tileColumns());
  // With lanes along k every few rows read all of a panel.
  if (plan.lanes_along_k) most = plan.target.l1_bytes / (plan.shape.n * plan.sumBytes());
  if (plan.packs_a) most = std::min<int64_t>(most, 512);
  if (streamsB(plan)) most = kStreamSteps;
  most = std::max<int64_t>(most / 2 * 2, 2);
  if (k == kDynamic) {
    plan.k_block = std::min<int64_t>(most, 512) * plan.group;
    plan.unroll = 1;
    return;
  }
  plan.unroll = k > 0 && dividesK(plan.shape, 2 * plan.group) ? 2 : 1;
  if (plan.shape.computes_b) most = std::min(most, kNumbersSteps);
  int64_t steps = stepsOf(plan), blocks = ceilDiv(steps, most);
  int64_t unit = plan.shape.computes_b ? kNumbersUnit
                 : plan.lanes_along_k  ? plan.lanes
                                       : plan.unroll;
  plan.k_block = roundUp(ceilDiv(steps, blocks), unit) * plan.group;
}

// Rows of a chunk: all of them use one packed panel of B, so they are many; but fewer where else
// there would be work for a few threads only.
int64_t chooseRows(const DotPlan& plan, int64_t rows, int64_t column_chunks, int64_t row_work) {
  int64_t most = column_chunks * ceilDiv(rows, 1024) >= kEnoughChunks ? 2 * kChunkRows : kChunkRows;
  if (plan.packs_a) most = kMostPackedRows;
  int64_t least = plan.packs_b ? kPanelRows : plan.tile_rows;
  int64_t pieces = ceilDiv(rows, most);
  while (column_chunks * pieces < kFewChunks) {
    int64_t smaller = ceilDiv(rows, 2 * pieces);
    if (smaller < least || smaller * row_work < kSmallChunk) break;
    pieces *= 2;
  }
  return roundUp(ceilDiv(rows, pieces), plan.tile_rows);
}

// Columns whose packed panels take half of the second-level cache.
int64_t mostKeptColumns(const DotPlan& plan) {
  return mostBeside(plan, plan.panelSteps()) / plan.tileColumns() * plan.tileColumns();
}

// Says whether results that go to memory are most of a product, so that they had better go there
// in long runs.
bool keepsPanels(const DotPlan& plan) {
  const DotShape& s = plan.shape;
  if (!plan.packs_b || plan.lanes_along_k || plan.shiftsColumns() || plan.severalBlocks())
    return false;
  if (s.m == kDynamic || s.n == kDynamic || stepsOf(plan) > kShortSteps) return false;
  return s.m >= kPanelRows && s.m * s.n * plan.sumBytes() > plan.target.l2_bytes &&
         std::min(s.n, mostKeptColumns(plan)) >= 4 * plan.tileColumns();
}

int64_t mostChunks(const DotPlan& plan) { return kEnoughChunks / std::max(plan.group, 2); }

// Both factors are packed for each chunk, so that one of so many elements is nearly a square. It is
// wider than high: panels of A are narrower than those of B, and packed in smaller pieces.
void chooseSquareChunks(DotPlan& plan, int64_t elements) {
  int64_t most = std::min(plan.shape.n, kMostPackedColumns);
  auto wide = int64_t(std::sqrt(kWidth * double(elements)));
  wide = std::max(std::min(wide, most), plan.tileColumns());
  int64_t rows = std::clamp(elements / wide, kFewPackedRows, kMostPackedRows);
  plan.rows_per_chunk = roundUp(rows, plan.tile_rows);
}

// As many columns as may be, and the rows that are worth their panels, or half of them where there
// would be work for a few threads only.
void chooseWideChunks(DotPlan& plan) {
  const DotShape& s = plan.shape;
  plan.keeps_panels = true;
  int64_t tiles = ceilDiv(s.n, plan.tileColumns());
  int64_t pieces = ceilDiv(s.n, mostKeptColumns(plan));
  plan.columns_per_chunk = ceilDiv(tiles, pieces) * plan.tileColumns();
  plan.rows_per_chunk = roundUp(kPanelRows, plan.tile_rows);
  if (plan.chunks(s.batch == kDynamic ? 1 : s.batch, s.m, s.n) < kFewChunks)
    plan.rows_per_chunk = roundUp(kPanelRows / 2, plan.tile_rows);
}

// Chunks are tiles of C of at least kSmallChunk work, wider where A is packed or its rows are
// summed for each chunk or B is streamed, and several batch entries where one is small.
void chooseChunks(DotPlan& plan) {
  const DotShape& s = plan.shape;
  int64_t rows = std::max<int64_t>(typical(s.m), 1), columns = std::max<int64_t>(typicalN(s), 1);
  int64_t k = stepsOf(plan);
  int64_t batch = s.batch == kDynamic ? 1 : std::max<int64_t>(s.batch, 1);
  int64_t column_tiles = ceilDiv(columns, plan.tileColumns());
  int64_t row_work = plan.lanes_along_k ? ceilDiv(columns * k, plan.lanes) : plan.tile_vectors * k;
  plan.rows_per_chunk = chooseRows(plan, rows, batch * column_tiles, row_work);
  if (plan.packs_a && s.m != kDynamic && s.n != kDynamic)
    chooseSquareChunks(plan, batch * rows * columns / mostChunks(plan));
  int64_t row_chunks = ceilDiv(rows, plan.rows_per_chunk);
  int64_t tile_work = std::max(plan.rows_per_chunk, kVectorRead) * row_work;

  int64_t tiles = ceilDiv(kSmallChunk, tile_work);
  if (plan.packs_a || plan.shiftsColumns()) {
    // Packing, or summing, rows of A costs the more, beside the products, the more of these an
    // instruction does.
    tiles = std::max(tiles, batch * row_chunks * column_tiles / mostChunks(plan));
    // Of rows nobody knows the number: there may be chunks enough without packing A more often.
    if (s.m == kDynamic) tiles = std::max(tiles, kPackedColumns / plan.tileColumns());
    int64_t most_columns = s.n == kDynamic && !s.n_most ? kPackedColumns : kMostPackedColumns;
    tiles = std::min(tiles, std::max<int64_t>(most_columns / plan.tileColumns(), 1));
  }
  if (streamsB(plan)) {
    int64_t bytes = std::clamp(kMostStreamBytes / rows, kStreamBytes, kMostStreamBytes);
    int64_t run = bytes / elementBytes(s.element);
    bool joins = s.batch == 1 && row_chunks == 1;
    if (joins) plan.joined_columns = roundUp(run, plan.tileColumns());
    int64_t least = std::min(run, columns) / 2; // two threads share the narrowest of them
    int64_t wide =
        joins ? std::min(columns / kStreamChunks, run) : std::clamp(columns / 4, least, run);
    tiles = std::max(tiles, wide / plan.tileColumns());
  }
  tiles = std::clamp<int64_t>(tiles, 1, column_tiles);
  tiles = ceilDiv(column_tiles, ceilDiv(column_tiles, tiles)); // pieces of even size
  if (s.n == kDynamic) tiles = std::max<int64_t>(kPackedColumns / plan.tileColumns(), 1);
  // One chunk has all columns of a window, so that no number of chunks depends on its width.
  if (s.n == kDynamic && s.n_most) tiles = column_tiles;
  plan.columns_per_chunk = tiles * plan.tileColumns();
  if (plan.joinsChunks())
    plan.joined_columns = std::max(plan.joined_columns, plan.columns_per_chunk);

  if (keepsPanels(plan)) return chooseWideChunks(plan);
  if (row_chunks > 1 || plan.columns_per_chunk < columns) return;
  int64_t entries = std::max<int64_t>(kSmallChunk / (tile_work * tiles), 1);
  plan.batches_per_chunk = s.batch == kDynamic ? entries : std::min(entries, batch);
}

} // namespace

int64_t DotPlan::sumBytes() const {
  return shape.element == DotElement::f64 || shape.element == DotElement::i64 ? 8 : 4;
}

int DotPlan::edgeVectors() const {
  if (shape.n == kDynamic || lanes_along_k) return 0;
  int vectors = int(ceilDiv(shape.n % tileColumns(), lanes));
  return vectors == tile_vectors ? 0 : vectors;
}

bool DotPlan::severalBlocks() const {
  int64_t most = shape.k == kDynamic ? shape.k_most : shape.k;
  return (shape.k == kDynamic && !shape.k_most) || most > k_block;
}

bool DotPlan::hasWholeVectors() const {
  return (shape.n == kDynamic ? shape.n_step : shape.n) % lanes == 0;
}

int64_t DotPlan::tileBytes() const { return tile_rows * tileColumns() * sumBytes(); }

int64_t DotPlan::columnPanelBytes() const {
  int64_t columns = keeps_panels ? columns_per_chunk : tileColumns();
  int64_t lanes_of_panel =
      lanes_along_k ? roundUp(k_block, lanes) * shape.n : panelSteps() * columns;
  return lanes_of_panel * sumBytes();
}

int64_t DotPlan::panelsPackedTogether() const {
  // What the last step of a panel stores too much stays within a step of the next one.
  bool beside = packs_a && shape.a.row_stride == 1 && group == 1 && 2 * tile_rows >= lanes;
  return beside ? std::max<int64_t>(kRowsPackedTogether / tile_rows, 1) : 1;
}

int64_t DotPlan::bPanelOffset() const {
  int64_t tiles = 1;
  int64_t columns = std::max(columns_per_chunk, joined_columns);
  if (severalBlocks()) tiles = rows_per_chunk / tile_rows * (columns / tileColumns());
  return roundUp(tiles * tileBytes(), kCacheLine);
}

int64_t DotPlan::aPanelsOffset() const {
  return bPanelOffset() + (packs_b ? roundUp(columnPanelBytes(), kCacheLine) : 0);
}

int64_t DotPlan::numbersOffset() const {
  // One vector more: packing A stores, and the epilogue of columns at the edge loads, whole vectors
  // that begin inside.
  int64_t panels = packs_a ? rows_per_chunk * panelSteps() * sumBytes() : 0;
  return roundUp(aPanelsOffset() + panels + target.vector_bytes, kCacheLine);
}

int64_t DotPlan::shiftsOffset() const {
  return numbersOffset() + (shape.computes_b ? tileColumns() * k_block * sumBytes() : 0);
}

int64_t DotPlan::scratchBytes() const {
  int64_t shifts = (rows_per_chunk + tile_rows) * sumBytes() + target.vector_bytes;
  return shiftsOffset() + (shiftsColumns() ? roundUp(shifts, kCacheLine) : 0);
}

int64_t DotPlan::chunks(int64_t batch, int64_t m, int64_t n) const {
  return ceilDiv(batch, batches_per_chunk) * ceilDiv(m, rows_per_chunk) *
         ceilDiv(n, columns_per_chunk);
}

DotPlan planDot(const DotShape& shape, const DotTarget& target) {
  DotPlan plan;
  plan.shape = shape;
  plan.target = target;
  plan.lanes = int(target.vector_bytes / plan.sumBytes());
  plan.group = groupOf(shape, target);
  plan.packs_a = !readsAInPlace(plan);
  plan.packs_b = !readsBInPlace(plan);
  chooseTile(plan);
  chooseBlock(plan);
  chooseChunks(plan);
  return plan;
}

} // namespace weft::cpu
