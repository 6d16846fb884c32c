// The directory at the archive's end is what counts. An entry's own header must agree with it,
// since archives in which the two differ show different files to different programs.

#include "runtime/io/zip_reader.h"

#include "runtime/core/checked_size.h"
#include "runtime/io/format_error.h"
#include "runtime/io/in_quotes.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace weft {

namespace {

constexpr uint32_t kEntryMark = 0x02014b50, kLocalMark = 0x04034b50, kEndMark = 0x06054b50;
constexpr uint32_t kEnd64Mark = 0x06064b50, kLocator64Mark = 0x07064b50;
constexpr size_t kEntryBytes = 46, kLocalBytes = 30, kEndBytes = 22, kEnd64Bytes = 56;
constexpr size_t kLocator64Bytes = 20;
constexpr uint64_t kMostComment = 65535;
constexpr uint64_t kMostDirectory = uint64_t{16} << 20, kMostEntries = 100'000;
constexpr uint64_t kMostRatio = 1032;  // of deflate (RFC 1951: 258 bytes from 2 bits)
constexpr uint32_t kIn64 = 0xFFFFFFFF; // the number stands in the entry's 64-bit record

template <class T> T number(std::span<const uint8_t> bytes, size_t at) {
  T v;
  std::memcpy(&v, bytes.data() + at, sizeof v);
  return v;
}

std::vector<uint8_t> read_bytes(const ByteSource& source, uint64_t offset, uint64_t count) {
  std::vector<uint8_t> bytes(count);
  source.read(offset, bytes);
  return bytes;
}

[[noreturn]] void refuse(const std::string& message) { throw FormatError(message); }

struct Directory {
  uint64_t start = 0, bytes = 0, entries = 0;
  uint64_t limit = 0; // where the records behind it begin
};

/// Finds the record at the archive's end: its comment must reach to the last byte.
uint64_t find_end(const ByteSource& source) {
  uint64_t total = source.size(), count = std::min<uint64_t>(total, kEndBytes + kMostComment);
  if (count < kEndBytes)
    refuse(fmt::format("the archive must have a directory, got {} bytes", total));
  std::vector<uint8_t> tail = read_bytes(source, total - count, count);
  for (size_t at = tail.size() - kEndBytes + 1; at-- > 0;)
    if (number<uint32_t>(tail, at) == kEndMark &&
        at + kEndBytes + number<uint16_t>(tail, at + 20) == tail.size())
      return total - count + at;
  refuse("the archive must end with its directory, got none");
}

/// Replaces what does not fit into the short record by the long one in front of it.
void read_end64(const ByteSource& source, uint64_t end, Directory& d) {
  if (end < kLocator64Bytes + kEnd64Bytes) refuse("the 64-bit directory must be there, got none");
  std::vector<uint8_t> locator = read_bytes(source, end - kLocator64Bytes, kLocator64Bytes);
  auto at = number<uint64_t>(locator, 8);
  if (number<uint32_t>(locator, 0) != kLocator64Mark ||
      !lies_inside(at, kEnd64Bytes, end - kLocator64Bytes))
    refuse("the 64-bit directory must lie inside the archive, got none there");
  std::vector<uint8_t> record = read_bytes(source, at, kEnd64Bytes);
  if (number<uint32_t>(record, 0) != kEnd64Mark)
    refuse("the 64-bit directory must lie inside the archive, got none there");
  d = {number<uint64_t>(record, 48), number<uint64_t>(record, 40), number<uint64_t>(record, 32),
       at};
}

Directory find_directory(const ByteSource& source) {
  uint64_t end = find_end(source);
  std::vector<uint8_t> record = read_bytes(source, end, kEndBytes);
  Directory d{number<uint32_t>(record, 16), number<uint32_t>(record, 12),
              number<uint16_t>(record, 10), end};
  if (number<uint16_t>(record, 4) != 0 && number<uint16_t>(record, 4) != 0xFFFF)
    refuse("the archive must lie on one disk, got several");
  if (d.entries == 0xFFFF || d.start == kIn64 || d.bytes == kIn64) read_end64(source, end, d);
  if (!lies_inside(d.start, d.bytes, d.limit))
    refuse(fmt::format("the directory must lie inside the archive, got {} bytes from {} of {}",
                       d.bytes, d.start, source.size()));
  if (d.bytes > kMostDirectory)
    refuse(
        fmt::format("the directory must have at most {} bytes, got {}", kMostDirectory, d.bytes));
  if (d.entries > kMostEntries)
    refuse(
        fmt::format("the directory must have at most {} entries, got {}", kMostEntries, d.entries));
  if (d.entries > d.bytes / kEntryBytes)
    refuse(
        fmt::format("the directory must hold its entries, got {} in {} bytes", d.entries, d.bytes));
  return d;
}

/// Where an entry's own header begins, while entries are checked against each other.
struct Place {
  ZipEntry entry;
  uint64_t header = 0;
};

/// Takes the numbers that did not fit from the record 1 of the extra fields.
void read_extra64(std::span<const uint8_t> extra, Place& p) {
  while (extra.size() >= 4) {
    auto id = number<uint16_t>(extra, 0);
    size_t length = number<uint16_t>(extra, 2);
    if (length > extra.size() - 4) break;
    std::span<const uint8_t> field = extra.subspan(4, length);
    extra = extra.subspan(4 + length);
    if (id != 1) continue;
    for (uint64_t* value : {&p.entry.bytes, &p.entry.packed_bytes, &p.header}) {
      if (*value != kIn64) continue;
      if (field.size() < 8) break;
      *value = number<uint64_t>(field, 0);
      field = field.subspan(8);
    }
    return;
  }
}

/// Reads one entry of the directory and moves past it.
Place read_entry(std::span<const uint8_t>& left) {
  if (left.size() < kEntryBytes || number<uint32_t>(left, 0) != kEntryMark)
    refuse("the directory must hold its entries, got another mark");
  size_t name = number<uint16_t>(left, 28), extra = number<uint16_t>(left, 30),
         comment = number<uint16_t>(left, 32);
  if (kEntryBytes + name + extra + comment > left.size())
    refuse("the directory must hold its entries, got one that ends outside");
  Place p;
  p.entry.name.assign(reinterpret_cast<const char*>(left.data()) + kEntryBytes, name);
  auto flags = number<uint16_t>(left, 8), method = number<uint16_t>(left, 10);
  if (flags & 1)
    throw FormatError("entries must not be encrypted, got " + in_quotes(p.entry.name),
                      FormatError::Kind::unsupported);
  if (method != 0 && method != 8)
    throw FormatError(fmt::format("entries must be stored or deflated, got method {} for {}",
                                  method, in_quotes(p.entry.name)),
                      FormatError::Kind::unsupported);
  p.entry.is_deflated = method == 8;
  p.entry.crc = number<uint32_t>(left, 16);
  p.entry.packed_bytes = number<uint32_t>(left, 20);
  p.entry.bytes = number<uint32_t>(left, 24);
  p.header = number<uint32_t>(left, 42);
  read_extra64(left.subspan(kEntryBytes + name, extra), p);
  left = left.subspan(kEntryBytes + name + extra + comment);
  return p;
}

/// Finds an entry's bytes through its own header.
void locate(const ByteSource& source, const Directory& d, Place& p) {
  ZipEntry& e = p.entry;
  auto fail = [&](const char* must) {
    refuse(fmt::format("entries must {}, got {}", must, in_quotes(e.name)));
  };
  if (!lies_inside(p.header, kLocalBytes + e.name.size(), d.start))
    fail("lie in front of the directory");
  std::vector<uint8_t> header = read_bytes(source, p.header, kLocalBytes + e.name.size());
  if (number<uint32_t>(header, 0) != kLocalMark ||
      number<uint16_t>(header, 8) != (e.is_deflated ? 8 : 0) ||
      number<uint16_t>(header, 26) != e.name.size() ||
      std::memcmp(header.data() + kLocalBytes, e.name.data(), e.name.size()) != 0)
    fail("be what the directory says");
  e.start = p.header + header.size() + number<uint16_t>(header, 28);
  if (!lies_inside(e.start, e.packed_bytes, d.start)) fail("lie in front of the directory");
  if (e.is_deflated ? e.bytes / kMostRatio > e.packed_bytes : e.bytes != e.packed_bytes)
    fail("have as many bytes as they can hold");
}

void check_apart(const std::vector<Place>& places) {
  std::vector<const Place*> order; // by name, then by place: copies would take memory
  for (const Place& p : places)
    order.push_back(&p);
  std::sort(order.begin(), order.end(),
            [](const Place* a, const Place* b) { return a->entry.name < b->entry.name; });
  for (size_t k = 1; k < order.size(); k++)
    if (order[k]->entry.name == order[k - 1]->entry.name)
      refuse("entries must have names of their own, got " + in_quotes(order[k]->entry.name) +
             " twice");
  std::sort(order.begin(), order.end(),
            [](const Place* a, const Place* b) { return a->header < b->header; });
  for (size_t k = 1; k < order.size(); k++) {
    const ZipEntry& before = order[k - 1]->entry;
    if (order[k]->header < before.start + before.packed_bytes)
      refuse(fmt::format("entries must not overlap, got {} and {}", in_quotes(before.name),
                         in_quotes(order[k]->entry.name)));
  }
}

} // namespace

