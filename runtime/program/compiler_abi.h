// The two C functions that libweft looks up in libweft-compiler: segment bytes in, program bytes out.
#pragma once

#include <stddef.h>
#include <stdint.h>

extern "C" {

#define WEFT_COMPILER_ABI 1u

struct weft_bytes {
  const uint8_t* data;
  size_t size;
};

struct weft_compile_request {
  uint32_t abi; // WEFT_COMPILER_ABI
  weft_bytes segment;
  const char* options; // "key=value" lines: cpu, features, threads, keep_stages, disable (passes), print (passes)
};

/// Compiles one segment. Returns 0 and the program's bytes, or another value and a message; either
/// stays valid until weft_compile_release(handle).
typedef int (*weft_compile_fn)(const weft_compile_request*, weft_bytes* result, void** handle);
typedef void (*weft_compile_release_fn)(void* handle);
}
