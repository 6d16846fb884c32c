#include "runtime/io/safetensors_format.h"

#include "runtime/core/checked_size.h"
#include "runtime/io/format_error.h"
#include "runtime/io/in_quotes.h"
#include "runtime/io/json.h"
#include "weft/shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace weft {

namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kMostText = size_t{1} << 20;
constexpr std::string_view kMetadata = "__metadata__";

struct Name {
  DType dtype;
  std::string_view text;
};
constexpr Name kNames[] = {
    {DType::f32, "F32"},      {DType::f64, "F64"}, {DType::bf16, "BF16"}, {DType::i64, "I64"},
    {DType::boolean, "BOOL"}, {DType::f16, "F16"}, {DType::i8, "I8"},     {DType::u8, "U8"},
    {DType::i16, "I16"},      {DType::i32, "I32"},
};

static_assert(std::size(kNames) == kDTypeCount);

/// Takes the header's JSON as it is parsed, so that nothing but its own form is ever held:
/// {NAME: {dtype: TEXT, shape: [N...], data_offsets: [N, N]}..., __metadata__: {TEXT: TEXT...}}.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
public:
  explicit HeaderReader(SafetensorsHeader& into) : into_(into) {}

  bool start_object(size_t) override {
    if (place_ == Place::outside) return move(Place::tensors);
    if (place_ == Place::tensors) return move(in_metadata_ ? Place::metadata : Place::entry);
    return refuse_form();
  }
  bool key(std::string& k) override {
    if (place_ == Place::tensors) return start_entry(k);
    if (place_ == Place::metadata) {
      if (into_.metadata.count(k)) refuse_twice(k);
      check_count();
      key_ = k;
      return true;
    }
    key_ = k;
    Seen bit = k == "dtype"          ? kDType
               : k == "shape"        ? kShape
               : k == "data_offsets" ? kOffsets
                                     : kNothing;
    if (bit == kNothing)
      refuse(fmt::format("{} must have dtype, shape and data_offsets alone, got {}", tensor(),
                         in_quotes(k)));
    if (seen_ & bit) refuse_twice(k);
    seen_ |= bit;
    return true;
  }
  bool end_object() override {
    if (place_ == Place::entry && seen_ != (kDType | kShape | kOffsets))
      refuse(tensor() + " must have dtype, shape and data_offsets, got fewer");
    if (place_ == Place::entry && offsets_.size() != 2)
      refuse(fmt::format("{} must have two data_offsets, got {}", tensor(), offsets_.size()));
    if (place_ == Place::entry) finish_entry();
    in_metadata_ = false;
    return move(place_ == Place::tensors ? Place::outside : Place::tensors);
  }
  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      into_.metadata.emplace(key_, text);
      return true;
    }
    if (place_ != Place::entry || key_ != "dtype") return refuse_form();
    auto known = std::find_if(std::begin(kNames), std::end(kNames),
                              [&](const Name& n) { return n.text == text; });
    if (known == std::end(kNames))
      throw FormatError(
          fmt::format("{} must have a dtype that Weft has, got {}", tensor(), in_quotes(text)),
          FormatError::Kind::unsupported);
    into_.tensors.back().dtype = known->dtype;
    return true;
  }
  bool start_array(size_t) override {
    if (place_ != Place::entry || key_ == "dtype") return refuse_form();
    return move(key_ == "shape" ? Place::shape : Place::offsets);
  }
  bool end_array() override { return move(Place::entry); }
  bool number_unsigned(uint64_t n) override {
    if (place_ == Place::offsets && offsets_.size() < 2) {
      offsets_.push_back(n);
      return true;
    }
    if (place_ != Place::shape) return refuse_form();
    std::vector<int64_t>& shape = into_.tensors.back().shape;
    if (n > INT64_MAX) refuse(fmt::format("{} must have sizes below 2^63, got {}", tensor(), n));
    if (shape.size() == kMaxRank)
      throw FormatError(fmt::format("{} must have at most {} dims, got more", tensor(), kMaxRank),
                        FormatError::Kind::unsupported);
    shape.push_back(static_cast<int64_t>(n));
    return true;
  }
  bool null() override { return refuse_form(); }
  bool boolean(bool) override { return refuse_form(); }
  bool number_integer(int64_t) override { return refuse_form(); }
  bool number_float(double, const std::string&) override { return refuse_form(); }
  bool binary(nlohmann::json::binary_t&) override { return refuse_form(); }
  bool parse_error(size_t at, const std::string&, const nlohmann::json::exception&) override {
    refuse(fmt::format("the header must be JSON, got something else at byte {}", at));
  }

