#include "runtime/io/file.h"

#include "runtime/io/format_error.h"

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft {

namespace {

[[noreturn]] void fail(const char* must, int error) {
  throw FormatError(std::string("the file must ") + must + ", got: " + std::strerror(error));
}

const char* kind_of(mode_t mode) {
  return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : "a device";
}

[[noreturn]] void not_plain(mode_t mode) {
  throw FormatError(std::string("the file must be a plain one, got ") + kind_of(mode));
}

/// The path with its links followed, where it exists.
std::string target_of(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  std::string r = real ? real : path;
  std::free(real);
  return r;
}

std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace

OpenFile::~OpenFile() {
  if (fd_ >= 0) close(fd_);
}

// O_NONBLOCK: opening a pipe must not wait for its writer; plain files do not know it.
FileSource::FileSource(const std::string& path)
    : file_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  struct stat s;
  if (file_.get() < 0 || fstat(file_.get(), &s) != 0) fail("be readable", errno);
  if (!S_ISREG(s.st_mode)) not_plain(s.st_mode);
  size_ = static_cast<uint64_t>(s.st_size);
}

void FileSource::read(uint64_t offset, std::span<uint8_t> into) const {
  while (!into.empty()) {
    ssize_t n = pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("be readable", errno);
    if (n == 0)
      throw FormatError("the file must keep its length while it is read, got a shorter one");
    into = into.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

MappedFile::MappedFile(const std::string& path) {
  FileSource file(path);
  size_ = file.size();
  if (size_ == 0) return; // an empty map does not exist
  void* start = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                     file.descriptor(), 0);
  if (start == MAP_FAILED) fail("be mappable", errno);
  start_ = start;
}

MappedFile::~MappedFile() {
  if (start_) munmap(start_, size_);
}

AtomicFile::AtomicFile(const std::string& path) : path_(target_of(path)) {
  struct stat old;
  bool exists = stat(path_.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) not_plain(old.st_mode);
  if (exists && access(path_.c_str(), W_OK) != 0) fail("be writable", errno);
  static std::atomic<uint32_t> count{0};
  temporary_ = path_ + ".new-" + std::to_string(getpid()) + "-" + std::to_string(count++);
  int fd = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) {
    int error = errno;
    temporary_.clear(); // not ours
    fail("be writable", error);
  }
  file_ = OpenFile(fd);
  if (exists)
    (void)!fchmod(fd, old.st_mode & 07777); // best effort: another owner's mode may be refused
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("take what is written", errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    position_ += static_cast<uint64_t>(n);
  }
}

void AtomicFile::write(const std::string& text) {
  write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void AtomicFile::commit() {
  if (fsync(file_.get()) != 0) fail("take what is written", errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail("be replaceable", errno);
  temporary_.clear();
  // The new name is durable once the folder is; some file systems cannot say that of a folder.
  OpenFile folder(open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) (void)fsync(folder.get());
}

} // namespace weft
