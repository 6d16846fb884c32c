// An open file as its owner holds it.
#pragma once

#include <string_view>
#include <utility>

namespace weft {

/// A file descriptor that closes itself.
class Descriptor {
public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& o) noexcept : fd_(o.release()) {}
  Descriptor& operator=(Descriptor&& o) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  /// Gives up the descriptor without closing it.
  int release() { return std::exchange(fd_, -1); }
  /// Closes now. Returns false where the system did not keep all that was written; errno says why.
  bool close();

private:
  int fd_;
};

/// Writes all bytes at the file's position. Returns false where the system takes no more; errno
/// says why.
bool write_all(int fd, std::string_view bytes);

} // namespace weft
