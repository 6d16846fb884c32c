// Where the greatest elements of windows are.
#pragma once

#include "weft/dtype.h"

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

/// Finds for each window the number, in row-major order of the plane, of the greatest element that
/// it sees: the first of equal ones; NaN is the greatest, and of several the last counts.
struct MaxPositions {
  /// Window i sees elements i * stride + start + t * dilation for t < taps, as far as there are
  /// such. `scratch` has 16 bytes a window and 8 a tap of a whole window.
  void (*moved)(const WindowRow& row, int64_t start, int64_t stride, int64_t taps, int64_t dilation,
                void* scratch, int64_t* positions);
  /// Window i sees inner[i].
  void (*given)(const WindowRow& row, const WindowSpan* inner, int64_t* positions);
};

/// Returns the kernels of a compute dtype: f32, f64 or i64.
const MaxPositions& max_positions(DType compute);

} // namespace weft::kernels
