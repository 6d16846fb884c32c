// JSON as Python's json module writes it: numbers may be NaN, Infinity and -Infinity.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace weft::tools {

/// Parses a text. The three words become {"f": "nan"}, {"f": "inf"} and {"f": "-inf"}. Throws
/// nlohmann::json::parse_error.
nlohmann::json parse_python_json(const std::string& text);

} // namespace weft::tools
