// The one place where sizes that come from users and files are multiplied and added.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

namespace weft {

/// The most bytes that a tensor may have.
inline constexpr uint64_t kMostTensorBytes = (uint64_t{1} << 62) - 1;

/// Returns the bytes of `sizes` elements of `item` bytes each, or nothing where a size is negative
/// or the product exceeds kMostTensorBytes. Sizes of 0 count as 1 for that, so that strides of an
/// empty tensor cannot overflow either.
inline std::optional<uint64_t> checked_bytes(std::span<const int64_t> sizes, uint64_t item) {
  uint64_t bytes = item;
  bool is_empty = false;
  for (int64_t size : sizes) {
    if (size < 0) return std::nullopt;
    is_empty |= size == 0;
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(std::max<int64_t>(size, 1)), &bytes) ||
        bytes > kMostTensorBytes)
      return std::nullopt;
  }
  return is_empty ? 0 : bytes;
}

/// Says whether `length` bytes from `offset` on lie inside `total`.
inline bool lies_inside(uint64_t offset, uint64_t length, uint64_t total) {
  return offset <= total && length <= total - offset;
}

} // namespace weft
