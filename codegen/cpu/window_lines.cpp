// Reads lines off the numbers that the affine functions of a window give: each claim is checked for
// every column and every step.
#include "codegen/cpu/window_lines.h"

#include "codegen/cpu/plan.h"
#include "ir/loom/affine_value.h"

#include <algorithm>
#include <numeric>
#include <vector>

using namespace mlir;

namespace weft::cpu {
namespace {

int64_t floorDiv(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

// The value of an affine function of dim 0.
int64_t valueAt(AffineExpr e, int64_t dim) { return affineValue(e, dim); }

// The least number that dim 0 itself is divided by, or `otherwise`.
int64_t leastDivisor(AffineExpr e, int64_t otherwise) {
  e.walk([&](AffineExpr inner) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(inner);
    bool divides =
        inner.getKind() == AffineExprKind::FloorDiv || inner.getKind() == AffineExprKind::Mod;
    if (!binary || !divides || !isa<AffineDimExpr>(binary.getLHS())) return;
    if (auto by = dyn_cast<AffineConstantExpr>(binary.getRHS()))
      otherwise = std::min(otherwise, by.getValue());
  });
  return otherwise;
}

// A function of two digits of its argument: start + high * (i / length) + low * (i % length).
struct Digits {
  int64_t start = 0, high = 0, low = 0;
};

std::optional<Digits> readDigits(AffineExpr e, int64_t length, int64_t extent) {
  Digits d;
  d.start = valueAt(e, 0);
  if (length > 1) d.low = valueAt(e, 1) - d.start;
  if (length < extent) d.high = valueAt(e, length) - d.start;
  for (int64_t i = 0; i < extent; ++i)
    if (valueAt(e, i) != d.start + d.high * (i / length) + d.low * (i % length))
      return std::nullopt;
  return d;
}

// Narrows [first, end) to where slope * i + start >= 0.
void narrow(int64_t slope, int64_t start, int64_t& first, int64_t& end) {
  if (slope > 0)
    first = std::max(first, -floorDiv(start, slope));
  else
    end = std::min(end, floorDiv(start, -slope) + 1);
}

// Takes a bound of columns and steps, each of digits, as one of lines or of positions.
bool addBound(const Digits& column, const Digits& step, WindowLines& lines) {
  int64_t start = column.start + step.start;
  if (column.high == 0 && step.high == 0) { // of positions
    if (column.low % lines.place_step != 0) return false;
    int64_t slope = column.low / lines.place_step;
    if (slope == 0 || (lines.tap_places > 1 && step.low != slope * lines.tap_step)) return false;
    narrow(slope, start, lines.first_position, lines.end_position);
    return true;
  }
  if (column.low != 0 || step.low != 0 || column.high % lines.line_step != 0) return false;
  int64_t slope = column.high / lines.line_step;
  if (slope == 0 || (lines.tap_lines > 1 && step.high != slope * lines.tap_line_step)) return false;
  narrow(slope, start, lines.first_line, lines.end_line);
  return true;
}

} // namespace

std::optional<WindowLines> findLines(const ProductWindow& window, int64_t columns) {
  WindowLines lines;
  lines.length = leastDivisor(window.by_column, columns);
  lines.tap_places = leastDivisor(window.by_step, window.period);
  for (const ProductWindow::Bound& bound : window.bounds) {
    lines.length = leastDivisor(bound.by_column, lines.length);
    lines.tap_places = leastDivisor(bound.by_step, lines.tap_places);
  }
  if (lines.length < 2 || lines.length >= columns || columns % lines.length != 0 ||
      window.period % lines.tap_places != 0)
    return std::nullopt;
  auto column = readDigits(window.by_column, lines.length, columns);
  if (!column || column->low <= 0 || column->high <= 0) return std::nullopt;
  // Taps of one column of the window lie a line apart and divide nothing.
  if (lines.tap_places == window.period &&
      valueAt(window.by_step, window.period - 1) - valueAt(window.by_step, 0) >= column->high)
    lines.tap_places = 1;
  lines.tap_lines = window.period / lines.tap_places;
  lines.count = columns / lines.length;
  auto step = readDigits(window.by_step, lines.tap_places, window.period);
  if (!step || step->low < 0 || step->high < 0) return std::nullopt;
  lines.place_step = column->low;
  lines.tap_step = lines.tap_places > 1 ? step->low : 1;
  lines.pitch = std::gcd(column->high, step->high);
  lines.line_step = column->high / lines.pitch;
  lines.tap_line_step = step->high / lines.pitch;
  if (lines.tap_step < 1 || lines.width() > 2 * column->high) return std::nullopt;
  lines.origin = column->start + step->start;
  lines.end_position = lines.width();
  lines.end_line = lines.seen(lines.count);
  for (const ProductWindow::Bound& bound : window.bounds) {
    auto by_column = readDigits(bound.by_column, lines.length, columns);
    auto by_step = readDigits(bound.by_step, lines.tap_places, window.period);
    if (!by_column || !by_step || !addBound(*by_column, *by_step, lines)) return std::nullopt;
  }
  return lines;
}

} // namespace weft::cpu
