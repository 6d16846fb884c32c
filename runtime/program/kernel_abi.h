// What a compiled CPU kernel is called with. Plain C: a kernel has no other way to reach the
// runtime.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_KERNEL_ABI 2u

typedef struct weft_kernel_context {
  uint32_t abi;    // WEFT_KERNEL_ABI
  uint32_t* error; // raised atomically to the largest code of a requirement that did not hold
  void* scratch;   // the launch's scratch bytes, 64-byte aligned, private to the calling thread
  // Panels of constant operands, by number: the kernel reads them, its packing functions write
  // them. Null, or null at a number: the kernel packs what it needs by itself.
  void* const* panels;
} weft_kernel_context;

// Runs chunks [chunk_begin, chunk_end) of a launch. `buffers`: base pointers in the kernel's
// argument order. `args`: one for each scalar and size in order; f32 and f64 scalars as the bits of
// an f64, i1 as 0 or 1. Any chunk may run on any thread, once. A packing function has the same
// arguments, and panels for chunks.
typedef void (*weft_kernel_fn)(const weft_kernel_context* context, void* const* buffers,
                               const int64_t* args, int64_t chunk_begin, int64_t chunk_end);

#ifdef __cplusplus
}
#endif
