#include "runtime/io/zip_writer.h"

#include <zlib.h>

namespace weft {

namespace {

constexpr uint16_t kVersion = 45;      // the first one with 64-bit records
constexpr uint16_t kUtf8 = 1 << 11;    // names are
constexpr uint16_t kDate = 1 << 5 | 1; // 1 January 1980: the same tensors give the same file
constexpr uint32_t kIn64 = 0xFFFFFFFF;
constexpr uint16_t kExtra64 = 1;

struct Record {
  std::string bytes;
  template <class T> Record& put(T v) {
    bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
    return *this;
  }
};

uint32_t checksum(uint32_t crc, const void* data, size_t size) {
  return static_cast<uint32_t>(crc32_z(crc, static_cast<const Bytef*>(data), size));
}

/// What an entry's own header and its line of the directory have in common, up to the lengths.
void put_common(Record& r, uint32_t crc, const std::string& name) {
  r.put(kVersion).put(kUtf8).put(uint16_t{0}).put(uint16_t{0}).put(kDate).put(crc);
  r.put(kIn64).put(kIn64).put(static_cast<uint16_t>(name.size()));
}

} // namespace

void ZipWriter::add(const std::string& name, const std::string& head,
                    std::span<const uint8_t> body) {
  uint32_t crc = checksum(checksum(0, head.data(), head.size()), body.data(), body.size());
  uint64_t start = file_.position(), bytes = head.size() + body.size();
  Record own;
  own.put(uint32_t{0x04034b50});
  put_common(own, crc, name);
  own.put(uint16_t{20});
  own.bytes += name;
  own.put(kExtra64).put(uint16_t{16}).put(bytes).put(bytes);
  file_.write(own.bytes);
  file_.write(head);
  file_.write(body);

  Record line;
  line.put(uint32_t{0x02014b50}).put(kVersion);
  put_common(line, crc, name);
  line.put(uint16_t{28}).put(uint16_t{0}); // the 64-bit record; no comment
  line.put(uint16_t{0}).put(uint16_t{0}).put(uint32_t{0}).put(kIn64); // disk, attributes, place
  line.bytes += name;
  line.put(kExtra64).put(uint16_t{24}).put(bytes).put(bytes).put(start);
  directory_ += line.bytes;
  entries_++;
}

void ZipWriter::finish() {
  uint64_t start = file_.position(), bytes = directory_.size(), end = start + bytes;
  file_.write(directory_);
  Record r;
  r.put(uint32_t{0x06064b50}).put(uint64_t{44}).put(kVersion).put(kVersion);
  r.put(uint32_t{0}).put(uint32_t{0}).put(entries_).put(entries_).put(bytes).put(start);
  r.put(uint32_t{0x07064b50}).put(uint32_t{0}).put(end).put(uint32_t{1});
  r.put(uint32_t{0x06054b50}).put(uint16_t{0}).put(uint16_t{0}).put(uint16_t{0xFFFF});
  r.put(uint16_t{0xFFFF}).put(kIn64).put(kIn64).put(uint16_t{0});
  file_.write(r.bytes);
}

} // namespace weft
