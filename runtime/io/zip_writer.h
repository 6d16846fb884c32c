// Archives of stored entries that any reader of .npz takes. All sizes go into 64-bit records, so
// there is one form for archives of any size.
#pragma once

#include "runtime/io/file.h"

#include <vector>

namespace weft {

class ZipWriter {
public:
  explicit ZipWriter(AtomicFile& file) : file_(file) {}
  /// Adds an entry of two parts, one behind the other. `name` is new, and UTF-8.
  void add(const std::string& name, const std::string& head, std::span<const uint8_t> body);
  /// Writes the directory.
  void finish();

private:
  AtomicFile& file_;
  std::string directory_;
  uint64_t entries_ = 0;
};

} // namespace weft
