// Archives as numpy.savez writes them (PKWARE's APPNOTE 6.3, with the 64-bit records): entries that
// are stored or deflated, on one disk, not encrypted.
#pragma once

#include "runtime/io/byte_source.h"

#include <memory>
#include <string>
#include <vector>

namespace weft {

struct ZipEntry {
  std::string name;
  bool is_deflated = false;
  uint32_t crc = 0;
  uint64_t packed_bytes = 0, bytes = 0;
  uint64_t start = 0; // of the packed bytes in the archive
};

/// Reads the directory. Each entry lies inside the archive, apart from all others, and has a name
/// of its own.
std::vector<ZipEntry> read_zip(const ByteSource& source);

/// Reads an entry's bytes from front to back.
class ZipEntryReader {
public:
  ZipEntryReader(const ByteSource& source, const ZipEntry& entry);
  ~ZipEntryReader();
  ZipEntryReader(const ZipEntryReader&) = delete;
  /// Fills `into`; throws where the entry ends early.
  void read(std::span<uint8_t> into);
  /// Throws unless all of the entry has been read and its checksum is right.
  void finish();

private:
  struct Inflater;
  [[noreturn]] void damaged() const;
  void refill(); // of the inflater's input, where that is used up
  const ByteSource& source_;
  const ZipEntry& entry_;
  uint64_t left_, packed_left_; // bytes not read yet
  uint32_t crc_ = 0;
  std::unique_ptr<Inflater> inflater_; // of a deflated entry
};

/// Throws unless the entry holds what the directory says of it. Takes no memory for its bytes: an
/// entry that claims much more than it takes in the archive is checked before memory is taken for
/// it.
void check_zip_entry(const ByteSource& source, const ZipEntry& entry);

} // namespace weft
