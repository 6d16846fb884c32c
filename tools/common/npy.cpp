#include "tools/common/npy.h"

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

namespace weft::tools {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorKind::io, "npy: " + path + " must be a whole .npy file, " + why);
}

/// Returns the text after `key` in the header's dictionary.
std::string field(const std::string& header, const std::string& key, const std::string& path) {
  size_t at = header.find("'" + key + "':");
  if (at == std::string::npos) refuse(path, "its header has no " + key);
  at += key.size() + 3;
  while (at < header.size() && header[at] == ' ')
    at++;
  return header.substr(at);
}

// By DType.
constexpr std::array<const char*, kDTypeCount> kDescriptions = {"<f4", "<f8", "<u2", "<i8", "|b1",
                                                                "<f2", "<i4", "<i2", "|i1", "|u1"};

DType dtype_of(const std::string& text, const std::string& path) {
  std::string descr = text.substr(1, text.find('\'', 1) - 1);
  for (int k = 0; k < kDTypeCount; k++)
    if (descr == kDescriptions[static_cast<size_t>(k)]) return static_cast<DType>(k);
  throw UnsupportedDType("npy: " + path + " has elements of dtype " + descr);
}

std::vector<int64_t> shape_of(const std::string& text, const std::string& path) {
  if (text.empty() || text[0] != '(') refuse(path, "its shape is no tuple");
  std::vector<int64_t> shape;
  for (size_t at = 1; at < text.size() && text[at] != ')';) {
    if (text[at] == ' ' || text[at] == ',') {
      at++;
      continue;
    }
    size_t digits = 0;
    while (at + digits < text.size() && std::isdigit(static_cast<unsigned char>(text[at + digits])))
      digits++;
    if (digits == 0 || digits > 18) refuse(path, "a size is no number");
    shape.push_back(std::stoll(text.substr(at, digits)));
    at += digits;
  }
  return shape;
}

} // namespace

Tensor read_npy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::io, "npy: " + path + " must be readable, cannot be opened");
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0)
    refuse(path, "it starts otherwise");
  bool wide = bytes[6] != 1;
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, wide ? 4 : 2);
  size_t start = (wide ? 12 : 10) + size_t{length};
  if (start > bytes.size()) refuse(path, "its header ends early");
  std::string header = bytes.substr(wide ? 12 : 10, length);
  DType dtype = dtype_of(field(header, "descr", path), path);
  std::vector<int64_t> shape = shape_of(field(header, "shape", path), path);
  if (field(header, "fortran_order", path).compare(0, 4, "True") == 0 && shape.size() > 1)
    refuse(path, "it is in Fortran order");
  size_t count = 1;
  for (int64_t n : shape)
    if (__builtin_mul_overflow(count, static_cast<size_t>(n), &count))
      refuse(path, "its sizes overflow");
  if (count > bytes.size() || count * size_of(dtype) != bytes.size() - start)
    refuse(path, "its elements do not fill it");
  return from_data(bytes.data() + start, Shape(shape), dtype);
}

void write_npy(const std::string& path, const Tensor& t) {
  Tensor x = t.detach().contiguous();
  std::string shape = "(";
  for (int64_t n : x.shape())
    shape += std::to_string(n) + ",";
  std::string header = std::string("{'descr': '") + kDescriptions[static_cast<size_t>(x.dtype())] +
                       "', 'fortran_order': False, 'shape': " + shape + "), }";
  header.resize((header.size() + 1 + 10 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  uint16_t length = static_cast<uint16_t>(header.size());
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  file.write(reinterpret_cast<const char*>(&length), 2);
  file << header;
  const void* data = visit_dtype(
      x.dtype(), [&]<class T>(std::type_identity<T>) -> const void* { return x.data<T>(); });
  file.write(static_cast<const char*>(data),
             static_cast<std::streamsize>(static_cast<size_t>(x.numel()) * size_of(x.dtype())));
  if (!file.flush()) throw Error(ErrorKind::io, "npy: " + path + " must be writable");
}

} // namespace weft::tools
