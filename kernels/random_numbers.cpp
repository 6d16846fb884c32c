// Philox in lanes of 64 bits, whose lower halves hold the words: their products need the room.
#include "kernels/random_numbers.h"

#include "kernels/philox.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random_numbers.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::random_stream::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<uint64_t>;
using V = hn::Vec<D>;
constexpr size_t kBlock = 128; // elements whose words are at hand

// Upper halves of what comes and goes are anything.
HWY_INLINE V product(V word, uint32_t factor) {
#if HWY_TARGET == HWY_SCALAR // has no parts of lanes
  return hn::Mul(hn::And(word, hn::Set(D(), 0xFFFFFFFFu)), hn::Set(D(), factor));
#else
  const hn::Repartition<uint32_t, D> d32;
  return hn::MulEven(hn::BitCast(d32, word), hn::Set(d32, factor));
#endif
}

// Writes words 0 and 1 of a block of elements, in lower halves. Some vectors at a time share the
// key of a round and hide each other's products.
void fill_words(uint64_t seed, uint64_t counter, uint64_t first, uint64_t* words0,
                uint64_t* words1) {
  const D d;
  constexpr size_t together = 4;
  const size_t lanes = hn::Lanes(d);
  const V low = hn::Set(d, 0xFFFFFFFFu);
  for (size_t k = 0; k < kBlock; k += together * lanes) {
    V c0[together], c1[together], c2[together], c3[together];
#pragma GCC unroll 4
    for (size_t v = 0; v < together; v++) {
      c0[v] = hn::Iota(d, first + k + v * lanes);
      c1[v] = hn::ShiftRight<32>(c0[v]);
      c2[v] = hn::Set(d, counter);
      c3[v] = hn::Set(d, counter >> 32);
    }
    auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < kPhiloxRounds; round++) {
      const V of0 = hn::Set(d, key0), of1 = hn::Set(d, key1);
#pragma GCC unroll 4
      for (size_t v = 0; v < together; v++) {
        const V p0 = product(c0[v], kPhiloxFactors[0]), p1 = product(c2[v], kPhiloxFactors[1]);
        c0[v] = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c1[v]), of0);
        c1[v] = p1;
        c2[v] = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c3[v]), of1);
        c3[v] = p0;
      }
      key0 += kPhiloxSteps[0];
      key1 += kPhiloxSteps[1];
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < together; v++) {
      hn::StoreU(hn::And(c0[v], low), d, words0 + k + v * lanes);
      hn::StoreU(hn::And(c1[v], low), d, words1 + k + v * lanes);
    }
  }
}

template <class T> void fill(uint64_t seed, uint64_t counter, uint64_t first, int64_t n, T* out) {
  HWY_ALIGN uint64_t words0[kBlock], words1[kBlock];
  for (size_t done = 0, all = static_cast<size_t>(n); done < all; done += kBlock) {
    const size_t count = std::min(kBlock, all - done);
    fill_words(seed, counter, first + done, words0, words1);
    for (size_t k = 0; k < count; k++)
      if constexpr (sizeof(T) == 4)
        out[done + k] = unit_float(static_cast<uint32_t>(words0[k]));
      else
        out[done + k] =
            unit_double(static_cast<uint32_t>(words0[k]), static_cast<uint32_t>(words1[k]));
  }
}

void fill_f32(uint64_t seed, uint64_t counter, uint64_t first, int64_t n, float* out) {
  fill(seed, counter, first, n, out);
}
void fill_f64(uint64_t seed, uint64_t counter, uint64_t first, int64_t n, double* out) {
  fill(seed, counter, first, n, out);
}

} // namespace weft::kernels::random_stream::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace random_stream {
HWY_EXPORT(fill_f32);
HWY_EXPORT(fill_f64);
} // namespace random_stream

void unit_numbers(uint64_t seed, uint64_t counter, uint64_t first, int64_t n, float* out) {
  using namespace random_stream;
  HWY_DYNAMIC_DISPATCH(fill_f32)(seed, counter, first, n, out);
}
void unit_numbers(uint64_t seed, uint64_t counter, uint64_t first, int64_t n, double* out) {
  using namespace random_stream;
  HWY_DYNAMIC_DISPATCH(fill_f64)(seed, counter, first, n, out);
}

} // namespace weft::kernels
#endif
