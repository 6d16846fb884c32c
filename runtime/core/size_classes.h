// Size classes of the caching allocators: four a power of two, from 64 bytes on.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weft {

inline constexpr size_t kBlockAlign = 64;
inline constexpr int kSizeClasses = 240; // up to 2^63

// Class sizes: 64, 80, 96, 112, 128, 160, ... rounded up to multiples of 64, so that the first few
// coincide; class_of returns one class for each size.
constexpr int class_of(size_t nbytes) {
  if (nbytes <= kBlockAlign) return 0;
  nbytes = (nbytes + kBlockAlign - 1) / kBlockAlign * kBlockAlign;
  int log = 63 - std::countl_zero(nbytes - 1); // 2^log <= nbytes - 1 < 2^(log + 1)
  int quarter = static_cast<int>((nbytes - 1) >> (log - 2)) & 3; // which quarter of that octave
  return (log - 6) * 4 + quarter + 1;
}

constexpr size_t class_size(int c) {
  if (c == 0) return kBlockAlign;
  int log = (c - 1) / 4 + 6, quarter = (c - 1) % 4;
  size_t size = (size_t{1} << log) + (size_t{1} << (log - 2)) * static_cast<size_t>(quarter + 1);
  return (size + kBlockAlign - 1) / kBlockAlign * kBlockAlign;
}
static_assert(class_of(65) == class_of(128) && class_of(129) == class_of(192));
static_assert(class_size(class_of(128)) == 128 && class_size(class_of(129)) == 192);

/// Prints a number of bytes for a message: "3.5 MiB".
std::string text_of_bytes(size_t bytes);

} // namespace weft
