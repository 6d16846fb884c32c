// Files that are replaced as a whole or not at all.
#pragma once

#include "runtime/core/descriptor.h"

#include <string>

namespace weft {

/// Returns what a path leads to, where links are followed; the path itself where nothing is there.
std::string followed(const std::string& path);

/// A new file beside another one, whose name it takes at the end; else it is removed. Where a step
/// fails, errno says why.
class FileBeside {
public:
  /// Makes a file next to `target`, under a name that nobody else uses; not ok() where that fails.
  explicit FileBeside(std::string target);
  ~FileBeside();
  FileBeside(const FileBeside&) = delete;
  FileBeside& operator=(const FileBeside&) = delete;
  bool ok() const { return file_.ok(); }
  /// Returns the descriptor to write to.
  int get() const { return file_.get(); }
  /// Closes the file and gives it the target's name. Returns false where that fails.
  bool take_name();

private:
  std::string target_, name_; // name_ is empty where there is nothing to remove
  Descriptor file_;
};

} // namespace weft