private:
  enum class Place { outside, tensors, metadata, entry, shape, offsets };
  enum Seen : unsigned { kNothing = 0, kDType = 1, kShape = 2, kOffsets = 4 };

  [[noreturn]] static void refuse(const std::string& message) { throw FormatError(message); }
  [[noreturn]] static void refuse_twice(const std::string& key) {
    refuse("the header must have each key once, got " + in_quotes(key) + " twice");
  }
  [[noreturn]] static void refuse_more() {
    refuse(fmt::format("the header must have at most {} tensors and texts, got more",
                       kSafetensorsMostEntries));
  }
  [[noreturn]] bool refuse_form() const {
    std::string where =
        place_ == Place::outside || into_.tensors.empty() ? "at its start" : "at " + tensor();
    if (in_metadata_) where = "in its metadata";
    refuse("the header must map names to dtype, shape and data_offsets, got something else " +
           where);
  }
  bool move(Place to) {
    place_ = to;
    return true;
  }
  std::string tensor() const { return "tensor " + in_quotes(into_.tensors.back().name); }

  void check_count() const {
    if (into_.tensors.size() + into_.metadata.size() == kSafetensorsMostEntries) refuse_more();
  }
  bool start_entry(const std::string& name) {
    in_metadata_ = name == kMetadata;
    if (in_metadata_) {
      if (std::exchange(had_metadata_, true)) refuse_twice(name);
      return true;
    }
    check_count();
    into_.tensors.emplace_back().name = name;
    seen_ = 0;
    offsets_.clear();
    return true;
  }
  // Offsets count from the header's end; who calls the reader moves them.
  void finish_entry() {
    SafetensorsEntry& e = into_.tensors.back();
    std::optional<uint64_t> bytes = checked_bytes(e.shape, size_of(e.dtype));
    if (!bytes || offsets_[0] > offsets_[1] || *bytes != offsets_[1] - offsets_[0])
      refuse(fmt::format("{} must fill its bytes, got {}[{}] from {} to {}", tensor(),
                         name_of(e.dtype), fmt::join(e.shape, ", "), offsets_[0], offsets_[1]));
    e.start = offsets_[0];
    e.bytes = *bytes;
  }

  SafetensorsHeader& into_;
  Place place_ = Place::outside;
  bool in_metadata_ = false, had_metadata_ = false;
  unsigned seen_ = 0;
  std::string key_;
  std::vector<uint64_t> offsets_;
};

/// Throws where two tensors have one name. The names are looked at at the end, without copies.
void check_names(const std::vector<SafetensorsEntry>& tensors) {
  std::vector<std::string_view> names;
  for (const SafetensorsEntry& e : tensors)
    names.push_back(e.name);
  std::sort(names.begin(), names.end());
  if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw FormatError("the header must have each key once, got " + in_quotes(*twice) + " twice");
}

/// Throws where a text is so long that the parser's copies of it would be more than the header.
void check_texts(std::string_view header) {
  size_t length = 0;
  bool inside = false;
  for (size_t k = 0; k < header.size(); k++) {
    if (header[k] == '"') {
      inside = !inside;
      length = 0;
    } else if (inside) {
      if (header[k] == '\\') k++;
      if (++length > kMostText)
        throw FormatError(
            fmt::format("texts of the header must have at most {} bytes, got more", kMostText));
    }
  }
}

