// Texts of kernels with names in place of what a test varies.
#pragma once

#include <string>

namespace weft::test {

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at; (at = text.find(from)) != std::string::npos;)
    text.replace(at, from.size(), to);
  return text;
}

} // namespace weft::test
