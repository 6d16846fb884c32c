#include "runtime/io/npy_format.h"

#include "runtime/core/checked_size.h"
#include "runtime/io/format_error.h"
#include "runtime/io/in_quotes.h"
#include "weft/shape.h"

#include <fmt/format.h>

#include <cstring>

namespace weft {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// A dtype's code without the byte order.
struct Code {
  DType dtype;
  std::string_view text;
};
constexpr Code kCodes[] = {
    {DType::f32, "f4"},     {DType::f64, "f8"}, {DType::bf16, "V2"}, {DType::i64, "i8"},
    {DType::boolean, "b1"}, {DType::f16, "f2"}, {DType::i8, "i1"},   {DType::u8, "u1"},
    {DType::i16, "i2"},     {DType::i32, "i4"},
};
static_assert(std::size(kCodes) == kDTypeCount);
constexpr std::string_view kUint16 = "u2";

/// Reads the dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class DictionaryReader {
public:
  DictionaryReader(std::string_view text, NpyHeader& into, bool bf16_as_uint16)
      : text_(text), into_(into), bf16_as_uint16_(bf16_as_uint16) {}

  void read() {
    expect('{');
    while (!take('}')) {
      read_entry();
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size() || seen_ != (kDescr | kOrder | kShape)) refuse();
  }

private:
  enum : unsigned { kDescr = 1, kOrder = 2, kShape = 4 };

  [[noreturn]] void refuse() const {
    throw FormatError("the header must be a dictionary of descr, fortran_order and shape, got " +
                      in_quotes(text_.substr(0, text_.find_last_not_of(" \n") + 1)));
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n'))
      at_++;
  }
  bool take(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse();
  }
  bool take_word(std::string_view word) {
    skip_spaces();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  std::string_view text() {
    skip_spaces();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) refuse();
    size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) refuse();
    std::string_view r = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return r;
  }
  int64_t size() {
    skip_spaces();
    uint64_t value = 0;
    size_t first = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; at_++)
      if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
          __builtin_add_overflow(value, static_cast<uint64_t>(text_[at_] - '0'), &value) ||
          value > INT64_MAX)
        refuse_sizes();
    if (at_ == first) refuse();
    take('L'); // Python 2 wrote longs so
    return static_cast<int64_t>(value);
  }
  [[noreturn]] void refuse_sizes() const {
    throw FormatError("the sizes must have less than 2^62 bytes, got " +
                      in_quotes(text_.substr(0, text_.find_last_not_of(" \n") + 1)));
  }

  void read_entry() {
    std::string_view key = text();
    unsigned bit = key == "descr" ? kDescr : key == "fortran_order" ? kOrder : kShape;
    if ((bit == kShape && key != "shape") || (seen_ & bit)) refuse();
    seen_ |= bit;
    expect(':');
    if (bit == kDescr)
      read_descr();
    else if (bit == kOrder)
      read_order();
    else
      read_shape();
  }
  void read_descr() {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '[')
      throw FormatError("the elements must be plain numbers, got a structured dtype",
                        FormatError::Kind::unsupported);
    std::string_view descr = text();
    std::string_view code = descr.substr(descr.empty() ? 0 : 1);
    if (descr.empty() || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
      refuse();
    for (const Code& c : kCodes) {
      if (code != (bf16_as_uint16_ && c.dtype == DType::bf16 ? kUint16 : c.text)) continue;
      into_.dtype = c.dtype;
      into_.is_big_endian = descr[0] == '>' && size_of(c.dtype) > 1;
      return;
    }
    throw FormatError("the dtype must be one that Weft has, got " + in_quotes(descr),
                      FormatError::Kind::unsupported);
  }
  void read_order() {
    into_.is_fortran = take_word("True");
    if (!into_.is_fortran && !take_word("False")) refuse();
  }
  void read_shape() {
    expect('(');
    while (!take(')')) {
      into_.shape.push_back(size());
      if (into_.shape.size() > kMaxRank)
        throw FormatError(fmt::format("the array must have at most {} dims, got more", kMaxRank),
                          FormatError::Kind::unsupported);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  unsigned seen_ = 0;
  NpyHeader& into_;
  bool bf16_as_uint16_;
};

/// Returns the header's text and sets where the elements begin.
std::string_view header_text(std::span<const uint8_t> start, uint64_t total, NpyHeader& header) {
  std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  if (text.substr(0, kMagic.size()) != kMagic)
    throw FormatError("the file must start with \"\\x93NUMPY\", got " +
                      in_quotes(text.substr(0, kMagic.size())));
  int major = start.size() > 6 ? start[6] : 0;
  size_t fixed = major == 1 ? 10 : 12;
  if (major < 1 || major > 3)
    throw FormatError(fmt::format("the format's version must be 1, 2 or 3, got {}", major),
                      FormatError::Kind::unsupported);
  uint32_t length = 0;
  if (start.size() >= fixed) std::memcpy(&length, start.data() + 8, fixed - 8);
  if (start.size() < fixed || !lies_inside(fixed, length, total))
    throw FormatError(fmt::format("the header must end inside the file, got {} bytes of {}",
                                  fixed + length, total));
  if (!lies_inside(fixed, length, start.size()))
    throw FormatError(fmt::format("the header must have at most {} bytes, got {}",
                                  kNpyMostStart - fixed, length));
  header.start = fixed + length;
  return text.substr(fixed, length);
}

} // namespace

NpyHeader parse_npy(std::span<const uint8_t> start, uint64_t total, bool bf16_as_uint16) {
  NpyHeader header;
  DictionaryReader(header_text(start, total, header), header, bf16_as_uint16).read();
  std::optional<uint64_t> bytes = checked_bytes(header.shape, size_of(header.dtype));
  if (!bytes)
    throw FormatError(fmt::format("the sizes must have less than 2^62 bytes, got {}[{}]",
                                  name_of(header.dtype), fmt::join(header.shape, ", ")));
  if (*bytes != total - header.start)
    throw FormatError(fmt::format(
        "the elements must fill the rest of the file, {}[{}] of {} bytes, got {}",
        name_of(header.dtype), fmt::join(header.shape, ", "), *bytes, total - header.start));
  header.bytes = *bytes;
  return header;
}

std::string print_npy(DType dtype, std::span<const int64_t> shape, bool bf16_as_uint16) {
  std::string_view code;
  for (const Code& c : kCodes)
    if (c.dtype == dtype) code = c.text;
  if (dtype == DType::bf16 && bf16_as_uint16) code = kUint16;
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                   size_of(dtype) == 1 ? '|' : '<', code, fmt::join(shape, ", "),
                                   shape.size() == 1 ? "," : "");
  constexpr size_t fixed = 10;
  header.resize((fixed + header.size() + 1 + 63) / 64 * 64 - fixed - 1, ' ');
  header += '\n';
  auto length = static_cast<uint16_t>(header.size()); // at most kMaxRank sizes: far below 2^16
  std::string start(kMagic);
  start += {'\1', '\0', static_cast<char>(length & 255), static_cast<char>(length >> 8)};
  return start + header;
}

} // namespace weft
