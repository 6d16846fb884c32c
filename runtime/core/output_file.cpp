#include "runtime/core/output_file.h"

#include "weft/error.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace weft {

namespace {

/// What a path leads to, where links are followed; the path itself where there is nothing yet.
std::string resolved(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  std::string r = real ? real : path;
  std::free(real);
  return r;
}

} // namespace

OutputFile::OutputFile(std::string what, const std::string& path)
    : what_(std::move(what)), path_(path), target_(resolved(path)) {
  static std::atomic<uint32_t> count{0};
  struct stat s;
  if (stat(target_.c_str(), &s) == 0 && !S_ISREG(s.st_mode)) {
    fd_ = open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  } else {
    temporary_ =
        target_ + ".new-" + std::to_string(getpid()) + "-" + std::to_string(count.fetch_add(1));
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd_ < 0) temporary_.clear();
  }
  if (fd_ < 0) refuse();
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(fd_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) refuse();
    text.remove_prefix(static_cast<size_t>(n));
  }
}

void OutputFile::commit() {
  if (close(std::exchange(fd_, -1)) != 0) refuse();
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), target_.c_str()) != 0) refuse();
  temporary_.clear();
}

void OutputFile::refuse() {
  std::string why = std::strerror(errno);
  throw Error(ErrorKind::io, what_ + ": " + path_ + " must be writable, got: " + why);
}

} // namespace weft
