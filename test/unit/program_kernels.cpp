// Hand-written kernels that the tests run as if they were a compiled program's code.
#include "runtime/program/kernel_abi.h"

#include <algorithm>
#include <bit>

namespace {

constexpr int64_t kChunk = 1024;

/// Calls body(k) for every element of chunks [begin, end) of n.
template <class F> void each(int64_t begin, int64_t end, int64_t n, F body) {
  for (int64_t k = begin * kChunk; k < std::min(end * kChunk, n); k++)
    body(k);
}

} // namespace

extern "C" {

// buffers: x, y, result; args: n
void add_f32(const weft_kernel_context*, void* const* buffers, const int64_t* args, int64_t begin,
             int64_t end) {
  auto x = static_cast<const float*>(buffers[0]), y = static_cast<const float*>(buffers[1]);
  auto r = static_cast<float*>(buffers[2]);
  each(begin, end, args[0], [&](int64_t k) { r[k] = x[k] + y[k]; });
}

// buffers: x, result; args: n, factor. Goes through the scratch memory of one chunk.
void scale_f32(const weft_kernel_context* ctx, void* const* buffers, const int64_t* args,
               int64_t begin, int64_t end) {
  auto x = static_cast<const float*>(buffers[0]);
  auto r = static_cast<float*>(buffers[1]), scratch = static_cast<float*>(ctx->scratch);
  float factor = static_cast<float>(std::bit_cast<double>(args[1]));
  for (int64_t c = begin; c < end; c++) {
    each(c, c + 1, args[0], [&](int64_t k) { scratch[k - c * kChunk] = x[k] * factor; });
    each(c, c + 1, args[0], [&](int64_t k) { r[k] = scratch[k - c * kChunk]; });
  }
}

// buffers: x, sums of chunks, result; args: n. The last chunk adds up what the others left.
void sum_f32(const weft_kernel_context*, void* const* buffers, const int64_t* args, int64_t begin,
             int64_t end) {
  auto x = static_cast<const float*>(buffers[0]);
  auto sums = static_cast<float*>(buffers[1]), result = static_cast<float*>(buffers[2]);
  int64_t last = (args[0] + kChunk - 1) / kChunk;
  for (int64_t c = begin; c < end; c++) {
    float sum = 0;
    if (c < last)
      each(c, c + 1, args[0], [&](int64_t k) { sum += x[k]; });
    else
      for (int64_t k = 0; k < last; k++)
        sum += sums[k];
    (c < last ? sums[c] : *result) = sum;
  }
}

// buffers: x; args: n. Raises error 1 where an element is negative.
void require_natural(const weft_kernel_context* ctx, void* const* buffers, const int64_t* args,
                     int64_t begin, int64_t end) {
  auto x = static_cast<const float*>(buffers[0]);
  each(begin, end, args[0], [&](int64_t k) {
    if (x[k] < 0) __atomic_store_n(ctx->error, 1u, __ATOMIC_RELAXED);
  });
}
}
