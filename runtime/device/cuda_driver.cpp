#include "runtime/device/cuda_driver.h"

#include "weft/error.h"

#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>
#include <type_traits>

namespace weft::device::cuda {

namespace {

[[noreturn]] void unsupported(const std::string& message) {
  throw Error(ErrorKind::unsupported, "cuda: " + message);
}

} // namespace

Driver::Driver(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    unsupported("NVIDIA's driver must be installed, which brings libcuda.so.1, got " +
                std::string(dlerror()));
  auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (!function) unsupported(path + " must be of CUDA 11 or later, got none of " + name);
  };
#define WEFT_CUDA_FIND(name, ...) find(name, #name);
  WEFT_CUDA_FUNCTIONS(WEFT_CUDA_FIND)
#undef WEFT_CUDA_FIND
  if (Result code = cuInit(0); code != kSuccess)
    unsupported("a GPU of NVIDIA must be there with its driver loaded (see nvidia-smi), got " +
                text_of(code));
}

const Driver& Driver::get(const std::string& path) {
  static std::mutex mutex;
  static auto& drivers = *new std::map<std::string, std::unique_ptr<Driver>>;
  std::lock_guard lock(mutex);
  std::unique_ptr<Driver>& driver = drivers[path];
  if (!driver) driver.reset(new Driver(path));
  return *driver;
}

std::string Driver::text_of(Result code) const {
  const char *name = nullptr, *text = nullptr;
  if (cuGetErrorName(code, &name) != kSuccess || !name) return "error " + std::to_string(code);
  if (cuGetErrorString(code, &text) != kSuccess || !text) return name;
  return std::string(name) + " (" + text + ")";
}

void Driver::fail(Result code, const char* what) const {
  throw Error(code == kOutOfMemory ? ErrorKind::out_of_memory : ErrorKind::internal,
              std::string("cuda: ") + what + " must succeed, got " + text_of(code));
}

} // namespace weft::device::cuda
