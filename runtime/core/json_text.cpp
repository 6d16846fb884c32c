#include "runtime/core/json_text.h"

#include <cstdio>

namespace weft {

namespace {

/// Returns the length of the UTF-8 sequence at the start of a text, 0 where there is none.
size_t sequence_length(std::string_view s) {
  auto byte = [&](size_t k) { return static_cast<unsigned char>(s[k]); };
  size_t n = byte(0) < 0x80 ? 1 : byte(0) >= 0xC2 && byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (byte(0) >= 0x80 && (byte(0) < 0xC2 || byte(0) > 0xF4)) return 0;
  if (s.size() < n) return 0;
  for (size_t k = 1; k < n; k++)
    if ((byte(k) & 0xC0) != 0x80) return 0;
  bool overlong = (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xF0 && byte(1) < 0x90);
  bool no_character = (byte(0) == 0xED && byte(1) > 0x9F) || (byte(0) == 0xF4 && byte(1) > 0x8F);
  return overlong || no_character ? 0 : n;
}

} // namespace

std::string json_text(std::string_view text) {
  std::string r = "\"";
  while (!text.empty()) {
    size_t n = sequence_length(text);
    char c = text[0];
    if (n == 0) {
      r += "\xEF\xBF\xBD";
      n = 1;
    } else if (c == '"' || c == '\\') {
      r += '\\';
      r += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      r += escape;
    } else {
      r += text.substr(0, n);
    }
    text.remove_prefix(n);
  }
  return r + '"';
}

} // namespace weft
