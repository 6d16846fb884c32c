// libnvrtc.so for machines without a GPU: CUDA C becomes a library of the host that driver.cpp
// runs. Where the true NVRTC is installed the source must be one that it takes as well.
#include "runtime/device/nvrtc.h"
#include "weft/error.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>

namespace {

constexpr int kSuccess = 0, kCompilation = 6;

struct Program {
  std::string source, name, log, code;
};

// Few headers, none of them C++: each kernel is compiled with them. weft_call is Call of
// driver.cpp.
constexpr const char* kPrelude = R"(#include <math.h>
#include <string.h>
#define __global__ __attribute__((visibility("default")))
#define __device__
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __forceinline__ inline
#define __launch_bounds__(threads)
struct __align__(8) float2 {
  float x, y;
};
struct __align__(16) float4 {
  float x, y, z, w;
};
struct __align__(16) double2 {
  double x, y;
};
struct __align__(16) longlong2 {
  long long x, y;
};
struct __align__(16) int4 {
  int x, y, z, w;
};
struct __align__(8) short4 {
  short x, y, z, w;
};
struct __align__(8) ushort4 {
  unsigned short x, y, z, w;
};
struct __align__(4) char4 {
  signed char x, y, z, w;
};
struct __align__(4) uchar4 {
  unsigned char x, y, z, w;
};
struct weft_index {
  unsigned x;
};
extern "C" {
__attribute__((visibility("default"))) weft_index threadIdx, blockIdx, gridDim;
__attribute__((visibility("default"))) void (*weft_sync)();
}
inline void __syncthreads() { weft_sync(); }
inline void __syncwarp() {}
// Threads of a block shuffle together. They meet once: who comes to the next shuffle writes where
// nobody reads any more.
template <class T> T __shfl_down_sync(unsigned, T value, int lanes) {
  static T given[2][1024];
  static unsigned char turn[1024];
  const unsigned thread = threadIdx.x, half = turn[thread] ^= 1;
  given[half][thread] = value;
  weft_sync();
  return given[half][thread % 32 + lanes < 32 ? thread + lanes : thread];
}
// Tensor cores: every thread gives its parts of both matrices and computes its own part of the sum
// from those of its warp, as PTX ISA lays them out for mma.m16n8k16.
#define WEFT_HAS_MMA
#define WEFT_HAS_weft_mma_bf16
#define WEFT_HAS_weft_mma_f16
#define WEFT_HAS_weft_matrices
#define WEFT_HAS_weft_matrices_transposed
#define WEFT_HAS_weft_copy16
template <class Widen>
void weft_mma(float* upper, float* lower, const unsigned* a, const unsigned* b, Widen widen) {
  struct Parts {
    unsigned a[4], b[2];
  };
  static Parts given[2][1024];
  static unsigned char turn[1024];
  const unsigned thread = threadIdx.x, half = turn[thread] ^= 1, lane = thread % 32;
  memcpy(given[half][thread].a, a, sizeof given[half][thread].a);
  memcpy(given[half][thread].b, b, sizeof given[half][thread].b);
  weft_sync();
  const Parts* warp = &given[half][thread - lane];
  for (unsigned r = 0; r < 2; r++)
    for (unsigned c = 0; c < 2; c++) {
      const unsigned row = lane / 4, column = lane % 4 * 2 + c;
      float& sum = (r ? lower : upper)[c];
      for (unsigned k = 0; k < 16; k++) {
        const unsigned x = warp[row * 4 + k % 8 / 2].a[r + k / 8 * 2] >> k % 2 * 16;
        const unsigned y = warp[column * 4 + k % 8 / 2].b[k / 8] >> k % 2 * 16;
        sum = fmaf(widen(x & 0xffff), widen(y & 0xffff), sum);
      }
    }
}
// Every thread gives the place of one line and takes its parts of four matrices, as PTX ISA says of
// ldmatrix.
inline void weft_matrices_of(unsigned* to, const unsigned short* line, bool transposed) {
  static const unsigned short* given[2][1024];
  static unsigned char turn[1024];
  const unsigned thread = threadIdx.x, half = turn[thread] ^= 1, lane = thread % 32;
  given[half][thread] = line;
  weft_sync();
  for (unsigned m = 0; m < 4; m++) {
    const unsigned short* const* lines = &given[half][thread - lane + m * 8];
    const unsigned major = lane / 4, minor = lane % 4 * 2;
    const unsigned first = transposed ? lines[minor][major] : lines[major][minor];
    const unsigned second = transposed ? lines[minor + 1][major] : lines[major][minor + 1];
    to[m] = first | second << 16;
  }
}
inline void weft_matrices(unsigned* to, const unsigned short* line) {
  weft_matrices_of(to, line, false);
}
inline void weft_matrices_transposed(unsigned* to, const unsigned short* line) {
  weft_matrices_of(to, line, true);
}
// Copies come when the thread awaits them and no sooner, and only to and from what is aligned.
struct weft_copies {
  struct {
    void* to;
    const void* from;
    unsigned group;
  } all[128];
  unsigned first, last, group;
};
inline weft_copies& weft_copies_of_thread() {
  static weft_copies copies[1024];
  return copies[threadIdx.x];
}
inline void weft_copy16(unsigned short* to, const unsigned short* from) {
  weft_copies& copies = weft_copies_of_thread();
  if (((unsigned long long)to | (unsigned long long)from) % 16 != 0) __builtin_trap();
  if (copies.last - copies.first == 128) __builtin_trap();
  copies.all[copies.last++ % 128] = {to, from, copies.group};
}
inline void weft_await_copies(unsigned pending) {
  weft_copies& copies = weft_copies_of_thread();
  for (; copies.first != copies.last; copies.first++) {
    const auto& copy = copies.all[copies.first % 128];
    if (copies.group - copy.group <= pending) break;
    memcpy(copy.to, copy.from, 16);
  }
}
#define WEFT_COMMIT_COPIES() ((void)weft_copies_of_thread().group++)
#define WEFT_AWAIT_COPIES(pending) weft_await_copies(pending)
inline float weft_widened_bf16(unsigned x);
inline float weft_widened_f16(unsigned x);
inline void weft_mma_bf16(float* upper, float* lower, const unsigned* a, const unsigned* b) {
  weft_mma(upper, lower, a, b, weft_widened_bf16);
}
inline void weft_mma_f16(float* upper, float* lower, const unsigned* a, const unsigned* b) {
  weft_mma(upper, lower, a, b, weft_widened_f16);
}
inline unsigned atomicCAS(unsigned* word, unsigned from, unsigned to) {
  const unsigned old = *word;
  if (old == from) *word = to;
  return old;
}
inline unsigned atomicMax(unsigned* word, unsigned value) {
  const unsigned old = *word;
  if (old < value) *word = value;
  return old;
}
template <class To, class From> To weft_bits(From from) {
  To to;
  static_assert(sizeof to == sizeof from);
  memcpy(&to, &from, sizeof to);
  return to;
}
inline float __uint_as_float(unsigned x) { return weft_bits<float>(x); }
inline unsigned __float_as_uint(float x) { return weft_bits<unsigned>(x); }
inline float weft_widened_bf16(unsigned x) { return __uint_as_float(x << 16); }
inline float weft_widened_f16(unsigned x) {
  const unsigned magnitude = (x & 0x7fff) << 13, sign = (x & 0x8000) << 16;
  const unsigned scaled = __float_as_uint(__uint_as_float(magnitude) * 0x1p112f);
  return __uint_as_float((magnitude >= 0x0f800000 ? magnitude | 0x7f800000 : scaled) | sign);
}
inline double __longlong_as_double(long long x) { return weft_bits<double>(x); }
inline long long __double_as_longlong(double x) { return weft_bits<long long>(x); }
struct weft_call {
  void (*run)(void*);
  void (*drop)(void*);
  void* data;
};
template <class F> weft_call weft_erase(F f) {
  return {[](void* data) { (*static_cast<F*>(data))(); },
          [](void* data) { delete static_cast<F*>(data); }, new F(f)};
}
template <class... A> struct weft_values {
  explicit weft_values(void**) {}
  template <class K, class... B> void call(K kernel, B... all) const { kernel(all...); }
};
template <class A, class... More> struct weft_values<A, More...> {
  A first;
  weft_values<More...> more;
  explicit weft_values(void** at) : first(*static_cast<A*>(*at)), more(at + 1) {}
  template <class K, class... B> void call(K kernel, B... before) const {
    more.call(kernel, before..., first);
  }
};
template <class... A> weft_call weft_bind(void (*kernel)(A...), void** arguments) {
  return weft_erase([kernel, values = weft_values<A...>(arguments)] { values.call(kernel); });
}
)";

