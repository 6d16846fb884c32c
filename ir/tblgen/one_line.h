// Text as one line: the op reference prints examples so, and their test compares so.
#pragma once

#include <string>

namespace weft::tblgen {

/// Returns `text` with every run of spaces and line ends as one space, and none at its ends.
inline std::string one_line(const std::string& text) {
  std::string r;
  for (char c : text) {
    bool space = c == ' ' || c == '\n';
    if (!space)
      r += c;
    else if (!r.empty() && r.back() != ' ')
      r += ' ';
  }
  if (!r.empty() && r.back() == ' ') r.pop_back();
  return r;
}

} // namespace weft::tblgen
