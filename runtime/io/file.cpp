#include "runtime/io/file.h"

#include "runtime/io/format_error.h"

#include <cerrno>
#include <climits>
#include <cstring>
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

std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace

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

AtomicFile::AtomicFile(const std::string& path) : path_(followed(path)) {
  struct stat old;
  bool exists = stat(path_.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) not_plain(old.st_mode);
  if (exists && access(path_.c_str(), W_OK) != 0) fail("be writable", errno);
  file_.emplace(path_);
  if (!file_->ok()) fail("be writable", errno);
  if (exists) // best effort: another owner's mode may be refused
    (void)!fchmod(file_->get(), old.st_mode & 07777);
}

void AtomicFile::write(std::span<const uint8_t> bytes) {
  if (!write_all(file_->get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
    fail("take what is written", errno);
  position_ += bytes.size();
}

void AtomicFile::write(const std::string& text) {
  write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void AtomicFile::commit() {
  if (fsync(file_->get()) != 0) fail("take what is written", errno);
  if (!file_->take_name()) fail("be replaceable", errno);
  // The new name is durable once the folder is; some file systems cannot say that of a folder.
  Descriptor folder(open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.ok()) (void)fsync(folder.get());
}

} // namespace weft
