// Sources: the kernel turns each element's position (its number, or a random number) into a value.

#include "kernels/kernel_table.h"
#include "kernels/random_numbers.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"

namespace weft {

namespace {

constexpr int64_t kBlock = 512;
constexpr int64_t kGrain = 1 << 14;

struct Stream {
  bool random;
  uint64_t seed, counter;
};

template <class T> void fill_positions(const Stream& s, int64_t first, int64_t n, T* out) {
  if constexpr (std::is_floating_point_v<T>)
    if (s.random)
      return kernels::unit_numbers(s.seed, s.counter, static_cast<uint64_t>(first), n, out);
  for (int64_t i = 0; i < n; i++)
    out[i] = static_cast<T>(first + i);
}

} // namespace

void execute_source(const OpCall& call, TensorImpl& result) {
  const OpInfo& i = info(call.op);
  DType dtype = result.meta.dtype;
  DType computed = compute_dtype(dtype), native = kernels::native_dtype(dtype);
  kernels::SourceKernel kernel = kernels::source_kernel(call.op, native);
  if (!kernel)
    fail(call, ErrorKind::dtype,
         "the dtype must be one that the op has, got " + std::string(name_of(dtype)));
  // Random sources have seed and counter as their first attributes, which kernels do not read.
  Stream stream{i.is_random, 0, 0};
  if (i.is_random) {
    stream.seed = static_cast<uint64_t>(call.scalars[0].to_int());
    stream.counter = static_cast<uint64_t>(call.scalars[1].to_int());
  }
  alignas(8) char attributes[64] = {};
  size_t item = size_of(computed);
  for (size_t k = 0; k < call.scalars.size(); k++) {
    uint64_t bits = scalar_bits(call.scalars[k], dtype);
    std::memcpy(attributes + k * item, &bits, item);
  }
  char* out = result.data();
  auto out_item = static_cast<int64_t>(size_of(dtype));
  kernels::CastKernel narrow = native == dtype ? nullptr : kernels::cast_kernel(native, dtype);
  parallel_for(result.meta.numel(), kGrain, [&](int64_t begin, int64_t end) {
    alignas(64) char positions[kBlock * 8], values[kBlock * 8];
    for (; begin < end; begin += kBlock) {
      int64_t n = std::min(kBlock, end - begin);
      if (computed == DType::f32)
        fill_positions(stream, begin, n, reinterpret_cast<float*>(positions));
      else if (computed == DType::f64)
        fill_positions(stream, begin, n, reinterpret_cast<double*>(positions));
      else
        fill_positions(stream, begin, n, reinterpret_cast<int64_t*>(positions));
      char* to = out + begin * out_item;
      kernel(positions, attributes, narrow ? values : to, n);
      if (narrow) narrow(values, kernels::kArray, to, n);
    }
  });
}

} // namespace weft
