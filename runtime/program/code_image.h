// CodeImage: a shared object mapped by the dynamic linker from an open descriptor, so that what is
// mapped is what was checked. No page of it is ever writable and executable at once.
#pragma once

#include <memory>
#include <string>

namespace weft {

class CodeImage {
public:
  /// Maps a shared object that lies in memory. Throws weft::Error (io) where it is refused.
  static std::shared_ptr<CodeImage> from_bytes(const std::string& object);
  /// Maps the shared object at the start of an open file; the descriptor may be closed afterwards.
  static std::shared_ptr<CodeImage> from_file(int fd);
  ~CodeImage();
  CodeImage(const CodeImage&) = delete;

  /// Returns a symbol's address, or null.
  void* find(const char* symbol) const;

private:
  explicit CodeImage(void* handle) : handle_(handle) {}
  void* handle_;
};

} // namespace weft