std::vector<ZipEntry> read_zip(const ByteSource& source) {
  Directory d = find_directory(source);
  std::vector<uint8_t> bytes = read_bytes(source, d.start, d.bytes);
  std::span<const uint8_t> left = bytes;
  std::vector<Place> places;
  for (uint64_t k = 0; k < d.entries; k++) {
    places.push_back(read_entry(left));
    locate(source, d, places.back());
  }
  if (!left.empty())
    refuse(fmt::format("the directory must end with its entries, got {} bytes more", left.size()));
  check_apart(places);
  std::vector<ZipEntry> entries;
  for (Place& p : places)
    entries.push_back(std::move(p.entry));
  return entries;
}

struct ZipEntryReader::Inflater {
  z_stream stream{};
  uint8_t packed[1 << 15];

  /// Inflates into `into` as far as one call goes, and returns zlib's status.
  int step(std::span<uint8_t>& into) {
    auto room = static_cast<uInt>(std::min<size_t>(into.size(), 1u << 30));
    stream.next_out = into.data();
    stream.avail_out = room;
    int status = inflate(&stream, Z_NO_FLUSH);
    into = into.subspan(room - stream.avail_out);
    return status;
  }
};

ZipEntryReader::ZipEntryReader(const ByteSource& source, const ZipEntry& entry)
    : source_(source), entry_(entry), left_(entry.bytes), packed_left_(entry.packed_bytes) {
  if (!entry.is_deflated) return;
  inflater_ = std::make_unique<Inflater>();
  if (inflateInit2(&inflater_->stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
}

ZipEntryReader::~ZipEntryReader() {
  if (inflater_) inflateEnd(&inflater_->stream);
}

void ZipEntryReader::damaged() const {
  refuse("entries must hold what the directory says, got " + in_quotes(entry_.name) +
         " with another length or checksum");
}

void ZipEntryReader::refill() {
  z_stream& z = inflater_->stream;
  uint64_t count = std::min<uint64_t>(packed_left_, sizeof inflater_->packed);
  if (z.avail_in > 0 || count == 0) return;
  source_.read(entry_.start + entry_.packed_bytes - packed_left_, {inflater_->packed, count});
  packed_left_ -= count;
  z.next_in = inflater_->packed;
  z.avail_in = static_cast<uInt>(count);
}

void ZipEntryReader::read(std::span<uint8_t> into) {
  if (into.size() > left_) damaged();
  left_ -= into.size();
  if (!inflater_) {
    source_.read(entry_.start + entry_.packed_bytes - packed_left_, into);
    packed_left_ -= into.size();
  }
  for (std::span<uint8_t> rest = into; inflater_ && !rest.empty();) {
    refill();
    int status = inflater_->step(rest);
    if (status != Z_OK && !(status == Z_STREAM_END && rest.empty())) damaged();
  }
  crc_ = static_cast<uint32_t>(crc32_z(crc_, into.data(), into.size()));
}

void ZipEntryReader::finish() {
  if (left_ != 0 || crc_ != entry_.crc) damaged();
  if (!inflater_) return;
  // The stream must end here as well, with its last block and its last packed byte.
  uint8_t beyond;
  std::span<uint8_t> room(&beyond, 1);
  int status = Z_OK;
  while (status == Z_OK && !room.empty()) {
    refill();
    status = inflater_->step(room);
  }
  if (status != Z_STREAM_END || room.empty() || packed_left_ != 0 ||
      inflater_->stream.avail_in != 0)
    damaged();
}

void check_zip_entry(const ByteSource& source, const ZipEntry& entry) {
  ZipEntryReader reader(source, entry);
  uint8_t part[1 << 15];
  for (uint64_t left = entry.bytes; left > 0;) {
    auto count = std::min<uint64_t>(left, sizeof part);
    reader.read({part, count});
    left -= count;
  }
  reader.finish();
}

} // namespace weft
