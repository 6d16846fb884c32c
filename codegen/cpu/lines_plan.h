// Chooses tiles and chunks of a product whose columns lie in lines of an image: lanes run along the
// rows, and a tile reads what its columns see where that lies in a copy of some lines.
#pragma once

#include "codegen/cpu/dot_plan.h"
#include "codegen/cpu/window_lines.h"

#include <optional>

namespace weft::cpu {

/// What packed windows cost beside their products, in parts of them.
inline constexpr double kPackedWindows = 1.25;

/// All is constant. A tile is [tile_places columns of a line][tile_vectors vectors of rows]; a
/// chunk some rows by some lines of columns of one batch entry.
struct LinesPlan {
  WindowLines windows;
  int lanes = 0, sum_bytes = 0;
  int tile_places = 0, tile_vectors = 0;
  int64_t rows = 0, channels = 0;
  int64_t channels_per_block = 0; // whose weights are a panel, while a tile's sums wait
  int64_t rows_per_chunk = 0;     // a multiple of tileRows()
  int64_t lines_per_chunk = 0;

  int64_t tileRows() const { return int64_t(lanes) * tile_vectors; }
  int64_t taps() const { return windows.tap_lines * windows.tap_places; }
  /// Elements of a panel for one channel.
  int64_t channelWeights() const { return taps() * tileRows(); }
  /// Cache lines of a panel that a tile asks for ahead, for each channel.
  int64_t linesAhead() const {
    int64_t tiles = lines_per_chunk * tilesOfLine();
    return (channelWeights() * sum_bytes / 64 + tiles - 1) / tiles;
  }
  int64_t tilesOfLine() const { return (windows.length - 1) / tile_places + 1; }
  int64_t rowChunks() const { return (rows - 1) / rows_per_chunk + 1; }
  int64_t lineChunks() const { return (windows.count - 1) / lines_per_chunk + 1; }
  /// Multiply-adds of one vector that take as long as a tile at one tap of a channel, and as all
  /// tiles at all of them.
  double tileCost() const;
  double cost() const;
  bool severalBlocks() const { return channels_per_block < channels; }
  /// Elements of the copy from one channel to the next.
  int64_t channelPitch() const;
  /// Elements from a row of finished sums to the next: [tileRows()][columns of the chunk], with
  /// room for a vector behind them.
  int64_t sumsPitch() const;

  /// Scratch memory, in bytes: the copy of lines [channels][lines][width], then a panel of weights
  /// [channels_per_block * taps][tileRows()], then sums of one tile or of all tiles of a row of
  /// them, then those sums turned.
  int64_t panelOffset() const;
  int64_t waitingOffset() const;
  int64_t turnedOffset() const;
  int64_t scratchBytes() const;
};

/// Says whether lanes can run along the rows of a product, which has windows.
bool canRunAlongRows(const DotPlan& dot);

/// Plans a product with windows; nothing where `dot` plans it better, or the lines do not fit the
/// caches.
std::optional<LinesPlan> planLines(const DotPlan& dot, const WindowLines& windows);

} // namespace weft::cpu
