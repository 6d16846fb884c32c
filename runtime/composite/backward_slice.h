// Slices with a negative step, as in NumPy: the positions of a slice forwards, in the other order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace weft::composite {

/// The positions start, start + step, ... before `end` of a dim, for a negative step, from the
/// least one on: first, first + step, ... with a positive step. Negative positions count from the
/// end; those beyond it are limited, so that an `end` below -size leaves out none.
struct Backward {
  int64_t first = 0, length = 0, step;

  Backward(int64_t size, int64_t start, int64_t end, int64_t by)
      : step(by == std::numeric_limits<int64_t>::min() ? std::numeric_limits<int64_t>::max()
                                                       : -by) {
    auto limited = [&](int64_t v) {
      return std::clamp<int64_t>(v < 0 ? v + size : v, -1, size - 1);
    };
    const int64_t from = limited(start), to = limited(end);
    if (from <= to) return;
    length = (from - to - 1) / step + 1;
    first = from - (length - 1) * step;
  }
  /// The end of the slice forwards.
  int64_t end() const { return length ? first + (length - 1) * step + 1 : first; }
};

} // namespace weft::composite
