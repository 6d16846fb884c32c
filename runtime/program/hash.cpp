#include "runtime/program/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weft {

Hash128 hash_bytes(const void* data, size_t size) {
  XXH128_hash_t h = XXH3_128bits(data, size);
  return {h.high64, h.low64};
}

std::string Hash128::hex() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (uint64_t word : {high, low})
    for (int shift = 60; shift >= 0; shift -= 4)
      text += digits[word >> shift & 15];
  return text;
}

} // namespace weft
