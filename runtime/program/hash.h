// XXH3 of 128 bits: names programs in the cache and finds damaged entries. It is no protection
// against a forger; the checks of owner and mode in cache_folder.h are.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace weft {

struct Hash128 {
  uint64_t high = 0, low = 0;
  friend constexpr auto operator<=>(const Hash128&, const Hash128&) = default;
  std::string hex() const;
  /// Reads what hex() gives; nothing where the text is no such one.
  static std::optional<Hash128> from_hex(const std::string& text);
};

Hash128 hash_bytes(const void* data, size_t size);
inline Hash128 hash_bytes(const std::string& s) { return hash_bytes(s.data(), s.size()); }

} // namespace weft
