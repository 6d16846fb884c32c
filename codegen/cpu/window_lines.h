// Windows that slide along the lines of an image: what a product's columns see at each step, as
// lines and positions in them. Plain numbers, no LLVM.
#pragma once

#include <cstdint>
#include <optional>

namespace weft::cpu {

struct ProductWindow; // codegen/cpu/plan.h

/// Column length * y + x sees, at step tap_places * r + t of the period, the position
/// place_step * x + tap_step * t of the line line_step * y + tap_line_step * r of the image, which
/// is 0 outside of the ranges below.
struct WindowLines {
  int64_t length = 0, count = 0;                // columns of a line, and lines of columns
  int64_t place_step = 1, line_step = 1;        // from a column, or a line of them, to the next
  int64_t tap_places = 1, tap_lines = 1;        // their product is the period
  int64_t tap_step = 1, tap_line_step = 1;      // from a tap to the next
  int64_t first_position = 0, end_position = 0; // inside of the image
  int64_t first_line = 0, end_line = 0;         // likewise
  int64_t origin = 0, pitch = 0;                // element of position 0 in line 0; of a line

  /// Positions of a line that some column sees.
  int64_t width() const { return (length - 1) * place_step + (tap_places - 1) * tap_step + 1; }
  /// Lines of the image that so many lines of columns see.
  int64_t seen(int64_t lines) const {
    return (lines - 1) * line_step + (tap_lines - 1) * tap_line_step + 1;
  }
};

/// Finds the lines of windows of `columns` columns; nothing where these do not lie so.
std::optional<WindowLines> findLines(const ProductWindow& window, int64_t columns);

} // namespace weft::cpu
