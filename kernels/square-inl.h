// Squares of elements that change places with their mirror image, in vectors. Per target.
#if defined(WEFT_KERNELS_SQUARE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_SQUARE_INL_H_
#undef WEFT_KERNELS_SQUARE_INL_H_
#else
#define WEFT_KERNELS_SQUARE_INL_H_
#endif

#include <cstdint>
#include <cstring>
#include <hwy/highway.h>
#include <utility>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::HWY_NAMESPACE {

// Lanes of a and b in turn, from lane `first` of each.
template <int first, class V, size_t... k>
HWY_INLINE V interleave(V a, V b, std::index_sequence<k...>) {
  constexpr int n = sizeof...(k);
  return __builtin_shufflevector(a, b, (first + static_cast<int>(k) / 2 + (k % 2 ? n : 0))...);
}

/// Turns n lines of n elements; from one line to the next it is `from_step` and `to_step` bytes.
/// Each round interleaves line k with line k + n / 2; after log2(n) of them every element has
/// changed places with its mirror image.
template <class T, int n>
HWY_INLINE void turn_square(const char* from, int64_t from_step, char* to, int64_t to_step) {
  typedef T V [[gnu::vector_size(n * sizeof(T))]];
  constexpr std::make_index_sequence<n> lanes;
  V lines[n], next[n];
#pragma GCC unroll 16
  for (int k = 0; k < n; k++)
    std::memcpy(&lines[k], from + k * from_step, sizeof(V));
#pragma GCC unroll 4
  for (int width = 1; width < n; width *= 2) {
#pragma GCC unroll 8
    for (int k = 0; k < n / 2; k++) {
      next[2 * k] = interleave<0>(lines[k], lines[k + n / 2], lanes);
      next[2 * k + 1] = interleave<n / 2>(lines[k], lines[k + n / 2], lanes);
    }
#pragma GCC unroll 16
    for (int k = 0; k < n; k++)
      lines[k] = next[k];
  }
#pragma GCC unroll 16
  for (int k = 0; k < n; k++)
    std::memcpy(to + k * to_step, &lines[k], sizeof(V));
}

} // namespace weft::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