/// Throws unless the tensors' bytes follow each other up to the end, and makes their starts places
/// in the file.
void place_tensors(std::vector<SafetensorsEntry>& tensors, uint64_t first, uint64_t total) {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.start, a.bytes) < std::pair(b.start, b.bytes);
  });
  uint64_t end = 0;
  for (SafetensorsEntry& e : tensors) {
    if (e.start != end)
      throw FormatError(fmt::format("tensors must follow each other without gap or overlap, got {} "
                                    "from {} on, not from {}",
                                    in_quotes(e.name), e.start, end));
    if (!lies_inside(e.start, e.bytes, total - first))
      throw FormatError(
          fmt::format("tensors must lie inside the file, got {} of {} bytes from {} on of {}",
                      in_quotes(e.name), e.bytes, e.start, total - first));
    end = e.start + e.bytes;
    e.start += first;
  }
  if (end != total - first)
    throw FormatError(
        fmt::format("tensors must fill the file, got {} bytes of {}", end, total - first));
}

} // namespace

SafetensorsHeader parse_safetensors(std::span<const uint8_t> file) {
  uint64_t length = 0;
  if (file.size() < kLengthBytes)
    throw FormatError(
        fmt::format("the file must start with the header's length, got {} bytes", file.size()));
  std::memcpy(&length, file.data(), kLengthBytes);
  if (!lies_inside(kLengthBytes, length, file.size()))
    throw FormatError(fmt::format("the header must end inside the file, got {} bytes of {}", length,
                                  file.size() - kLengthBytes));
  if (length > kSafetensorsMostHeader)
    throw FormatError(fmt::format("the header must have at most {} bytes, got {}",
                                  kSafetensorsMostHeader, length));
  std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  if (text.empty() || text[0] != '{')
    throw FormatError("the header must start with \"{\", got " + in_quotes(text.substr(0, 1)));
  check_texts(text);
  SafetensorsHeader header;
  HeaderReader reader(header);
  nlohmann::json::sax_parse(text, &reader);
  check_names(header.tensors);
  place_tensors(header.tensors, kLengthBytes + length, file.size());
  return header;
}

std::string print_safetensors(SafetensorsHeader& header) {
  auto rank = [](const SafetensorsEntry& e) {
    return std::tuple(-static_cast<int64_t>(size_of(e.dtype)), std::string_view(e.name));
  };
  std::sort(header.tensors.begin(), header.tensors.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (header.tensors.size() + header.metadata.size() > kSafetensorsMostEntries)
    throw FormatError(fmt::format("the header must have at most {} tensors and texts, got {}",
                                  kSafetensorsMostEntries,
                                  header.tensors.size() + header.metadata.size()));
  std::string text = "{";
  auto entry = [&](std::string_view name) -> std::string& {
    return text += (text.size() > 1 ? "," : "") + print_json_text(name) + ":";
  };
  if (!header.metadata.empty()) {
    entry(kMetadata) += "{";
    const char* comma = "";
    for (const auto& [key, value] : header.metadata)
      text += std::exchange(comma, ",") + print_json_text(key) + ":" + print_json_text(value);
    text += "}";
  }
  uint64_t end = 0;
  for (SafetensorsEntry& e : header.tensors) {
    if (e.name == kMetadata)
      throw FormatError(
          "names must not be \"__metadata__\", which the format keeps for itself, got "
          "a tensor of that name");
    std::string_view dtype;
    for (const Name& n : kNames)
      if (n.dtype == e.dtype) dtype = n.text;
    e.start = end;
    e.bytes = checked_bytes(e.shape, size_of(e.dtype)).value();
    end += e.bytes;
    entry(e.name) += fmt::format(R"({{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", dtype,
                                 fmt::join(e.shape, ","), e.start, end);
  }
  text += "}";
  constexpr size_t kAlign = 64;
  text.resize((kLengthBytes + text.size() + kAlign - 1) / kAlign * kAlign - kLengthBytes, ' ');
  if (text.size() > kSafetensorsMostHeader)
    throw FormatError(fmt::format("the header must have at most {} bytes, got {}",
                                  kSafetensorsMostHeader, text.size()));
  for (SafetensorsEntry& e : header.tensors)
    e.start += kLengthBytes + text.size();
  uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), kLengthBytes) + text;
}

} // namespace weft
