// Where the greatest elements of windows are.
#pragma once

#include "weft/dtype.h"

#include <cstddef>
#include <cstdint>

namespace weft::kernels {

/// What a window sees along one dim: elements first, first + step, ..., `count` of them.
struct WindowSpan {
  int64_t first = 0, count = 0, step = 1;
};

/// Windows along the last dim of a plane [sizes...] without gaps, that see the same of the other
/// dims. No window sees nothing.
struct WindowRow {
  const void* plane;
  int64_t sizes[3];
  WindowSpan outer[2];
  int64_t windows; // how many
};

/// Window i sees elements start + i * stride + t * dilation for t < taps, as far as there are such.
struct MovedWindows {
  int64_t start, stride, taps, dilation;
};

/// How elements of a line are laid out for moved windows: `rows` rows of `length` elements, of
/// which row k begins k * step elements into the line and takes every stride-th.
struct WindowLayout {
  int64_t rows, length, step;
  bool shares_rows; // among taps a multiple of the stride apart

  WindowLayout(int64_t windows, const MovedWindows& w);
  /// What tap t of window 0 sees.
  int64_t place(int64_t t, const MovedWindows& w) const {
    int64_t offset = t * w.dilation;
    return shares_rows ? offset % w.stride * length + offset / w.stride : t * length;
  }
};

/// Returns what a row of so many windows needs that see at most `lines` lines.
size_t max_positions_scratch(int64_t windows, int64_t lines, const MovedWindows& along);

/// Finds for each window the number, in row-major order of the plane, of the greatest element that
/// it sees: the first of equal ones; NaN is the greatest, and of several the last counts.
struct MaxPositions {
  /// `scratch` has max_positions_scratch() bytes.
  void (*moved)(const WindowRow& row, const MovedWindows& along, void* scratch, int64_t* positions);
  /// Window i sees inner[i].
  void (*given)(const WindowRow& row, const WindowSpan* inner, int64_t* positions);
};

/// Returns the kernels of a compute dtype: f32, f64 or i64.
const MaxPositions& max_positions(DType compute);

} // namespace weft::kernels
