// Convolution of few rows and channels: a tap adds a line of the image to a line of the result. Per
// target: included once for each by foreach_target.
#if defined(WEFT_KERNELS_CONVOLUTION_DIRECT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_CONVOLUTION_DIRECT_INL_H_
#undef WEFT_KERNELS_CONVOLUTION_DIRECT_INL_H_
#else
#define WEFT_KERNELS_CONVOLUTION_DIRECT_INL_H_
#endif

#include "kernels/convolution_windows-inl.h"

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::convolution::HWY_NAMESPACE {

template <class T> struct Direct : Seen<T> {
  using Base = Seen<T>;
  using Base::add_product;
  using Base::find_runs;
  using Base::kMostLanes;
  using Base::lanes;
  using Base::load_first;
  using Base::wrapping;
  using Base::wrapping_product;
  using typename Base::D;
  using typename Base::V;

  static HWY_INLINE void add_line(const T* from, int64_t stride, T weight, int64_t count, T* to,
                                  int64_t to_stride) {
    const D d;
    const int64_t n = lanes();
    int64_t i = 0;
    if (stride == 1 && to_stride == 1) {
      const V factor = hn::Set(d, weight);
      for (; i + n <= count; i += n)
        hn::StoreU(add_product(factor, hn::LoadU(d, from + i), hn::LoadU(d, to + i)), d, to + i);
      if (i == count) return;
      V sum = add_product(factor, load_first(from + i, count - i), load_first(to + i, count - i));
      hn::BlendedStore(sum, hn::FirstN(d, static_cast<size_t>(count - i)), d, to + i);
      return;
    }
    for (; i < count; i++) { // as rounded as the vectors
      T product = from[i * stride];
      T& sum = to[i * to_stride];
      if constexpr (std::is_floating_point_v<T>)
        sum = std::fma(weight, product, sum);
      else
        sum = wrapping(sum, wrapping_product(weight, product));
    }
  }

  static void direct(const Windows& w, const WeightPlaces& places, const void* weights,
                     int64_t rows, const void* source, int64_t first, int64_t count, void* result,
                     int64_t row_stride) {
    const WindowDim& d = w.dims[2];
    int64_t plane = w.source_size();
    for (int64_t r = 0; r < rows; r++)
      for (int64_t number = first; number < first + count; number++) {
        const Line line{0, 0, {number / w.dims[1].pixels, number % w.dims[1].pixels, 0}};
        T* to = static_cast<T*>(result) + r * row_stride + line.i[0] * w.dims[0].result_stride +
                line.i[1] * w.dims[1].result_stride;
        for (int64_t x = 0; x < d.pixels; x++)
          to[x * d.result_stride] = T(0);
        Line whole = line;
        whole.count = static_cast<int>(d.pixels);
        for (int64_t c = 0; c < w.channels; c++) {
          const T* weight =
              static_cast<const T*>(weights) + r * places.row_stride + c * places.channel_stride;
          const T* from = static_cast<const T*>(source) + c * plane;
          int64_t t = 0, tap[3];
          for (tap[0] = 0; tap[0] < w.dims[0].taps; tap[0]++)
            for (tap[1] = 0; tap[1] < w.dims[1].taps; tap[1]++)
              for (tap[2] = 0; tap[2] < d.taps; tap[2]++, t++) {
                Run run;
                if (find_runs(w, &whole, 1, tap, &run))
                  add_line(from + run.offset, d.stride, weight[places.tap_places[t]], run.count,
                           to + run.lane * d.result_stride, d.result_stride);
              }
        }
      }
  }

  // The product of two lines, of which the first steps by `stride`, added to what it was.
  static HWY_INLINE V dot_line(const T* from, int64_t stride, const T* with, int64_t count, V sum) {
    const D d;
    const int64_t n = lanes();
    HWY_ALIGN T packed[kMostLanes] = {};
    for (int64_t i = 0; i < count; i += n) {
      V seen;
      if (stride == 1) {
        seen = load_first(from + i, count - i);
      } else {
        for (int64_t k = 0; k < n; k++)
          packed[k] = i + k < count ? from[(i + k) * stride] : T(0);
        seen = hn::Load(d, packed);
      }
      sum = add_product(seen, load_first(with + i, count - i), sum);
    }
    return sum;
  }

  static void direct_weights(const Windows& w, const void* gradient, int64_t rows,
                             const void* source, bool is_first, void* result) {
    const D d;
    const WindowDim& inner = w.dims[2];
    int64_t lines = w.dims[0].pixels * w.dims[1].pixels;
    T* to = static_cast<T*>(result);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < w.channels; c++) {
        const T* with = static_cast<const T*>(gradient) + r * w.pixels();
        const T* plane = static_cast<const T*>(source) + c * w.source_size();
        int64_t tap[3];
        for (tap[0] = 0; tap[0] < w.dims[0].taps; tap[0]++)
          for (tap[1] = 0; tap[1] < w.dims[1].taps; tap[1]++)
            for (tap[2] = 0; tap[2] < inner.taps; tap[2]++, to++) {
              V sum = hn::Zero(d);
              for (int64_t number = 0; number < lines; number++) {
                const Line line{0,
                                static_cast<int>(inner.pixels),
                                {number / w.dims[1].pixels, number % w.dims[1].pixels, 0}};
                Run run;
                if (find_runs(w, &line, 1, tap, &run))
                  sum = dot_line(plane + run.offset, inner.stride,
                                 with + number * inner.pixels + run.lane, run.count, sum);
              }
              T total = hn::GetLane(hn::SumOfLanes(d, sum));
              *to = is_first ? total : wrapping(*to, total);
            }
      }
  }
};

} // namespace weft::kernels::convolution::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
