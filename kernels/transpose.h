// Copies of elements in another order, by their width: transposed blocks and reversed lines.
#pragma once

#include <cstdint>

namespace weft::kernels {

/// Writes to[c][r] = from[r][c] for r < rows, c < columns, elements of `item` bytes (1, 2, 4 or 8).
/// Those of a line are adjacent; from one line to the next it is `from_step` and `to_step` bytes.
void transpose(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t rows,
               int64_t columns, int64_t item);

/// Writes to[n - 1 - k] = from[k] for k < n, elements of `item` bytes (1, 2, 4 or 8).
void reverse(const char* from, char* to, int64_t n, int64_t item);

} // namespace weft::kernels
