// Prototypes as in nvrtc.h of the CUDA toolkit, which need not be installed where this is built.
#include "runtime/device/nvrtc.h"

#include "weft/error.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <vector>

namespace weft::device {

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
  int (*ptx_size)(Program, size_t*);
  int (*ptx)(Program, char*);
  int (*architecture_count)(int*);
  int (*architectures)(int*);

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
    find(ptx_size, "nvrtcGetPTXSize");
    find(ptx, "nvrtcGetPTX");
    find(architecture_count, "nvrtcGetNumSupportedArchs");
    find(architectures, "nvrtcGetSupportedArchs");
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

namespace {

/// A source inside the library.
struct OpenProgram {
  int (*destroy)(Program*);
  Program program = nullptr;
  ~OpenProgram() {
    if (program) destroy(&program);
  }
};

} // namespace

std::string Nvrtc::compile(const std::string& source, const std::string& name,
                           const std::string& architecture) const {
  const Functions& f = *functions_;
  auto check = [&](int code, const char* what) {
    if (code != 0)
      throw Error(ErrorKind::internal,
                  std::string("cuda: ") + what + " must succeed, got " + f.error_string(code));
  };
  OpenProgram open{f.destroy};
  check(f.create(&open.program, source.c_str(), name.c_str(), 0, nullptr, nullptr),
        "nvrtcCreateProgram");
  const std::string arch = "-arch=" + architecture;
  const char* options[] = {arch.c_str(), "-std=c++17",     "-fmad=false",
                           "-ftz=false", "-prec-div=true", "-prec-sqrt=true"};
  int code = f.compile(open.program, int(std::size(options)), options);
  size_t size = 0;
  std::string text;
  if (code != 0) {
    if (f.log_size(open.program, &size) == 0 && size > 1) {
      text.resize(size);
      f.log(open.program, text.data());
    }
    throw Error(ErrorKind::internal, "cuda: " + name + " must compile for " + architecture +
                                         ", got " + f.error_string(code) + "\n" + text.c_str());
  }
  const bool is_ptx = architecture.starts_with("compute_");
  check((is_ptx ? f.ptx_size : f.cubin_size)(open.program, &size), "a size of the code");
  text.resize(size);
  check((is_ptx ? f.ptx : f.cubin)(open.program, text.data()), "a copy of the code");
  return text;
}

std::string Nvrtc::architecture_for(int capability) const {
  int count = 0;
  functions_->architecture_count(&count);
  std::vector<int> known(static_cast<size_t>(count));
  if (count > 0) functions_->architectures(known.data());
  std::erase_if(known, [&](int k) { return k > capability; });
  if (known.empty())
    throw Error(ErrorKind::unsupported,
                "cuda: a CUDA toolkit must be installed that compiles for sm_" +
                    std::to_string(capability) + ", got NVRTC " + version_ +
                    ", which is for newer devices");
  const int newest = *std::max_element(known.begin(), known.end());
  return (newest == capability ? "sm_" : "compute_") + std::to_string(newest);
}

} // namespace weft::device