// Programs that are compiled as one source rename their kernels by #define.
std::string binders_of(const std::string& source) {
  static const std::regex kernel(
      R"((?:WEFT_KERNEL\(\d+\)|__global__ void(?: __launch_bounds__\(\d+\))?) (\w+)\()");
  std::map<std::string, std::string> names;
  std::istringstream lines(source);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string directive, from, to;
    words >> directive >> from >> to;
    if (directive == "#define") names[from] = to;
    if (directive == "#undef") names.erase(from);
    std::smatch found;
    if (line.starts_with("#") || !std::regex_search(line, found, kernel)) continue;
    std::string name = found[1];
    if (auto renamed = names.find(name); renamed != names.end()) name = renamed->second;
    text += "extern \"C\" __global__ void weft_bind_" + name +
            "(void** arguments, weft_call& call) {\n  call = weft_bind(" + name +
            ", arguments);\n}\n";
  }
  return text;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Says what the true NVRTC says, nothing where there is none.
std::string refusal_of(const Program& p, const std::string& architecture) {
  std::unique_ptr<weft::device::Nvrtc> nvrtc;
  try {
    nvrtc = std::make_unique<weft::device::Nvrtc>(std::vector<std::string>{
        "libnvrtc.so.13", "libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so",
        "/usr/local/cuda/lib/libnvrtc.so"});
  } catch (const weft::Error&) {
    return "";
  }
  try {
    nvrtc->compile(p.source, p.name, architecture);
  } catch (const weft::Error& e) {
    return e.what();
  }
  return "";
}

