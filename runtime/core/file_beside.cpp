#include "runtime/core/file_beside.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace weft {

std::string followed(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  std::string r = real ? real : path;
  std::free(real);
  return r;
}

FileBeside::FileBeside(std::string target) : target_(std::move(target)) {
  static std::atomic<uint32_t> count{0};
  name_ = target_ + ".new-" + std::to_string(getpid()) + "-" + std::to_string(count.fetch_add(1));
  file_ =
      Descriptor(open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (file_.ok()) return;
  const int error = errno;
  name_.clear(); // not ours
  errno = error;
}

FileBeside::~FileBeside() {
  if (!name_.empty()) unlink(name_.c_str());
}

bool FileBeside::take_name() {
  if (!file_.close() || rename(name_.c_str(), target_.c_str()) != 0) return false;
  name_.clear();
  return true;
}

} // namespace weft
