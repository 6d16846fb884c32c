#include "runtime/core/output_file.h"

#include "weft/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace weft {

OutputFile::OutputFile(std::string what, const std::string& path)
    : what_(std::move(what)), path_(path) {
  const std::string target = followed(path);
  struct stat s;
  if (stat(target.c_str(), &s) == 0 && !S_ISREG(s.st_mode))
    special_ = Descriptor(open(target.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  else
    new_.emplace(target);
  if (!(new_ ? new_->ok() : special_.ok())) refuse();
}

void OutputFile::write(std::string_view text) {
  if (!write_all(new_ ? new_->get() : special_.get(), text)) refuse();
}

void OutputFile::commit() {
  if (!(new_ ? new_->take_name() : special_.close())) refuse();
}

void OutputFile::refuse() {
  std::string why = std::strerror(errno);
  throw Error(ErrorKind::io, what_ + ": " + path_ + " must be writable, got: " + why);
}

} // namespace weft
