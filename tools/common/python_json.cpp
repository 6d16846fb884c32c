#include "tools/common/python_json.h"

#include <string_view>

namespace weft::tools {

namespace {

struct Word {
  std::string_view text, json;
};
constexpr Word kWords[] = {
    {"NaN", R"({"f":"nan"})"}, {"Infinity", R"({"f":"inf"})"}, {"-Infinity", R"({"f":"-inf"})"}};

} // namespace

nlohmann::json parse_python_json(const std::string& text) {
  std::string plain;
  bool in_string = false;
  for (size_t at = 0; at < text.size();) {
    std::string_view rest = std::string_view(text).substr(at);
    const Word* found = nullptr;
    for (const Word& word : kWords)
      if (!in_string && rest.starts_with(word.text)) found = &word;
    if (found) {
      plain += found->json;
      at += found->text.size();
      continue;
    }
    size_t length = in_string && rest[0] == '\\' && rest.size() > 1 ? 2 : 1;
    if (rest[0] == '"') in_string = !in_string;
    plain += rest.substr(0, length);
    at += length;
  }
  return nlohmann::json::parse(plain);
}

} // namespace weft::tools
