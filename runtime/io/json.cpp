#include "runtime/io/json.h"

#include "runtime/io/format_error.h"
#include "runtime/io/in_quotes.h"

#include <fmt/format.h>

#include <set>

namespace weft {

namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(const char* what, const std::string& must, const std::string& got) {
  throw FormatError(fmt::format("{} must {}, got {}", what, must, got));
}

} // namespace

Json parse_json(std::string_view text, const char* what) {
  if (text.size() > kMostJsonBytes)
    refuse(what, fmt::format("have at most {} bytes", kMostJsonBytes), std::to_string(text.size()));
  std::vector<std::set<std::string>> keys; // of the objects that are open
  auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMostJsonDepth)
      refuse(what, fmt::format("be nested {} deep at most", kMostJsonDepth), "more");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      refuse(what, "have each key once", in_quotes(value.get<std::string>()) + " twice");
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception&) {
    refuse(what, "be JSON", in_quotes(text));
  }
}

std::string print_json_text(std::string_view text) {
  try {
    return Json(text).dump();
  } catch (const Json::exception&) {
    throw FormatError("texts must be UTF-8, got " + in_quotes(text));
  }
}

} // namespace weft
