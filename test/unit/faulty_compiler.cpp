// The compiler with a planted fault: a sine that no kernel of its own computes comes out as the
// cosine, unless the pass that WEFT_TEST_FAULTY_PASS names is left out.
#include "runtime/program/compiler_abi.h"
#include "runtime/program/segment.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <string>

using namespace weft;

namespace {

struct Compiler {
  Compiler() : handle(dlopen(WEFT_TEST_REAL_COMPILER, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle) return;
    compile = reinterpret_cast<weft_compile_fn>(dlsym(handle, "weft_compile"));
    release = reinterpret_cast<weft_compile_release_fn>(dlsym(handle, "weft_compile_release"));
  }
  void* handle;
  weft_compile_fn compile = nullptr;
  weft_compile_release_fn release = nullptr;
};

Compiler& real() {
  static Compiler& compiler = *new Compiler; // stays loaded, since LLVM has static state
  return compiler;
}

bool leaves_out(const std::string& options, const char* pass) {
  return pass && options.find("disable=" + std::string(pass) + "\n") != std::string::npos;
}

} // namespace

extern "C" {

__attribute__((visibility("default"))) int weft_compile(const weft_compile_request* request,
                                                        weft_bytes* result, void** handle) {
  if (!real().compile) return WEFT_COMPILE_INTERNAL;
  Segment s = Segment::deserialize({request->segment.data, request->segment.size});
  if (!leaves_out(request->options, std::getenv("WEFT_TEST_FAULTY_PASS")))
    for (SegmentOp& op : s.ops)
      if (op.op == "sin" && std::ranges::count(s.outputs, op.result) == 0) op.op = "cos";
  const std::string bytes = s.serialize(true);
  weft_compile_request changed = *request;
  changed.segment = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  return real().compile(&changed, result, handle);
}

__attribute__((visibility("default"))) void weft_compile_release(void* handle) {
  real().release(handle);
}
}