bool compile(Program& p, const std::string& architecture) {
  p.log = refusal_of(p, architecture);
  if (!p.log.empty()) return false;
  std::string folder = (std::filesystem::temp_directory_path() / "weft-cuda-XXXXXX").string();
  if (!mkdtemp(folder.data())) return false;
  const std::filesystem::path file = std::filesystem::path(folder) / "kernels";
  std::ofstream(file.string() + ".cpp") << kPrelude << p.source << binders_of(p.source);
  const std::string command =
      "c++ -std=c++20 -nostdinc++ -O1 -w -shared -fPIC -fvisibility=hidden -ffp-contract=off "
      "-fno-strict-aliasing -o '" +
      file.string() + ".so' '" + file.string() + ".cpp' 2>'" + file.string() + ".log'";
  const bool ok = std::system(command.c_str()) == 0;
  p.log = read(file.string() + ".log");
  p.code = read(file.string() + ".so");
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return ok;
}

} // namespace

extern "C" {

#define EXPORT __attribute__((visibility("default")))

EXPORT int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return kSuccess;
}
EXPORT const char* nvrtcGetErrorString(int code) {
  return code == kCompilation ? "NVRTC_ERROR_COMPILATION" : "NVRTC_SUCCESS";
}
EXPORT int nvrtcGetNumSupportedArchs(int* count) {
  *count = 1;
  return kSuccess;
}
EXPORT int nvrtcGetSupportedArchs(int* architectures) {
  *architectures = 90;
  return kSuccess;
}
EXPORT int nvrtcCreateProgram(Program** program, const char* source, const char* name, int,
                              const char* const*, const char* const*) {
  *program = new Program{source, name, "", ""};
  return kSuccess;
}
EXPORT int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return kSuccess;
}
EXPORT int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  std::string architecture;
  for (int k = 0; k < count; k++)
    if (std::string option = options[k]; option.starts_with("-arch="))
      architecture = option.substr(6);
  return compile(*program, architecture) ? kSuccess : kCompilation;
}
EXPORT int nvrtcGetProgramLogSize(Program* program, size_t* size) {
  *size = program->log.size() + 1;
  return kSuccess;
}
EXPORT int nvrtcGetProgramLog(Program* program, char* log) {
  std::copy_n(program->log.c_str(), program->log.size() + 1, log);
  return kSuccess;
}
EXPORT int nvrtcGetCUBINSize(Program* program, size_t* size) {
  *size = program->code.size();
  return kSuccess;
}
EXPORT int nvrtcGetCUBIN(Program* program, char* code) {
  std::copy_n(program->code.data(), program->code.size(), code);
  return kSuccess;
}
EXPORT int nvrtcGetPTXSize(Program*, size_t* size) {
  *size = 0;
  return kSuccess;
}
EXPORT int nvrtcGetPTX(Program*, char*) { return kSuccess; }
}
