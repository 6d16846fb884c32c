// JSON from files: bounded depth, no key twice in an object.
#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace weft {

/// Parses a text of at most kMostJsonBytes; throws FormatError, in which `what` names the text.
nlohmann::json parse_json(std::string_view text, const char* what);

inline constexpr size_t kMostJsonBytes = size_t{1} << 20;
inline constexpr int kMostJsonDepth = 16;

/// Prints a text as a JSON string; throws FormatError where it is not UTF-8.
std::string print_json_text(std::string_view text);

} // namespace weft
