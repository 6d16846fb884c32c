// Square blocks are transposed in vectors of 128 bits, which every instruction set of a platform
// has and which keep up with memory; what is left at the edges goes element by element.

#include "kernels/transpose.h"

#include "kernels/square-inl.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weft::kernels {

namespace {

constexpr int64_t kCacheLine = 64; // bytes
constexpr int64_t kAhead = 16;     // lines: no processor foresees steps from page to page

template <class T> using Lanes [[gnu::vector_size(16)]] = T;

template <class V, size_t... k> inline V reversed(V v, std::index_sequence<k...>) {
  return __builtin_shufflevector(v, v, (static_cast<int>(sizeof...(k) - 1 - k))...);
}

// Fetches the lines of `bytes` bytes that a walk comes to after the next ones.
template <bool writes>
inline void fetch_ahead(const char* lines, int64_t step, int64_t first, int64_t end,
                        int64_t bytes) {
  for (int64_t k = first; k < end; k++)
    for (int64_t at = 0; at < bytes; at += kCacheLine)
      __builtin_prefetch(lines + k * step + at, writes);
}

template <class T> void reverse_line(const char* from, char* to, int64_t n) {
  using V = Lanes<T>;
  constexpr int64_t lanes = 16 / sizeof(T), item = sizeof(T);
  int64_t k = 0;
  for (; k + lanes <= n; k += lanes) {
    V v;
    std::memcpy(&v, from + k * item, sizeof v);
    v = reversed(v, std::make_index_sequence<lanes>());
    std::memcpy(to + (n - lanes - k) * item, &v, sizeof v);
  }
  for (; k < n; k++)
    std::memcpy(to + (n - 1 - k) * item, from + k * item, item);
}

// Walks along the lines of the side that steps further, so that each part of a cache is used whole
// before the next.
template <class T>
void transpose_block(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t rows,
                     int64_t columns) {
  constexpr int n = 16 / sizeof(T);
  constexpr int64_t item = sizeof(T);
  const int64_t whole_rows = rows / n * n, whole_columns = columns / n * n;
  auto square_at = [&](int64_t r, int64_t c) {
    HWY_NAMESPACE::turn_square<T, n>(from + r * from_step + c * item, from_step,
                                     to + c * to_step + r * item, to_step);
  };
  auto singles = [&](int64_t first_row, int64_t end_row, int64_t first_column, int64_t end_column) {
    for (int64_t r = first_row; r < end_row; r++)
      for (int64_t c = first_column; c < end_column; c++)
        *reinterpret_cast<T*>(to + c * to_step + r * item) =
            *reinterpret_cast<const T*>(from + r * from_step + c * item);
  };
  if (to_step > from_step) {
    for (int64_t c = 0; c < whole_columns; c += n) {
      fetch_ahead<true>(to, to_step, c + kAhead, std::min(c + kAhead + n, columns), rows * item);
      for (int64_t r = 0; r < whole_rows; r += n)
        square_at(r, c);
    }
  } else {
    for (int64_t r = 0; r < whole_rows; r += n) {
      fetch_ahead<false>(from, from_step, r + kAhead, std::min(r + kAhead + n, rows),
                         columns * item);
      for (int64_t c = 0; c < whole_columns; c += n)
        square_at(r, c);
    }
  }
  singles(0, whole_rows, whole_columns, columns);
  singles(whole_rows, rows, 0, columns);
}

} // namespace

void transpose(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t rows,
               int64_t columns, int64_t item) {
  switch (item) {
  case 1:
    return transpose_block<uint8_t>(from, from_step, to, to_step, rows, columns);
  case 2:
    return transpose_block<uint16_t>(from, from_step, to, to_step, rows, columns);
  case 4:
    return transpose_block<uint32_t>(from, from_step, to, to_step, rows, columns);
  default:
    return transpose_block<uint64_t>(from, from_step, to, to_step, rows, columns);
  }
}

void reverse(const char* from, char* to, int64_t n, int64_t item) {
  switch (item) {
  case 1:
    return reverse_line<uint8_t>(from, to, n);
  case 2:
    return reverse_line<uint16_t>(from, to, n);
  case 4:
    return reverse_line<uint32_t>(from, to, n);
  default:
    return reverse_line<uint64_t>(from, to, n);
  }
}

} // namespace weft::kernels
