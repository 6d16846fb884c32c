// Chooses tiles and chunks of a convolution of 3 x 3 taps by minimal filtering: a square of 2 x 2
// places costs 16 multiplications of a channel and a row instead of 36. Plain numbers, no LLVM.
#pragma once

#include "codegen/cpu/lines_plan.h"

#include <optional>

namespace weft::cpu {

/// F(2 x 2, 3 x 3) of Winograd's algorithms (Lavin and Gray, Fast algorithms for convolutional
/// neural networks, 2016). A square of places sees kSeen x kSeen numbers of each channel, which
/// become as many *points*, and so do the taps of each weight. The product at each point is a sum
/// over channels alone; the 16 sums become the square's places.
struct WinogradPlan {
  static constexpr int kPlaces = 2, kTaps = 3, kSeen = 4, kPoints = kSeen * kSeen;

  WindowLines windows; // of 3 x 3 taps side by side
  LinesPlan point;     // the product at one point: a line of the squares of a chunk, one tap
  int64_t line_pieces = 1;
  bool keeps_weights = true; // their points may be there from an earlier call

  int64_t squaresOfLine() const { return ceilDiv(windows.length, kPlaces); }
  int64_t squareLines() const { return ceilDiv(windows.count, kPlaces); }
  /// The first line of squares of a piece; pieces differ by one line at most.
  int64_t firstLine(int64_t piece) const { return piece * squareLines() / line_pieces; }
  int64_t mostLines() const { return ceilDiv(squareLines(), line_pieces); }
  int64_t chunksOfEntry() const { return point.rowChunks() * line_pieces; }
  /// Vectors of squares that hold a line of them.
  int64_t vectorsOfLine() const { return ceilDiv(squaresOfLine(), point.lanes); }
  /// Sums that a panel of weights has for each of its rows.
  int64_t panelSteps() const { return kPoints * point.channels; }

  /// Elements from a point to the next: of the image [channels][squares], of the sums
  /// [squares][rows of a tile].
  int64_t imagePitch() const { return point.channels * point.channelPitch() + point.lanes; }
  int64_t sumsPitch() const { return point.windows.length * point.tileRows(); }
  /// Elements from a row of finished sums to the next: [rows of a tile][places of the chunk], with
  /// room for a line of places that do not count and a vector.
  int64_t placesPitch() const;

  /// Scratch memory, in bytes: the points of the image, of a tile of rows of weights, their sums,
  /// and the places in rows.
  int64_t panelOffset() const;
  int64_t sumsOffset() const;
  int64_t placesOffset() const;
  int64_t scratchBytes() const;
};

/// Plans a product with windows; nothing where it has no such taps, or `dot`, or else `lines`, are
/// as quick.
std::optional<WinogradPlan> planWinograd(const DotPlan& dot, const WindowLines& windows,
                                         const std::optional<LinesPlan>& lines, bool keeps_weights);

} // namespace weft::cpu
