#include "runtime/program/code_image.h"

#include "runtime/core/descriptor.h"
#include "weft/error.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace weft {

namespace {

/// The dynamic linker takes two equal names for one library even where the descriptor behind
/// /proc/self/fd/N is another by now: each load gets a path of its own, a number spelt in "/" and
/// "/." steps, which the kernel skips.
std::string unique_path(int fd) {
  static std::atomic<uint64_t> loads{0};
  std::string path = "/proc/self/fd";
  for (uint64_t n = loads.fetch_add(1) + 2; n > 1; n >>= 1)
    path += n & 1 ? "/./" : "//";
  return path + "/" + std::to_string(fd);
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::io, "program: its code must be loadable, " + why);
}

} // namespace

std::shared_ptr<CodeImage> CodeImage::from_bytes(const std::string& object) {
  Descriptor memory(memfd_create("weft-program", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.ok()) refuse(std::string("got no memory file: ") + std::strerror(errno));
  if (!write_all(memory.get(), object))
    refuse(std::string("its memory file cannot be written: ") + std::strerror(errno));
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
      0)
    refuse(std::string("its memory file cannot be sealed: ") + std::strerror(errno));
  return from_file(memory.get());
}

std::shared_ptr<CodeImage> CodeImage::from_file(int fd) {
  void* handle = dlopen(unique_path(fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* why = dlerror();
    refuse(why ? why : "the dynamic linker gives no reason");
  }
  return std::shared_ptr<CodeImage>(new CodeImage(handle));
}

CodeImage::~CodeImage() { dlclose(handle_); }

void* CodeImage::find(const char* symbol) const { return dlsym(handle_, symbol); }

} // namespace weft
