// What the taps of windows see of an image: runs of its elements; vectors that copy, turn and
// multiply them. Per target: included once for each by foreach_target.
#if defined(WEFT_KERNELS_CONVOLUTION_WINDOWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_CONVOLUTION_WINDOWS_INL_H_
#undef WEFT_KERNELS_CONVOLUTION_WINDOWS_INL_H_
#else
#define WEFT_KERNELS_CONVOLUTION_WINDOWS_INL_H_
#endif

#include "kernels/convolution.h"

#include <algorithm>
#include <hwy/highway.h>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::convolution::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Pixels of a sliver that lie next to each other in the result and along one line of the source.
struct Line {
  int lane, count;
  int64_t i[3]; // the first pixel
};
/// What one tap sees of a sliver: `count` elements from `offset` on, every stride-th; else zeros.
struct Run {
  int lane, count;
  int64_t offset;
};

template <class T> struct Seen {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr int kMostLanes = hn::MaxLanes(D());
  static constexpr int kMostPixels = 2 * kMostLanes;

  static HWY_INLINE int lanes() { return static_cast<int>(hn::Lanes(D())); }
  static HWY_INLINE int sliver() { return 2 * lanes(); }

  /// to[k * width + r] = from[r * stride + k] for r < rows and k < terms.
  static HWY_NOINLINE void transpose(const T* from, int64_t stride, int64_t rows, int64_t terms,
                                     T* to, int64_t width) {
    int64_t r = 0;
#if HWY_TARGET != HWY_SCALAR // which has no vectors of four
    if constexpr (sizeof(T) == 4) {
      for (; r + 4 <= rows; r += 4)
        transpose_four(from + r * stride, stride, terms, to + r, width);
    }
#endif
    for (; r < rows; r++)
      for (int64_t k = 0; k < terms; k++)
        to[k * width + r] = from[r * stride + k];
  }
#if HWY_TARGET != HWY_SCALAR
  static void transpose_four(const T* from, int64_t stride, int64_t terms, T* to, int64_t width) {
    const hn::FixedTag<T, 4> d;
    const hn::RepartitionToWide<decltype(d)> wide;
    auto pair = [&](auto a, auto b, bool upper) HWY_ATTR {
      auto x = hn::BitCast(wide, a), y = hn::BitCast(wide, b);
      return hn::BitCast(d,
                         upper ? hn::InterleaveUpper(wide, x, y) : hn::InterleaveLower(wide, x, y));
    };
    int64_t k = 0;
    for (; k + 4 <= terms; k += 4, to += 4 * width) {
      auto a = hn::LoadU(d, from + k), b = hn::LoadU(d, from + stride + k);
      auto c = hn::LoadU(d, from + 2 * stride + k), e = hn::LoadU(d, from + 3 * stride + k);
      auto low_ab = hn::InterleaveLower(d, a, b), low_ce = hn::InterleaveLower(d, c, e);
      auto high_ab = hn::InterleaveUpper(d, a, b), high_ce = hn::InterleaveUpper(d, c, e);
      hn::StoreU(pair(low_ab, low_ce, false), d, to);
      hn::StoreU(pair(low_ab, low_ce, true), d, to + width);
      hn::StoreU(pair(high_ab, high_ce, false), d, to + 2 * width);
      hn::StoreU(pair(high_ab, high_ce, true), d, to + 3 * width);
    }
    for (; k < terms; k++, to += width)
      for (int r = 0; r < 4; r++)
        to[r] = from[r * stride + k];
  }
#endif

  /// Cuts pixels first .. first + count, at most a sliver, into lines; returns how many.
  static int cut_lines(const Windows& w, int64_t first, int count, Line* lines) {
    int64_t width = w.dims[2].pixels, height = w.dims[1].pixels;
    int64_t x = first % width, y = first / width % height, z = first / width / height;
    int n = 0;
    for (int lane = 0; lane < count;) {
      int here = static_cast<int>(std::min<int64_t>(count - lane, width - x));
      lines[n++] = {lane, here, {z, y, x}};
      lane += here;
      x = 0;
      if (++y == height) {
        y = 0;
        z++;
      }
    }
    return n;
  }

  /// Finds what tap (t0, t1, t2) sees of the lines; returns the number of runs.
  static int find_runs(const Windows& w, const Line* lines, int count, const int64_t* tap,
                       Run* runs) {
    const WindowDim& d = w.dims[2];
    int64_t shift = d.offsets[tap[2]];
    // Pixels whose position along the last dim lies in the source.
    int64_t low = shift >= 0 ? 0 : (d.stride - 1 - shift) / d.stride;
    int64_t high = shift >= d.size ? 0 : (d.size - 1 - shift) / d.stride + 1;
    int n = 0;
    for (int k = 0; k < count; k++) {
      const Line& line = lines[k];
      int64_t row = 0;
      bool is_inside = true;
      for (int s = 0; s < 2; s++) {
        int64_t at = line.i[s] * w.dims[s].stride + w.dims[s].offsets[tap[s]];
        is_inside = is_inside && at >= 0 && at < w.dims[s].size;
        row = row * w.dims[s].size + at;
      }
      int64_t from = std::max(low, line.i[2]), to = std::min(high, line.i[2] + line.count);
      if (!is_inside || from >= to) continue;
      runs[n++] = {line.lane + static_cast<int>(from - line.i[2]), static_cast<int>(to - from),
                   row * d.size + from * d.stride + shift};
      if (n < 2) continue;
      Run& last = runs[n - 2];
      bool joins = last.lane + last.count == runs[n - 1].lane &&
                   last.offset + last.count * d.stride == runs[n - 1].offset;
      if (!joins) continue;
      last.count += runs[n - 1].count;
      n--;
    }
    return n;
  }

  // The first `count` elements, or as many as a vector has; zeros behind them. Nothing else is
  // read: where masked loads may fault, single elements are.
  static HWY_INLINE V load_first(const T* from, int64_t count) {
    const D d;
#if HWY_MEM_OPS_MIGHT_FAULT
    if (count >= lanes()) return hn::LoadU(d, from);
    HWY_ALIGN T some[kMostLanes] = {};
    for (int64_t k = 0; k < count; k++)
      some[k] = from[k];
    return hn::Load(d, some);
#else
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
#endif
  }

  static HWY_INLINE void copy_run(const T* from, int64_t stride, int count, T* to) {
    const D d;
    const int n = lanes();
    if (stride == 1) {
      for (; count > n; count -= n, from += n, to += n)
        hn::StoreU(hn::LoadU(d, from), d, to);
      hn::BlendedStore(load_first(from, count), hn::FirstN(d, static_cast<size_t>(count)), d, to);
#if HWY_TARGET != HWY_SCALAR
    } else if (stride == 2) {
      for (; count > 0; count -= n, from += 2 * n, to += n) {
        int span = 2 * count - 1; // elements from the first to the last that is wanted
        V low = load_first(from, span), high = hn::Zero(d);
        if (span > n) high = load_first(from + n, span - n);
        hn::BlendedStore(hn::ConcatEven(d, high, low), hn::FirstN(d, static_cast<size_t>(count)), d,
                         to);
      }
#endif
    } else {
      for (int i = 0; i < count; i++)
        to[i] = from[i * stride];
    }
  }

  static HWY_INLINE V add_product(V a, V b, V sum) {
    if constexpr (std::is_floating_point_v<T>)
      return hn::MulAdd(a, b, sum);
    else
      return hn::Add(hn::Mul(a, b), sum);
  }
  static HWY_INLINE T wrapping(T a, T b) {
    if constexpr (std::is_floating_point_v<T>)
      return a + b;
    else
      return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
  static HWY_INLINE T wrapping_product(T a, T b) {
    if constexpr (std::is_floating_point_v<T>)
      return a * b;
    else
      return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
};

} // namespace weft::kernels::convolution::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
