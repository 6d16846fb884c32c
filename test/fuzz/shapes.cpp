#include "test/fuzz/shapes.h"

#include <cctype>
#include <string_view>

namespace fuzz {

namespace {

// Words before a bracket that are no parameter's name; what is given is the result.
constexpr std::string_view kNoNames[] = {"and", "by", "give", "gives", "of", "or", "to", "with"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::string trimmed(std::string s) {
  s.erase(0, s.find_first_not_of(' '));
  s.erase(s.find_last_not_of(' ') + 1);
  return s;
}

// The names that the bracket at `at` belongs to: "weight and bias [C]", "q, k and v [L, E]".
std::vector<std::string> names_before(const std::string& text, size_t at) {
  std::vector<std::string> names;
  for (;;) {
    while (at > 0 && text[at - 1] == ' ')
      at--;
    const size_t end = at;
    while (at > 0 && is_word(text[at - 1]))
      at--;
    const std::string word = text.substr(at, end - at);
    if (word.empty()) return names;
    for (std::string_view none : kNoNames)
      if (word == none) return names;
    names.push_back(word);
    const std::string_view before(text.data(), at);
    if (before.ends_with(", "))
      at -= 2;
    else if (before.ends_with(" and "))
      at -= 5;
    else
      return names;
  }
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// The word that stands behind `before`, or "".
std::string word_after(const std::string& text, const std::string& before) {
  size_t at = text.find(before);
  if (at == text.npos) return "";
  at += before.size();
  size_t end = at;
  while (end < text.size() && is_word(text[end]))
    end++;
  return text.substr(at, end - at);
}

} // namespace

ShapeText::ShapeText(const char* text, const std::string& function, const Round& round,
                     std::mt19937& random, const Sizing& sizing)
    : text_(text), round_(round), random_(random), is_large_(sizing.is_large),
      spatial_dims_(1 + pick(3)) {
  for (int64_t dims = 1; dims <= 3; dims++)
    if (has(function, std::to_string(dims) + "d") && pick(16)) spatial_dims_ = dims;
  read();
}

void ShapeText::read() {
  only_broadcasts_ = has(text_, "broadcast") && !has(text_, "[");
  if (has(text_, "/ groups")) multiple_ = factors_["groups"] = 1 + pick(4) / 3;
  read_brackets();
}

Sizes ShapeText::read_sizes(size_t open, size_t close) {
  Sizes sizes;
  for (size_t begin = open + 1; begin < close;) {
    const size_t end = std::min(text_.find(',', begin), close);
    add(trimmed(text_.substr(begin, end - begin)), sizes);
    begin = end + 1;
  }
  return sizes;
}

void ShapeText::read_brackets() {
  const size_t gives = text_.find(" give");
  const bool starts_nameless = text_.starts_with('[') && gives != text_.npos;
  const std::string broadcast = word_after(text_, "to which ");
  for (size_t open = text_.find('['); open != text_.npos; open = text_.find('[', open + 1)) {
    const size_t close = text_.find(']', open);
    if (close == text_.npos) return;
    const std::vector<std::string> names = names_before(text_, open);
    const bool is_result = open > gives;
    if (names.empty() && is_result && broadcast.empty()) continue;
    const Sizes sizes = read_sizes(open, close);
    for (const std::string& name : names)
      shapes_.emplace(name, sizes); // the first one counts: others follow an "or"
    if (names.empty() && is_result) shapes_.emplace(broadcast, sizes);
    if (names.empty() && starts_nameless && !is_result) nameless_.push_back(sizes);
  }
}

// Such as sizes..., kernel... or ..., the last of which stands for batches.
void ShapeText::add_list(const std::string& term, Sizes& sizes) {
  auto [list, is_new] = lists_.try_emplace(term);
  if (is_new) {
    const bool is_kernel = term == "kernel...", is_batch = term == "...";
    for (int64_t k = is_batch ? pick(3) : spatial_dims_; k > 0; k--)
      list->second.push_back(is_kernel || is_batch ? Size{1 + pick(3)}
                                                   : letter(term + std::to_string(k)));
  }
  sizes.insert(sizes.end(), list->second.begin(), list->second.end());
}

// A term is a list or a product such as "C / groups", "3 H".
void ShapeText::add(const std::string& term, Sizes& sizes) {
  if (term.ends_with("...")) return add_list(term, sizes);
  Size size;
  bool divides = false, is_first = true;
  for (size_t at = 0; at < term.size();) {
    size_t end = at;
    while (end < term.size() && is_word(term[end]))
      end++;
    const std::string word = term.substr(at, end - at);
    if (word.empty()) {
      divides |= term[at] == '/';
      at++;
      continue;
    }
    at = end;
    int64_t factor = 1;
    if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      factor = std::stoll(word);
    } else if (is_first || std::isupper(static_cast<unsigned char>(word[0]))) {
      const Size& own = letter(word);
      factor = own.factor;
      size.letter = own.letter;
    } else {
      factor = factors_.try_emplace(word, 1 + pick(2)).first->second;
    }
    is_first = false;
    size.factor = divides ? size.factor / factor : size.factor * factor;
    divides = false;
  }
  sizes.push_back(size);
}

const Size& ShapeText::letter(const std::string& name) const {
  auto [own, is_new] = letters_.try_emplace(name);
  if (is_new) {
    own->second = size();
    own->second.factor *= multiple_;
  }
  return own->second;
}

Size ShapeText::size() const {
  static constexpr int64_t large[] = {3, 16, 30, 32, 56, 64, 100, 128, 256, 384, 1000, 2048};
  if (is_large_) return {large[pick(12)]};
  const auto suits = [](int64_t n) { return n > 0 && n < 40; };
  const int64_t kind = pick(16);
  if (kind < 4 && suits(round_.n)) return {1, 'n'};
  if (kind < 6 && suits(round_.m)) return {1, 'm'};
  if (kind == 6) return {int64_t{7} + pick(3)};
  if (kind == 7) return {pick(3) ? 16 : 0};
  return {1 + pick(5)};
}

std::optional<Sizes> ShapeText::of(const std::string& name, size_t position) const {
  auto known = shapes_.find(name);
  if (known != shapes_.end()) return known->second;
  if (position < nameless_.size()) return nameless_[position];
  return {};
}

std::optional<Likeness> ShapeText::likeness(const std::string& name) const {
  if (has(text_, name + " is like x without the dim")) return Likeness{Likeness::without, {}};
  if (has(text_, name + " has the size of the dim")) return Likeness{Likeness::size_of_dim, {}};
  const std::string along = word_after(text_, name + " is like x with ");
  if (along.empty()) return {};
  return Likeness{Likeness::along, letter(along)};
}

bool ShapeText::has_list_for_each_dim(const std::string& name) const {
  return has(text_, name + " has a list for each dim");
}

std::optional<int64_t> ShapeText::factor(const std::string& name) const {
  auto known = factors_.find(name);
  if (known == factors_.end()) return {};
  return known->second;
}

Sizes ShapeText::of_letters(const std::string& letters) const {
  Sizes sizes;
  for (char c : letters)
    if (std::isalpha(static_cast<unsigned char>(c))) sizes.push_back(letter(std::string(1, c)));
  return sizes;
}

Sizes ShapeText::any(int64_t most) const {
  Sizes sizes;
  for (int64_t k = pick(most + 1); k > 0; k--)
    sizes.push_back(size());
  return sizes;
}

} // namespace fuzz
