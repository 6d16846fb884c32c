#include "kernels/pooling.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::pooling::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T> bool is_nan(T x) { return x != x; }

template <class T> constexpr T lowest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}

template <class T> struct Maxima {
  // Each line of the image is laid out first so that what one tap sees of neighbouring windows lies
  // side by side, with the least number around it. Then a vector of windows goes through all taps.
  static void moved(const WindowRow& r, const MovedWindows& w, void* scratch, int64_t* positions) {
    const WindowLayout layout(r.windows, w);
    int64_t lines = r.outer[0].count * r.outer[1].count, line_length = layout.rows * layout.length;
    // Of each tap, for window 0: its number in the plane, and along a line that is laid out.
    auto *places = static_cast<int64_t*>(scratch), *offsets = places + lines * w.taps;
    T* image = reinterpret_cast<T*>(offsets + w.taps);
    for (int64_t t = 0; t < w.taps; t++)
      offsets[t] = layout.place(t, w);
    for (int64_t n = 0; n < lines; n++) {
      int64_t number = line_number(r, n / r.outer[1].count, n % r.outer[1].count);
      const T* from = static_cast<const T*>(r.plane) + number * r.sizes[2];
      for (int64_t k = 0; k < layout.rows; k++)
        lay_out(from, r.sizes[2], w.start + k * layout.step, w.stride, layout.length,
                image + n * line_length + k * layout.length);
      for (int64_t t = 0; t < w.taps; t++)
        places[n * w.taps + t] = number * r.sizes[2] + w.start + t * w.dilation;
    }
    const hn::ScalableTag<T> d;
    const hn::RebindToSigned<decltype(d)> numbers;
    HWY_ALIGN hn::TFromD<decltype(numbers)> best[hn::MaxLanes(numbers)];
    auto step = static_cast<int64_t>(hn::Lanes(d));
    for (int64_t i = 0; i < r.windows; i += step) {
      for (int64_t k = 0; k < step; k++)
        best[k] = first_tap(w, i + k);
      hn::Store(maxima(image + i, lines, line_length, offsets, w.taps, hn::Load(numbers, best)),
                numbers, best);
      for (int64_t k = 0; k < std::min(step, r.windows - i); k++)
        positions[i + k] = places[best[k]] + (i + k) * w.stride;
    }
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
  // to[j] = from[start + j * stride], the least number where there is no such element.
  static void lay_out(const T* from, int64_t width, int64_t start, int64_t stride, int64_t count,
                      T* to) {
    int64_t low = start >= 0 ? 0 : std::min((stride - 1 - start) / stride, count);
    int64_t high = start >= width ? 0 : std::min((width - 1 - start) / stride + 1, count);
    high = std::max(low, high);
    std::fill(to, to + low, lowest<T>());
    if (low < high) copy(from + start + low * stride, stride, high - low, to + low);
    std::fill(to + high, to + count, lowest<T>());
  }

  static void copy(const T* from, int64_t stride, int64_t count, T* to) {
    if (stride == 1)
      std::copy_n(from, count, to);
    else if (stride == 2) // vectors want to know it
      for (int64_t j = 0; j < count; j++)
        to[j] = from[2 * j];
    else
      for (int64_t j = 0; j < count; j++)
        to[j] = from[j * stride];
  }

  // The first tap of window i that sees an element, which is the greatest if all are the least.
  static int64_t first_tap(const MovedWindows& w, int64_t i) {
    int64_t start = w.start + i * w.stride;
    return start >= 0 ? 0 : (w.dilation - 1 - start) / w.dilation;
  }

  // For a vector of windows the numbers of the taps that see the greatest elements.
  template <class V>
  static V maxima(const T* image, int64_t lines, int64_t line_length, const int64_t* offsets,
                  int64_t taps, V best) {
    const hn::ScalableTag<T> d;
    const hn::DFromV<V> numbers;
    auto greatest = hn::Set(d, lowest<T>());
    V tap = hn::Zero(numbers);
    for (int64_t n = 0; n < lines; n++, image += line_length)
      for (int64_t t = 0; t < taps; t++) {
        auto x = hn::LoadU(d, image + offsets[t]);
        auto takes = hn::Gt(x, greatest);
        if constexpr (hwy::IsFloat<T>()) takes = hn::Or(takes, hn::IsNaN(x));
        greatest = hn::IfThenElse(takes, x, greatest);
        best = hn::IfThenElse(hn::RebindMask(numbers, takes), tap, best);
        tap = hn::Add(tap, hn::Set(numbers, 1));
      }
    return best;
  }

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

namespace {
constexpr int64_t kMostLanes = 64; // of any target
}

WindowLayout::WindowLayout(int64_t windows, const MovedWindows& w)
    : shares_rows(w.stride <= w.taps) {
  rows = shares_rows ? w.stride : w.taps;
  step = shares_rows ? 1 : w.dilation;
  int64_t padded = (windows + kMostLanes - 1) / kMostLanes * kMostLanes;
  length = padded + (shares_rows ? (w.taps - 1) * w.dilation / w.stride : 0);
}

size_t max_positions_scratch(int64_t windows, int64_t lines, const MovedWindows& w) {
  const WindowLayout layout(windows, w);
  return (size_t(lines) * size_t(layout.rows * layout.length + w.taps) + size_t(w.taps)) * 8;
}

} // namespace weft::kernels
#endif
