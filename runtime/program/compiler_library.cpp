#include "runtime/program/compiler_library.h"

#include "runtime/core/descriptor.h"
#include "runtime/program/compiler_abi.h"
#include "weft/error.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace weft {

namespace {

struct Library {
  weft_compile_fn compile = nullptr;
  weft_compile_release_fn release = nullptr;
};

std::atomic<void (*)()> after_load{nullptr};

Library load(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* why = dlerror();
    throw Error(ErrorKind::unsupported, "compile: the compiler library must be loadable, got: " +
                                            std::string(why ? why : path) +
                                            "; set WEFT_COMPILER_LIBRARY to its path");
  }
  Library l;
  l.compile = reinterpret_cast<weft_compile_fn>(dlsym(handle, "weft_compile"));
  l.release = reinterpret_cast<weft_compile_release_fn>(dlsym(handle, "weft_compile_release"));
  if (l.compile && l.release) {
    if (auto f = after_load.load()) f();
    return l;
  }
  dlclose(handle);
  throw Error(ErrorKind::unsupported,
              "compile: " + path + " must be a compiler library, defines no weft_compile");
}

/// Loaded libraries by path; they stay loaded, since LLVM has static state.
Library library(const std::string& path, double& loading_ms) {
  static std::mutex mutex;
  static std::map<std::string, Library>& loaded = *new std::map<std::string, Library>;
  std::lock_guard lock(mutex);
  auto it = loaded.find(path);
  if (it != loaded.end()) return it->second;
  auto start = std::chrono::steady_clock::now();
  Library l = load(path);
  loading_ms +=
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return loaded.emplace(path, l).first->second;
}

/// Returns the GNU build id in a segment of notes, in hexadecimal.
std::string build_id_in(const std::vector<char>& notes) {
  for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
    Elf64_Nhdr n;
    __builtin_memcpy(&n, notes.data() + at, sizeof n);
    size_t name = at + sizeof n, id = name + (size_t{n.n_namesz} + 3) / 4 * 4;
    size_t next = id + (size_t{n.n_descsz} + 3) / 4 * 4;
    if (next > notes.size() || next <= at) return {};
    if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && std::string(&notes[name], 3) == "GNU") {
      std::string text;
      for (size_t k = id; k < id + n.n_descsz; k++) {
        constexpr char digits[] = "0123456789abcdef";
        unsigned char byte = static_cast<unsigned char>(notes[k]);
        text += {digits[byte >> 4], digits[byte & 15]};
      }
      return text;
    }
    at = next;
  }
  return {};
}

std::string build_id(int fd) {
  Elf64_Ehdr header;
  if (pread(fd, &header, sizeof header, 0) != sizeof header ||
      __builtin_memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr))
    return {};
  for (int k = 0; k < header.e_phnum; k++) {
    Elf64_Phdr p;
    off_t at = static_cast<off_t>(header.e_phoff + static_cast<size_t>(k) * sizeof p);
    if (pread(fd, &p, sizeof p, at) != sizeof p) return {};
    if (p.p_type != PT_NOTE || p.p_filesz > 65536) continue;
    std::vector<char> notes(p.p_filesz);
    if (pread(fd, notes.data(), notes.size(), static_cast<off_t>(p.p_offset)) !=
        static_cast<ssize_t>(notes.size()))
      return {};
    if (std::string id = build_id_in(notes); !id.empty()) return id;
  }
  return {};
}

} // namespace

void after_compiler_loads(void (*f)()) { after_load = f; }

std::string compiler_library_path() {
  if (const char* path = secure_getenv("WEFT_COMPILER_LIBRARY"); path && *path) return path;
  Dl_info self;
  if (!dladdr(reinterpret_cast<void*>(&compiler_library_path), &self) || !self.dli_fname)
    return "libweft-compiler.so";
  std::string path = self.dli_fname;
  size_t slash = path.rfind('/');
  return (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + "libweft-compiler.so";
}

std::string compiler_library_identity(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat s;
  if (!file.ok() || fstat(file.get(), &s) != 0) return {};
  std::string id = build_id(file.get());
  if (!id.empty()) return id;
  return std::to_string(s.st_size) + "-" + std::to_string(s.st_mtim.tv_sec) + "-" +
         std::to_string(s.st_mtim.tv_nsec);
}

std::string call_compiler(const std::string& path, const std::string& segment,
                          const std::string& options, double& loading_ms) {
  Library l = library(path, loading_ms);
  weft_compile_request request{WEFT_COMPILER_ABI,
                               {reinterpret_cast<const uint8_t*>(segment.data()), segment.size()},
                               options.c_str()};
  weft_bytes result{nullptr, 0};
  void* handle = nullptr;
  int rc = l.compile(&request, &result, &handle);
  std::string bytes(reinterpret_cast<const char*>(result.data), result.data ? result.size : 0);
  if (handle) l.release(handle);
  if (rc == WEFT_COMPILE_OK) return bytes;
  ErrorKind kind = rc == WEFT_COMPILE_UNSUPPORTED ? ErrorKind::unsupported : ErrorKind::internal;
  throw Error(kind, bytes.empty() ? "compile: the compiler failed without a message" : bytes);
}

} // namespace weft
