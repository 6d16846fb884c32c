// Texts as JSON strings.
#pragma once

#include <string>
#include <string_view>

namespace weft {

/// Returns a text in quotes. Bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);

} // namespace weft
