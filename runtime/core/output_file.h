// A file that is there as a whole or not at all.
#pragma once

#include "runtime/core/file_beside.h"

#include <optional>
#include <string>
#include <string_view>

namespace weft {

/// Writes a file under a temporary name beside it; commit() gives it its own. What is no plain
/// file, a pipe or a terminal, is written at once. Each step throws an Error (io) that begins with
/// `what`.
class OutputFile {
public:
  OutputFile(std::string what, const std::string& path);
  void write(std::string_view text);
  void commit();

private:
  [[noreturn]] void refuse();

  std::string what_, path_;
  std::optional<FileBeside> new_; // else the file is written at once
  Descriptor special_;
};

} // namespace weft
