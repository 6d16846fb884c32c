// Text from files as messages show it.
#pragma once

#include <string>
#include <string_view>

namespace weft {

/// Returns the text in quotes, control characters and bytes beyond ASCII escaped, cut where it is
/// long.
inline std::string in_quotes(std::string_view text) {
  constexpr size_t kMost = 80;
  constexpr char digits[] = "0123456789abcdef";
  std::string r = "\"";
  for (char c : text.substr(0, kMost)) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      r += {'\\', c};
    else if (byte >= 0x20 && byte < 0x7F)
      r += c;
    else
      r += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  }
  return r + (text.size() > kMost ? "...\"" : "\"");
}

} // namespace weft
