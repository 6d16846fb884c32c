#include "runtime/core/descriptor.h"

#include <cerrno>
#include <unistd.h>

namespace weft {

Descriptor& Descriptor::operator=(Descriptor&& o) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = o.release();
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

bool Descriptor::close() { return ::close(release()) == 0; }

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

} // namespace weft
