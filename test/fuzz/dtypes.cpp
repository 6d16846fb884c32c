#include "test/fuzz/dtypes.h"

#include <algorithm>
#include <sstream>

namespace fuzz {

namespace {

// The dtypes that a word of a clause stands for.
std::vector<DType> dtypes_of(const std::string& word) {
  static const std::map<std::string, std::vector<DType>> all = [] {
    std::map<std::string, std::vector<DType>> words;
    for (int k = 0; k < kDTypeCount; k++) {
      const auto dtype = static_cast<DType>(k);
      words[std::string(name_of(dtype))] = {dtype};
      if (is_floating(dtype)) words["floating"].push_back(dtype);
      if (is_integer(dtype)) words["integers"].push_back(dtype);
    }
    words["integer"] = words["integers"];
    return words;
  }();
  auto known = all.find(word);
  return known == all.end() ? std::vector<DType>{} : known->second;
}

// Dims are of no interest here: "codes [N, K] of i8" becomes "codes  of i8".
std::string without_brackets(std::string text) {
  for (size_t open = text.find('['); open != text.npos; open = text.find('[', open)) {
    const size_t close = std::min(text.find(']', open), text.size() - 1);
    text.erase(open, close - open + 1);
  }
  return text;
}

} // namespace

DTypeText::DTypeText(const std::string& dtypes, const std::string& shapes) {
  // What is converted may be anything, and what is "all but" one is not worth telling.
  const bool is_open = dtypes.find("converted") != dtypes.npos;
  read(dtypes, !is_open);
  read(without_brackets(shapes), false);
  counts_ = dtypes.find("not negative") != dtypes.npos;
}

void DTypeText::read(const std::string& text, bool is_general) {
  std::vector<DType> last; // "floating, one for x and y" goes on about what came before
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find_first_of(";,", begin), text.size());
    std::istringstream clause(text.substr(begin, end - begin));
    std::vector<std::string> names;
    std::vector<DType> dtypes;
    bool excludes = false;
    for (std::string word; clause >> word;) {
      const std::vector<DType> more = dtypes_of(word);
      dtypes.insert(dtypes.end(), more.begin(), more.end());
      if (more.empty()) names.push_back(word);
      excludes |= word == "but";
    }
    if (dtypes.empty() && begin > 0 && text[begin - 1] == ',') dtypes = last;
    last = excludes ? std::vector<DType>{} : dtypes;
    if (!last.empty()) {
      if (begin == 0 && is_general) general_ = dtypes;
      for (const std::string& name : names)
        named_.emplace(name, dtypes);
    }
    begin = end + 1;
  }
}

const std::vector<DType>& DTypeText::of(const std::string& name) const {
  auto known = named_.find(name);
  return known == named_.end() ? general_ : known->second;
}

bool DTypeText::allows(const std::string& name, DType dtype) const {
  const std::vector<DType>& all = of(name);
  return all.empty() || std::find(all.begin(), all.end(), dtype) != all.end();
}

std::optional<DType> DTypeText::pick(const std::string& name, std::mt19937& random) const {
  const std::vector<DType>& all = of(name);
  if (all.empty()) return {};
  if (allows(name, i64) && random() % 2) return i64;
  return all[random() % all.size()];
}

bool DTypeText::counts(const std::string& name) const {
  return named_.count(name) ? allows(name, i64) || allows(name, u8) : counts_;
}

} // namespace fuzz
