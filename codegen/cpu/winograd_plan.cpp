#include "codegen/cpu/winograd_plan.h"

#include <algorithm>
#include <limits>

namespace weft::cpu {
namespace {

// Parts of the second-level cache: the points of some lines of the image, and the weights of a tile
// of rows where each chunk makes them.
constexpr int64_t kImageBytes = 512 * 1024, kPanelBytes = 2 * 1024 * 1024;
// Multiply-adds in the time that it takes to make the points of a vector of squares of a channel,
// or of a vector of rows; to turn the sums of a vector of places and as many rows into places; and,
// while others go on, to read a line of weights that no second-level cache holds.
constexpr double kImageVector = 72, kWeightsVector = 160, kTurnedSquare = 440, kFarLine = 16;
// Pieces that are tried beyond the fewest.
constexpr int64_t kFewChunks = 8;
// What is worth while, of the time of other ways.
constexpr double kWorthwhile = 0.85;

bool hasWindows(const WindowLines& w) {
  return w.tap_lines == WinogradPlan::kTaps && w.tap_places == WinogradPlan::kTaps &&
         w.tap_step == 1 && w.tap_line_step == 1 && w.place_step == 1 && w.line_step == 1 &&
         w.count > 1;
}

void setPieces(WinogradPlan& plan, int64_t line_pieces, int64_t row_pieces) {
  plan.line_pieces = line_pieces;
  plan.point.windows.length = plan.mostLines() * plan.squaresOfLine();
  int64_t row_tiles = ceilDiv(plan.point.rows, plan.point.tileRows());
  plan.point.rows_per_chunk = ceilDiv(row_tiles, row_pieces) * plan.point.tileRows();
}

// In multiply-adds of one vector, of one entry of the batch.
double costOf(const WinogradPlan& plan, const DotTarget& target) {
  const LinesPlan& p = plan.point;
  int64_t row_tiles = ceilDiv(p.rows, p.tileRows());
  int64_t lines = plan.squareLines() / plan.line_pieces;
  int64_t longer = plan.squareLines() % plan.line_pieces; // pieces of a line more
  int64_t tiles =
      longer * ceilDiv((lines + 1) * plan.squaresOfLine(), p.tile_places) +
      (plan.line_pieces - longer) * ceilDiv(lines * plan.squaresOfLine(), p.tile_places);
  double products = double(WinogradPlan::kPoints * p.channels * row_tiles * tiles) * p.tileCost();
  double image =
      kImageVector * double(p.rowChunks() * p.channels * plan.squareLines() * plan.vectorsOfLine());
  double groups = double(plan.squareLines() * ceilDiv(plan.windows.length, p.lanes));
  double turned = kTurnedSquare * p.lanes / 16 * groups * double(row_tiles * p.tile_vectors);
  double row_vectors = double(row_tiles * p.tile_vectors * plan.line_pieces);
  double weights = plan.keeps_weights ? 0 : kWeightsVector * row_vectors * double(p.channels);
  double weight_bytes = double(row_tiles * p.tileRows() * plan.panelSteps() * p.sum_bytes);
  double far = weight_bytes > double(target.l2_bytes) / 2
                   ? kFarLine * weight_bytes / kCacheLine * double(plan.line_pieces)
                   : 0;
  return std::max(products, far) + image + turned + weights;
}

// How much longer some threads take than evenly shared chunks would.
double unevenness(int64_t chunks, int64_t threads) {
  return double(ceilDiv(chunks, threads) * threads) / double(chunks);
}

// Tries every tile that fits the registers with every cut of a chunk's lines and rows.
double choose(WinogradPlan& plan, const DotTarget& target, int64_t batch) {
  WinogradPlan tried = plan;
  LinesPlan& p = tried.point;
  double best = std::numeric_limits<double>::infinity(), cost = best;
  int64_t line_bytes = WinogradPlan::kPoints * p.channels * plan.squaresOfLine() * p.sum_bytes;
  int64_t fit = std::max<int64_t>(kImageBytes / line_bytes, 1);
  int64_t fewest = ceilDiv(plan.squareLines(), fit);
  for (int64_t line_pieces = fewest;
       line_pieces <= std::min(plan.squareLines(), fewest + kFewChunks); ++line_pieces)
    for (p.tile_vectors = 1; p.tile_vectors <= 8; ++p.tile_vectors) {
      if (p.tile_vectors > 1 && p.tileRows() * tried.panelSteps() * p.sum_bytes > kPanelBytes)
        break;
      int64_t row_tiles = ceilDiv(p.rows, p.tileRows());
      for (int64_t row_pieces = 1; row_pieces <= std::min(row_tiles, kFewChunks); ++row_pieces)
        for (p.tile_places = 1; p.tile_places <= p.lanes; ++p.tile_places) {
          setPieces(tried, line_pieces, row_pieces);
          int64_t least = (tried.squareLines() / line_pieces) * tried.squaresOfLine();
          if (p.tile_places > least ||
              p.tile_places * p.tile_vectors + p.tile_vectors + 1 > target.vector_registers)
            break;
          int64_t chunks = batch * tried.chunksOfEntry();
          double own = costOf(tried, target);
          double shared = own * (unevenness(chunks, 2) + unevenness(chunks, 4));
          if (shared >= best) continue;
          best = shared;
          cost = own;
          plan = tried;
        }
    }
  return cost;
}

} // namespace

int64_t WinogradPlan::placesPitch() const {
  return roundUp((mostLines() * kPlaces + 1) * windows.length, point.lanes) + point.lanes;
}

int64_t WinogradPlan::panelOffset() const {
  return roundUp(kPoints * imagePitch() * point.sum_bytes, kCacheLine);
}

int64_t WinogradPlan::sumsOffset() const {
  int64_t panel = panelSteps() * point.tileRows() + point.lanes;
  return panelOffset() + roundUp(panel * point.sum_bytes, kCacheLine);
}

int64_t WinogradPlan::placesOffset() const {
  return sumsOffset() + roundUp(kPoints * sumsPitch() * point.sum_bytes, kCacheLine);
}

int64_t WinogradPlan::scratchBytes() const {
  return placesOffset() + roundUp(point.tileRows() * placesPitch() * point.sum_bytes, kCacheLine);
}

std::optional<WinogradPlan> planWinograd(const DotPlan& dot, const WindowLines& windows,
                                         const std::optional<LinesPlan>& lines,
                                         bool keeps_weights) {
  const DotShape& s = dot.shape;
  WinogradPlan plan;
  plan.windows = windows;
  plan.keeps_weights = keeps_weights;
  LinesPlan& p = plan.point;
  p.lanes = dot.lanes;
  p.sum_bytes = int(dot.sumBytes());
  p.rows = s.m;
  p.windows.count = 1;
  if (!hasWindows(windows) || !canRunAlongRows(dot)) return std::nullopt;
  p.channels = p.channels_per_block = s.k / (WinogradPlan::kTaps * WinogradPlan::kTaps);
  p.lines_per_chunk = 1;
  if (WinogradPlan::kPoints * p.channels * plan.squaresOfLine() * p.sum_bytes > kImageBytes)
    return std::nullopt;
  double cost = choose(plan, dot.target, s.batch == kDynamic ? 1 : std::max<int64_t>(s.batch, 1));
  double other = lines ? lines->cost() : kPackedWindows * double(ceilDiv(s.n, p.lanes) * s.m * s.k);
  if (!(cost < kWorthwhile * other)) return std::nullopt;
  return plan;
}

} // namespace weft::cpu
