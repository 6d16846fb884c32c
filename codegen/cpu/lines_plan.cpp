#include "codegen/cpu/lines_plan.h"

#include <algorithm>
#include <limits>

namespace weft::cpu {
namespace {

// Parts of the second-level cache: the copy of some lines, and a panel of weights.
constexpr int64_t kCopyBytes = 272 * 1024, kMostCopyBytes = 512 * 1024;
constexpr int64_t kPanelBytes = 128 * 1024;
// Chunks that keep a few threads busy, and vector multiply-adds that make one worth it.
constexpr int64_t kFewChunks = 8, kSmallChunk = 1 << 14;

void chooseTile(LinesPlan& plan, int registers) {
  LinesPlan tried = plan;
  double best = std::numeric_limits<double>::infinity();
  for (tried.tile_places = 1; tried.tile_places <= plan.lanes; ++tried.tile_places) {
    if (tried.tile_places > plan.windows.length) break;
    for (tried.tile_vectors = 1; tried.tile_vectors <= 8; ++tried.tile_vectors) {
      int products = tried.tile_places * tried.tile_vectors;
      if (products + tried.tile_vectors + 1 > registers) break;
      double cost = tried.cost();
      if (cost >= best) continue;
      best = cost;
      plan.tile_places = tried.tile_places;
      plan.tile_vectors = tried.tile_vectors;
    }
  }
}

// As many lines as fit, then cut evenly until there are a few chunks: lines while the ones that
// two chunks both copy are few, else rows, whose chunks copy the same lines.
void chooseChunks(LinesPlan& plan, int64_t batch) {
  const WindowLines& w = plan.windows;
  int64_t line_bytes = plan.channels * w.width() * plan.sum_bytes;
  int64_t fit = 1;
  while (fit < w.count && w.seen(fit + 1) * line_bytes <= kCopyBytes)
    ++fit;
  int64_t line_pieces = ceilDiv(w.count, fit), row_pieces = 1;
  int64_t row_tiles = ceilDiv(plan.rows, plan.tileRows());
  int64_t line_work = w.length * row_tiles * plan.tile_vectors * plan.channels * plan.taps();
  while (batch * line_pieces * row_pieces < kFewChunks) {
    int64_t lines = ceilDiv(w.count, line_pieces), tiles = ceilDiv(row_tiles, row_pieces);
    if (line_work * w.count / (line_pieces * row_pieces) < 2 * kSmallChunk) break;
    bool cuts_rows = tiles % 2 == 0, overlaps = lines < 2 * w.seen(1);
    if (lines % 2 == 0 && (!overlaps || !cuts_rows))
      line_pieces *= 2;
    else if (tiles > 1)
      row_pieces *= 2;
    else if (lines > 1)
      line_pieces *= 2;
    else
      break;
  }
  plan.lines_per_chunk = ceilDiv(w.count, line_pieces);
  plan.rows_per_chunk = ceilDiv(row_tiles, row_pieces) * plan.tileRows();
}

} // namespace

double LinesPlan::tileCost() const {
  double products = tile_places * tile_vectors, loads = tile_places + tile_vectors;
  double lines = double(tileRows() * sum_bytes) / kCacheLine;
  return std::max({products, loads, kLatency, kPanelLineRead * lines}) + 0.15 * loads + 0.2 * lines;
}

double LinesPlan::cost() const {
  int64_t row_tiles = ceilDiv(rows, tileRows());
  return double(windows.count * tilesOfLine() * row_tiles * channels * taps()) * tileCost();
}

int64_t LinesPlan::channelPitch() const {
  int64_t elements = windows.seen(lines_per_chunk) * windows.width();
  // Channels a multiple of the page size apart would share the same few cache sets.
  return elements * sum_bytes % 1024 == 0 ? elements + lanes : elements;
}

int64_t LinesPlan::sumsPitch() const {
  return roundUp(lines_per_chunk * windows.length, lanes) + lanes;
}

int64_t LinesPlan::panelOffset() const {
  return roundUp((channels * channelPitch() + lanes) * sum_bytes, 64);
}

int64_t LinesPlan::waitingOffset() const {
  return panelOffset() +
         roundUp((channels_per_block * taps() * tileRows() + lanes) * sum_bytes, 64);
}

int64_t LinesPlan::turnedOffset() const {
  int64_t tiles = severalBlocks() ? lines_per_chunk * tilesOfLine() : 1;
  return waitingOffset() + tiles * tile_places * tileRows() * sum_bytes;
}

int64_t LinesPlan::scratchBytes() const {
  return turnedOffset() + roundUp(tileRows() * sumsPitch() * sum_bytes, 64);
}

bool canRunAlongRows(const DotPlan& dot) {
  const DotShape& s = dot.shape;
  return s.m != kDynamic && s.k != kDynamic && dot.group == 1 && s.element != DotElement::i64 &&
         s.m >= dot.lanes && s.a.column_stride != kDynamic && s.a.row_stride != kDynamic;
}

std::optional<LinesPlan> planLines(const DotPlan& dot, const WindowLines& windows) {
  const DotShape& s = dot.shape;
  LinesPlan plan;
  plan.windows = windows;
  plan.lanes = dot.lanes;
  plan.sum_bytes = int(dot.sumBytes());
  plan.rows = s.m;
  if (!canRunAlongRows(dot) || plan.taps() == 1) return std::nullopt;
  plan.channels = s.k / plan.taps();
  if (windows.seen(1) * plan.channels * windows.width() * plan.sum_bytes > kMostCopyBytes)
    return std::nullopt;
  chooseTile(plan, dot.target.vector_registers);
  double along_columns = double(ceilDiv(s.n, plan.lanes) * s.m * s.k);
  if (plan.tile_places == 0 || plan.cost() >= kPackedWindows * along_columns) return std::nullopt;
  int64_t channel_bytes = plan.taps() * plan.tileRows() * plan.sum_bytes;
  int64_t most = std::max<int64_t>(kPanelBytes / channel_bytes, 1);
  plan.channels_per_block = ceilDiv(plan.channels, ceilDiv(plan.channels, most));
  chooseChunks(plan, s.batch == kDynamic ? 1 : std::max<int64_t>(s.batch, 1));
  return plan;
}

} // namespace weft::cpu
