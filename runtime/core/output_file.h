// A file that is there as a whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace weft {

/// Writes a file under a temporary name beside it; commit() gives it its own. What is no plain
/// file, a pipe or a terminal, is written at once. Each step throws an Error (io) that begins with
/// `what`.
class OutputFile {
public:
  OutputFile(std::string what, const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(std::string_view text);
  void commit();

private:
  [[noreturn]] void refuse();

  std::string what_, path_, target_, temporary_;
  int fd_ = -1;
};

} // namespace weft
