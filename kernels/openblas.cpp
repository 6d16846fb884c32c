#include "kernels/openblas.h"

#include <dlfcn.h>

namespace weft::kernels {

namespace {

void* open_library() {
  void* handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  void* set_threads = handle ? dlsym(handle, "openblas_set_num_threads") : nullptr;
  if (!set_threads) return nullptr;
  reinterpret_cast<void (*)(int)>(set_threads)(1);
  return handle;
}

} // namespace

void* find_in_openblas(const char* name) {
  static void* const library = open_library();
  return library ? dlsym(library, name) : nullptr;
}

} // namespace weft::kernels
