// The two C functions that libweft looks up in libweft-compiler: segment bytes in, program bytes
// out.
#pragma once

#include <stddef.h>
#include <stdint.h>

extern "C" {

#define WEFT_COMPILER_ABI 1u

enum weft_compile_result {
  WEFT_COMPILE_OK = 0,
  WEFT_COMPILE_UNSUPPORTED = 1, // right in principle: the segment stays eager
  WEFT_COMPILE_INTERNAL = 2, // a bug of the compiler: the segment stays eager, the message says so
};

struct weft_bytes {
  const uint8_t* data;
  size_t size;
};

struct weft_compile_request {
  uint32_t abi; // WEFT_COMPILER_ABI
  weft_bytes segment;
  const char* options; // "key=value" lines: target (goes into the program as it is), device (opencl
                       // or cuda; the CPU where there is none), cpu, features, keep_stages, disable
                       // (passes), print (passes), memory_budget (bytes)
};

/// Compiles one segment. Returns WEFT_COMPILE_OK and the program's bytes, or another result and a
/// message; either stays valid until weft_compile_release(handle). Any thread may call it.
typedef int (*weft_compile_fn)(const weft_compile_request*, weft_bytes* result, void** handle);
typedef void (*weft_compile_release_fn)(void* handle);
}
