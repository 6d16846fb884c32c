// Files: read from any place, mapped, and replaced as a whole. All throw FormatError with the
// system's reason.
#pragma once

#include "runtime/core/file_beside.h"
#include "runtime/io/byte_source.h"

#include <optional>
#include <string>

namespace weft {

/// A plain file that is read.
class FileSource : public ByteSource {
public:
  explicit FileSource(const std::string& path);
  uint64_t size() const override { return size_; }
  void read(uint64_t offset, std::span<uint8_t> into) const override;
  int descriptor() const { return file_.get(); }

private:
  Descriptor file_;
  uint64_t size_ = 0;
};

/// A plain file in memory, its pages private: what is written to them is seen here alone and never
/// reaches the file. Pages are read when they are touched first.
class MappedFile {
public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  std::span<uint8_t> bytes() const { return {static_cast<uint8_t*>(start_), size_}; }

private:
  void* start_ = nullptr;
  size_t size_ = 0;
};

/// Replaces a file as a whole or not at all: what is written goes to a temporary file beside it,
/// which takes its name at the end. A link is followed, the old file's mode is kept.
class AtomicFile {
public:
  explicit AtomicFile(const std::string& path);
  void write(std::span<const uint8_t> bytes);
  void write(const std::string& text);
  /// Makes what was written durable, then visible under the file's name.
  void commit();
  uint64_t position() const { return position_; }

private:
  std::string path_;
  std::optional<FileBeside> file_;
  uint64_t position_ = 0;
};

} // namespace weft
