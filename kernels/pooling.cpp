// Plain loops, which the compiler turns into vectors of each target.
#include "kernels/pooling.h"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::pooling::HWY_NAMESPACE {

template <class T> bool is_nan(T x) { return x != x; }

template <class T> struct Maxima {
  // Numbers of taps, as wide as the elements: so that one vector holds as many of both.
  using Tap = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

  // What one tap sees of all windows, against the greatest so far and the tap that saw it; -1 is
  // none.
  static void compare(const T* from, int64_t stride, Tap tap, int64_t count, T* greatest,
                      Tap* best) {
    if (stride == 1) return compare_steps<1>(from, stride, tap, count, greatest, best);
    if (stride == 2) return compare_steps<2>(from, stride, tap, count, greatest, best);
    compare_steps<0>(from, stride, tap, count, greatest, best);
  }
  // `known` is the stride where it is not 0: vectors want to know it.
  template <int known>
  static void compare_steps(const T* from, int64_t stride, Tap tap, int64_t count, T* greatest,
                            Tap* best) {
    for (int64_t i = 0; i < count; i++) {
      T x = from[i * (known ? known : stride)], old = greatest[i];
      Tap before = best[i];
      bool takes = (x > old) | is_nan(x) | (before < 0);
      greatest[i] = takes ? x : old;
      best[i] = takes ? tap : before;
    }
  }

  static void moved(const WindowRow& r, int64_t start, int64_t stride, int64_t taps,
                    int64_t dilation, void* scratch, int64_t* positions) {
    T* greatest = static_cast<T*>(scratch);
    Tap* best = reinterpret_cast<Tap*>(static_cast<char*>(scratch) + r.windows * 8);
    auto* places = reinterpret_cast<int64_t*>(static_cast<char*>(scratch) + r.windows * 16);
    std::fill_n(greatest, r.windows, T(0));
    std::fill_n(best, r.windows, Tap(-1));
    int64_t width = r.sizes[2];
    Tap tap = 0;
    for (int64_t a = 0; a < r.outer[0].count; a++)
      for (int64_t b = 0; b < r.outer[1].count; b++)
        for (int64_t t = 0; t < taps; t++, tap++) {
          int64_t shift = start + t * dilation; // of window 0
          places[tap] = line_number(r, a, b) * width + shift;
          int64_t low = shift >= 0 ? 0 : (stride - 1 - shift) / stride;
          int64_t high = shift >= width ? 0 : std::min((width - 1 - shift) / stride + 1, r.windows);
          if (low < high)
            compare(line(r, a, b) + low * stride + shift, stride, tap, high - low, greatest + low,
                    best + low);
        }
    for (int64_t i = 0; i < r.windows; i++)
      positions[i] = places[best[i]] + i * stride;
  }

  static void given(const WindowRow& r, const WindowSpan* inner, int64_t* positions) {
    for (int64_t i = 0; i < r.windows; i++) {
      const WindowSpan& s = inner[i];
      int64_t best = -1;
      T greatest = 0;
      for (int64_t a = 0; a < r.outer[0].count; a++)
        for (int64_t b = 0; b < r.outer[1].count; b++)
          for (int64_t t = 0; t < s.count; t++) {
            int64_t at = s.first + t * s.step;
            T x = line(r, a, b)[at];
            if (best >= 0 && !(x > greatest) && !is_nan(x)) continue;
            greatest = x;
            best = line_number(r, a, b) * r.sizes[2] + at;
          }
      positions[i] = best;
    }
  }

private:
  static int64_t line_number(const WindowRow& r, int64_t a, int64_t b) {
    return (r.outer[0].first + a * r.outer[0].step) * r.sizes[1] + r.outer[1].first +
           b * r.outer[1].step;
  }
  static const T* line(const WindowRow& r, int64_t a, int64_t b) {
    return static_cast<const T*>(r.plane) + line_number(r, a, b) * r.sizes[2];
  }
};

template <class T> constexpr MaxPositions kOf{Maxima<T>::moved, Maxima<T>::given};

const MaxPositions* find(DType compute) {
  return compute == DType::f32 ? &kOf<float> : compute == DType::f64 ? &kOf<double> : &kOf<int64_t>;
}

} // namespace weft::kernels::pooling::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace pooling {
HWY_EXPORT(find);
static const MaxPositions* chosen(DType compute) { return HWY_DYNAMIC_DISPATCH(find)(compute); }
} // namespace pooling

const MaxPositions& max_positions(DType compute) { return *pooling::chosen(compute); }

} // namespace weft::kernels
#endif
