// Prototypes as in nvrtc.h of the CUDA toolkit, which need not be installed where this is built.
#include "codegen/gpu/cuda/nvrtc.h"

#include "weft/error.h"

#include <cstdlib>
#include <dlfcn.h>
#include <vector>

namespace weft::gpu::cuda {
namespace {

using Program = void*;

// Where toolkits and drivers put it; the newest first.
std::vector<std::string> usual_paths() {
  std::vector<std::string> paths;
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char* root = std::getenv(variable))
      for (const char* folder : {"/lib64/", "/lib/"})
        paths.push_back(std::string(root) + folder + "libnvrtc.so");
  for (const char* name :
       {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so",
        "/usr/local/cuda/lib/libnvrtc.so", "/usr/local/cuda/lib/libnvrtc.so.13"})
    paths.emplace_back(name);
  return paths;
}

} // namespace

struct Nvrtc::Functions {
  int (*version)(int*, int*);
  const char* (*error_string)(int);
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*);
  int (*destroy)(Program*);
  int (*compile)(Program, int, const char* const*);
  int (*log_size)(Program, size_t*);
  int (*log)(Program, char*);
  int (*cubin_size)(Program, size_t*);
  int (*cubin)(Program, char*);

  // Returns the name of the first function that the library lacks, or null.
  const char* bind(void* library) {
    const char* missing = nullptr;
    auto find = [&](auto& function, const char* name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      if (!function && !missing) missing = name;
    };
    find(version, "nvrtcVersion");
    find(error_string, "nvrtcGetErrorString");
    find(create, "nvrtcCreateProgram");
    find(destroy, "nvrtcDestroyProgram");
    find(compile, "nvrtcCompileProgram");
    find(log_size, "nvrtcGetProgramLogSize");
    find(log, "nvrtcGetProgramLog");
    find(cubin_size, "nvrtcGetCUBINSize");
    find(cubin, "nvrtcGetCUBIN");
    return missing;
  }
};

Nvrtc::Nvrtc(const std::vector<std::string>& paths) {
  auto functions = std::make_shared<Functions>();
  std::string tried;
  for (const std::string& path : paths) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    const char* missing = library ? functions->bind(library) : nullptr;
    if (library && !missing) {
      int major = 0, minor = 0;
      functions->version(&major, &minor);
      version_ = std::to_string(major) + "." + std::to_string(minor);
      functions_ = std::move(functions);
      return;
    }
    tried +=
        (tried.empty() ? "" : ", ") + path + (missing ? std::string(" without ") + missing : "");
    if (library) dlclose(library);
  }
  throw Error(ErrorKind::unsupported,
              "cuda: libnvrtc of the CUDA toolkit must be installed, or CUDA_HOME name its "
              "folder, got none of " +
                  tried);
}

const Nvrtc& Nvrtc::get() {
  static const Nvrtc library(usual_paths());
  return library;
}

std::string Nvrtc::compile(const std::string& source, const std::string& name,
                           const std::string& architecture) const {
  const Functions& f = *functions_;
  auto check = [&](int code, const char* what) {
    if (code != 0)
      throw Error(ErrorKind::internal,
                  std::string("cuda: ") + what + " must succeed, got " + f.error_string(code));
  };
  struct Guard {
    const Functions& functions;
    Program program = nullptr;
    ~Guard() {
      if (program) functions.destroy(&program);
    }
  } guard{f};
  check(f.create(&guard.program, source.c_str(), name.c_str(), 0, nullptr, nullptr),
        "nvrtcCreateProgram");
  std::string arch = "-arch=" + architecture;
  const char* options[] = {arch.c_str(), "-std=c++17",     "-fmad=false",
                           "-ftz=false", "-prec-div=true", "-prec-sqrt=true"};
  int code = f.compile(guard.program, int(std::size(options)), options);
  if (code != 0) {
    size_t size = 0;
    std::string log;
    if (f.log_size(guard.program, &size) == 0 && size > 1) {
      log.resize(size);
      f.log(guard.program, log.data());
    }
    throw Error(ErrorKind::unsupported, "cuda: " + name + " must compile for " + architecture +
                                            ", got " + f.error_string(code) + "\n" + log.c_str());
  }
  size_t size = 0;
  check(f.cubin_size(guard.program, &size), "nvrtcGetCUBINSize");
  std::string cubin(size, '\0');
  check(f.cubin(guard.program, cubin.data()), "nvrtcGetCUBIN");
  return cubin;
}

} // namespace weft::gpu::cuda
