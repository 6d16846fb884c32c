// What the readers of files say of bytes that are not of their format. Readers know no tensors and
// no source lines: who calls them adds the op's name, the file and the user's line.
#pragma once

#include <stdexcept>
#include <string>

namespace weft {

/// "the header must end inside the file, got 128 bytes of 64".
class FormatError : public std::runtime_error {
public:
  enum class Kind {
    damaged,     // no file of the format, or one that cannot be read or written
    unsupported, // a right file of something that Weft does not have
  };
  explicit FormatError(const std::string& message, Kind kind = Kind::damaged)
      : runtime_error(message), kind(kind) {}
  const Kind kind;
};

} // namespace weft
