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

std::optional<Hash128> Hash128::from_hex(const std::string& text) {
  if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    return std::nullopt;
  Hash128 h;
  for (size_t k = 0; k < 32; k++) {
    uint64_t& word = k < 16 ? h.high : h.low;
    word = word << 4 | static_cast<uint64_t>(text[k] <= '9' ? text[k] - '0' : text[k] - 'a' + 10);
  }
  return h;
}

} // namespace weft
