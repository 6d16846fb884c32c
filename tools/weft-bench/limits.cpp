// The loops are compiled for every vector width that Highway knows and chosen at run time.
#include "tools/weft-bench/limits.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/weft-bench/limits.cpp"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace weft::bench {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

// n is a multiple of 256 elements, so of four vectors of any width.
void copy_plain(const float* from, float* to, size_t n) {
  const D d;
  for (size_t k = 0; k < n; k += hn::Lanes(d))
    hn::Store(hn::Load(d, from + k), d, to + k);
}

void copy_streaming(const float* from, float* to, size_t n) {
  const D d;
  for (size_t k = 0; k < n; k += hn::Lanes(d))
    hn::Stream(hn::Load(d, from + k), d, to + k);
  hwy::FlushStream();
}

float read_all(const float* from, size_t n) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (size_t k = 0; k < n; k += 4 * lanes) {
    a = hn::Add(a, hn::Load(d, from + k));
    b = hn::Add(b, hn::Load(d, from + k + lanes));
    c = hn::Add(c, hn::Load(d, from + k + 2 * lanes));
    e = hn::Add(e, hn::Load(d, from + k + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
}

// Twelve chains hide the latency of a multiply-add on every core of today.
float multiply_add(double flops, float start) {
  const D d;
  const auto x = hn::Set(d, 0.999f), y = hn::Set(d, 0.001f);
  auto chain = [&](int number) { return hn::Set(d, start + static_cast<float>(number)); };
  auto a = chain(0), b = chain(1), c = chain(2), e = chain(3), f = chain(4), g = chain(5);
  auto h = chain(6), i = chain(7), j = chain(8), k = chain(9), l = chain(10), m = chain(11);
  const size_t rounds = static_cast<size_t>(flops / (24.0 * static_cast<double>(hn::Lanes(d))));
  for (size_t r = 0; r < rounds; r++) {
    a = hn::MulAdd(a, x, y);
    b = hn::MulAdd(b, x, y);
    c = hn::MulAdd(c, x, y);
    e = hn::MulAdd(e, x, y);
    f = hn::MulAdd(f, x, y);
    g = hn::MulAdd(g, x, y);
    h = hn::MulAdd(h, x, y);
    i = hn::MulAdd(i, x, y);
    j = hn::MulAdd(j, x, y);
    k = hn::MulAdd(k, x, y);
    l = hn::MulAdd(l, x, y);
    m = hn::MulAdd(m, x, y);
  }
  auto sum = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(hn::Add(f, g), hn::Add(h, i)));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, hn::Add(hn::Add(j, k), hn::Add(l, m)))));
}

} // namespace HWY_NAMESPACE
} // namespace weft::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "runtime/core/parallel.h"
#include "tools/weft-bench/sampling.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <new>
#include <vector>

namespace weft::bench {

HWY_EXPORT(copy_plain);
HWY_EXPORT(copy_streaming);
HWY_EXPORT(read_all);
HWY_EXPORT(multiply_add);

namespace {

constexpr size_t kBlock = 256; // elements: a multiple of four vectors of any width

struct Free {
  void operator()(float* p) const { std::free(p); }
};
using Buffer = std::shared_ptr<float>;

Buffer make_buffer(size_t elements) {
  auto p = static_cast<float*>(
      std::aligned_alloc(4096, (elements * sizeof(float) + 4095) / 4096 * 4096));
  if (!p) throw std::bad_alloc();
  std::fill_n(p, elements, 1.0f);
  return Buffer(p, Free());
}

/// Cuts n elements in one piece a thread, of whole blocks.
void each_thread(size_t n, FunctionRef<void(size_t begin, size_t count)> body) {
  int64_t pieces = num_threads();
  size_t blocks = (n + kBlock - 1) / kBlock;
  parallel_for(pieces, 1, [&](int64_t first, int64_t last) {
    size_t begin = blocks * static_cast<size_t>(first) / static_cast<size_t>(pieces) * kBlock;
    size_t end = blocks * static_cast<size_t>(last) / static_cast<size_t>(pieces) * kBlock;
    if (end > begin) body(begin, end - begin);
  });
}

size_t round_up(size_t elements) {
  return std::max((elements + kBlock - 1) / kBlock, size_t{1}) * kBlock;
}

volatile float sink;

Limit timed(std::function<void()> call) {
  auto sampler = std::make_shared<Timed>(std::move(call));
  return [sampler] { return sampler->sample(); };
}

} // namespace

Limit copy_limit(size_t bytes) {
  size_t n = round_up(bytes / 2 / sizeof(float));
  Buffer from = make_buffer(n), to = make_buffer(n);
  auto plain = [=] {
    each_thread(n, [&](size_t b, size_t c) {
      HWY_DYNAMIC_DISPATCH(copy_plain)(from.get() + b, to.get() + b, c);
    });
  };
  auto streaming = [=] {
    each_thread(n, [&](size_t b, size_t c) {
      HWY_DYNAMIC_DISPATCH(copy_streaming)(from.get() + b, to.get() + b, c);
    });
  };
  Limit a = timed(plain), b = timed(streaming);
  return [=] { return std::min(a(), b()); };
}

Limit read_limit(size_t bytes) {
  size_t n = round_up(bytes / sizeof(float));
  Buffer from = make_buffer(n);
  return timed([=] {
    each_thread(
        n, [&](size_t b, size_t c) { sink = HWY_DYNAMIC_DISPATCH(read_all)(from.get() + b, c); });
  });
}

Limit flop_limit(double flops) {
  int threads = num_threads();
  return timed([=] {
    parallel_for(threads, 1, [&](int64_t first, int64_t last) {
      sink = HWY_DYNAMIC_DISPATCH(multiply_add)(flops * static_cast<double>(last - first) / threads,
                                                sink);
    });
  });
}

Limit sgemm_limit(int m, int n, int k) {
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                         float, float*, int);
  using SetThreads = void (*)(int);
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) return nullptr;
  auto sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  auto set_threads = reinterpret_cast<SetThreads>(dlsym(library, "openblas_set_num_threads"));
  if (!sgemm || !set_threads) return nullptr;
  size_t sizes[] = {static_cast<size_t>(m) * k, static_cast<size_t>(k) * n,
                    static_cast<size_t>(m) * n};
  Buffer a = make_buffer(sizes[0]), b = make_buffer(sizes[1]), c = make_buffer(sizes[2]);
  constexpr int kRowMajor = 101, kNoTranspose = 111; // of the reference interface of CBLAS
  auto call = [=] {
    sgemm(kRowMajor, kNoTranspose, kNoTranspose, m, n, k, 1, a.get(), k, b.get(), n, 0, c.get(), n);
  };
  set_threads(num_threads());
  auto sampler = std::make_shared<Timed>(call);
  set_threads(1);
  return [=] {
    set_threads(num_threads());
    call(); // its threads wake up before the clock starts
    double t = sampler->sample();
    set_threads(1);
    return t;
  };
}

} // namespace weft::bench
#endif
