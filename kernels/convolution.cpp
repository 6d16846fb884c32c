// The product of panels of weights and slivers of pixels. A sliver is two vectors of pixels; for
// each channel and tap it holds what the tap sees, so that the inner loop is a broadcast weight
// times two vectors, into up to 14 rows of accumulators (Goto and van de Geijn, Anatomy of
// high-performance matrix multiplication, 2008; Chetlur et al., cuDNN, 2014, for the implicit right
// operand).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
#include "kernels/convolution.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::convolution::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Accumulators, two vectors of pixels and a weight must fit the registers: 32 of them, or 16.
constexpr int kPanelRows = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 14 : 6;
constexpr int64_t kBlockTerms =
    512; // channels * taps of a block: a sliver of them stays in L1 and L2
constexpr int64_t kBlockSlivers = 8;   // slivers that one panel of weights is used for
constexpr int64_t kWeightPixels = 256; // pixels of a block where they are what is summed over
constexpr int64_t kWeightSlivers = 2;

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

template <class T> struct Product {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr int kMostLanes = hn::MaxLanes(D());
  static constexpr int kMostPixels = 2 * kMostLanes;

  static HWY_INLINE int lanes() { return static_cast<int>(hn::Lanes(D())); }
  static HWY_INLINE int sliver() { return 2 * lanes(); }

  static int64_t panels_of(int64_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }
  static int64_t block_channels(const Windows& w) {
    return std::clamp<int64_t>(kBlockTerms / std::max<int64_t>(w.taps(), 1), 1,
                               std::max<int64_t>(w.channels, 1));
  }
  static int64_t block_slivers(const Windows& w) {
    int64_t terms = block_channels(w) * w.taps();
    return std::clamp<int64_t>(kBlockSlivers * kBlockTerms / std::max<int64_t>(terms, 1), 1,
                               kBlockSlivers);
  }
  static int64_t block_pixels(const Windows& w) { return block_slivers(w) * sliver(); }
  static int64_t sliver_elements(const Windows& w) {
    return block_channels(w) * w.taps() * sliver();
  }
  static int64_t scratch_bytes(const Windows& w, int64_t rows) {
    int64_t elements = block_slivers(w) * sliver_elements(w);
    elements += kPanelRows * block_channels(w) * w.taps();  // weights that were not packed before
    if (!w.is_linear()) elements += rows * block_pixels(w); // results before they are spread
    return elements * static_cast<int64_t>(sizeof(T));
  }

  //===--- Packing
  //------------------------------------------------------------------------------===//

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

  /// Packs rows first .. first + m of the weights of channels c .. c + channels: [channel, tap,
  /// row].
  static void pack_weights(const Windows& w, const WeightPlaces& places, const T* weights,
                           int64_t first, int64_t m, int64_t c, int64_t channels, T* to) {
    int64_t taps = w.taps();
    const T* from = weights + first * places.row_stride + c * places.channel_stride;
    bool is_plain = places.channel_stride == taps;
    for (int64_t t = 0; is_plain && t < taps; t++)
      is_plain = places.tap_places[t] == t;
    if (is_plain) return transpose(from, places.row_stride, m, channels * taps, to, m);
    for (int64_t k = 0; k < channels; k++, from += places.channel_stride)
      for (int64_t t = 0; t < taps; t++, to += m)
        for (int64_t r = 0; r < m; r++)
          to[r] = from[r * places.row_stride + places.tap_places[t]];
  }

  // The weights of block b of channels lie before those of block b + 1; in a block, panel after
  // panel.
  static void pack_panel(const Windows& w, const WeightPlaces& places, const void* weights,
                         int64_t rows, int64_t panel, void* packed) {
    int64_t panels = panels_of(rows), taps = w.taps(), step = block_channels(w);
    int64_t first = rows * panel / panels, m = rows * (panel + 1) / panels - first;
    for (int64_t c = 0; c < w.channels; c += step) {
      int64_t channels = std::min(step, w.channels - c);
      pack_weights(w, places, static_cast<const T*>(weights), first, m, c, channels,
                   static_cast<T*>(packed) + c * taps * rows + first * channels * taps);
    }
  }

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

  static HWY_INLINE void copy_run(const T* from, int64_t stride, int count, T* to) {
    const D d;
    const int n = lanes();
    if (stride == 1) {
      for (; count > n; count -= n, from += n, to += n)
        hn::StoreU(hn::LoadU(d, from), d, to);
      auto there = hn::FirstN(d, static_cast<size_t>(count));
      hn::BlendedStore(hn::MaskedLoad(there, d, from), there, d, to);
#if HWY_TARGET != HWY_SCALAR
    } else if (stride == 2) {
      for (; count > 0; count -= n, from += 2 * n, to += n) {
        int span = 2 * count - 1; // elements from the first to the last that is wanted
        V low = hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(span)), d, from),
          high = hn::Zero(d);
        if (span > n)
          high = hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(span - n)), d, from + n);
        hn::BlendedStore(hn::ConcatEven(d, high, low), hn::FirstN(d, static_cast<size_t>(count)), d,
                         to);
      }
#endif
    } else {
      for (int i = 0; i < count; i++)
        to[i] = from[i * stride];
    }
  }

  /// Packs channels c .. c + channels of a sliver: [channel, tap, lane].
  static void pack_sliver(const Windows& w, const T* source, int64_t first, int count, int64_t c,
                          int64_t channels, T* to) {
    const D d;
    const int n = lanes(), width = 2 * n;
    Line lines[kMostPixels];
    Run runs[kMostPixels];
    int line_count = cut_lines(w, first, count, lines);
    int64_t plane = w.source_size(), taps = w.taps(), stride = w.dims[2].stride, t = 0;
    source += c * plane;
    int64_t tap[3];
    for (tap[0] = 0; tap[0] < w.dims[0].taps; tap[0]++)
      for (tap[1] = 0; tap[1] < w.dims[1].taps; tap[1]++)
        for (tap[2] = 0; tap[2] < w.dims[2].taps; tap[2]++, t++) {
          int run_count = find_runs(w, lines, line_count, tap, runs);
          bool is_whole = run_count == 1 && runs[0].count == width && stride == 1;
          for (int64_t k = 0; k < channels; k++) {
            const T* from = source + k * plane;
            T* row = to + (k * taps + t) * width;
            if (is_whole) {
              hn::StoreU(hn::LoadU(d, from + runs[0].offset), d, row);
              hn::StoreU(hn::LoadU(d, from + runs[0].offset + n), d, row + n);
              continue;
            }
            hn::StoreU(hn::Zero(d), d, row);
            hn::StoreU(hn::Zero(d), d, row + n);
            for (int r = 0; r < run_count; r++)
              copy_run(from + runs[r].offset, stride, runs[r].count, row + runs[r].lane);
          }
        }
  }

  //===--- Product
  //------------------------------------------------------------------------------===//

  /// to[r, lane] (+)= sum over k of a[k, r] * b[k, lane] for M rows and the first `count` lanes.
  template <int M>
  static HWY_NOINLINE void tile(const T* a, const T* b, int64_t terms, T* to, int64_t stride,
                                int count, bool is_first) {
    const D d;
    const int n = lanes();
    V sum[M][2];
    HWY_UNROLL(14)
    for (int r = 0; r < M; r++)
      sum[r][0] = sum[r][1] = hn::Zero(d);
    for (int64_t k = 0; k < terms; k++, a += M, b += 2 * n) {
      const V low = hn::LoadU(d, b), high = hn::LoadU(d, b + n);
      HWY_UNROLL(14)
      for (int r = 0; r < M; r++) {
        const V weight = hn::Set(d, a[r]);
        sum[r][0] = add_product(weight, low, sum[r][0]);
        sum[r][1] = add_product(weight, high, sum[r][1]);
      }
    }
    HWY_UNROLL(14)
    for (int r = 0; r < M; r++, to += stride) {
      if (count == 2 * n) {
        if (!is_first) {
          sum[r][0] = hn::Add(sum[r][0], hn::LoadU(d, to));
          sum[r][1] = hn::Add(sum[r][1], hn::LoadU(d, to + n));
        }
        hn::StoreU(sum[r][0], d, to);
        hn::StoreU(sum[r][1], d, to + n);
      } else {
        HWY_ALIGN T row[kMostPixels];
        hn::Store(sum[r][0], d, row);
        hn::Store(sum[r][1], d, row + n);
        for (int i = 0; i < count; i++)
          to[i] = is_first ? row[i] : wrapping(to[i], row[i]);
      }
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

  template <int M>
  static void tile_of(int64_t m, const T* a, const T* b, int64_t terms, T* to, int64_t stride,
                      int count, bool is_first) {
    if constexpr (M > 0) {
      if (m == M) return tile<M>(a, b, terms, to, stride, count, is_first);
      tile_of<M - 1>(m, a, b, terms, to, stride, count, is_first);
    }
  }

  static void product(const Windows& w, const ProductWeights& weights, const void* source,
                      int64_t first, int64_t count, int64_t first_panel, int64_t last_panel,
                      void* result, int64_t row_stride, void* scratch) {
    int64_t rows = weights.rows, panels = panels_of(rows), taps = w.taps();
    int64_t step = block_channels(w), width = sliver(), sliver_size = sliver_elements(w);
    auto row_of = [&](int64_t panel) { return rows * panel / panels; };
    int64_t top = row_of(first_panel);
    T* packed = static_cast<T*>(scratch);
    T* own_panel = packed + block_slivers(w) * sliver_size;
    bool is_linear = w.is_linear();
    T* to = is_linear ? static_cast<T*>(result) + top * row_stride + first
                      : own_panel + kPanelRows * step * taps;
    int64_t stride = is_linear ? row_stride : count;
    for (int64_t c = 0; c < w.channels; c += step) {
      int64_t channels = std::min(step, w.channels - c), terms = channels * taps;
      for (int64_t p = 0; p < count; p += width)
        pack_sliver(w, static_cast<const T*>(source), first + p,
                    static_cast<int>(std::min(width, count - p)), c, channels,
                    packed + p / width * sliver_size);
      for (int64_t panel = first_panel; panel < last_panel; panel++) {
        int64_t row = row_of(panel), m = row_of(panel + 1) - row;
        const T* of_panel = static_cast<const T*>(weights.packed) + c * taps * rows + row * terms;
        if (!weights.packed) {
          pack_weights(w, weights.places, static_cast<const T*>(weights.plain), row, m, c, channels,
                       own_panel);
          of_panel = own_panel;
        }
        for (int64_t p = 0; p < count; p += width)
          tile_of<kPanelRows>(m, of_panel, packed + p / width * sliver_size, terms,
                              to + (row - top) * stride + p, stride,
                              static_cast<int>(std::min(width, count - p)), c == 0);
      }
    }
    if (is_linear) return;
    for (int64_t r = top; r < row_of(last_panel); r++, to += count)
      spread(w, to, first, count, static_cast<T*>(result) + r * row_stride);
  }

  /// Puts the results of pixels first .. first + count where they belong.
  static void spread(const Windows& w, const T* from, int64_t first, int64_t count, T* row) {
    int64_t width = w.dims[2].pixels, height = w.dims[1].pixels;
    int64_t x = first % width, y = first / width % height, z = first / width / height;
    for (int64_t k = 0; k < count; y++, x = 0) {
      if (y == height) {
        y = 0;
        z++;
      }
      T* line = row + z * w.dims[0].result_stride + y * w.dims[1].result_stride;
      for (; x < width && k < count; x++)
        line[x * w.dims[2].result_stride] = from[k++];
    }
  }

  //===--- Few rows and channels
  //----------------------------------------------------------------===//

  static HWY_INLINE void add_line(const T* from, int64_t stride, T weight, int64_t count, T* to,
                                  int64_t to_stride) {
    const D d;
    const int64_t n = lanes();
    int64_t i = 0;
    if (stride == 1 && to_stride == 1) {
      const V factor = hn::Set(d, weight);
      for (; i + n <= count; i += n)
        hn::StoreU(add_product(factor, hn::LoadU(d, from + i), hn::LoadU(d, to + i)), d, to + i);
      auto rest = hn::FirstN(d, static_cast<size_t>(count - i));
      V sum =
          add_product(factor, hn::MaskedLoad(rest, d, from + i), hn::MaskedLoad(rest, d, to + i));
      if (i < count) hn::BlendedStore(sum, rest, d, to + i);
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
      const auto there = hn::FirstN(d, static_cast<size_t>(std::min(n, count - i)));
      V seen;
      if (stride == 1) {
        seen = hn::MaskedLoad(there, d, from + i);
      } else {
        for (int64_t k = 0; k < n; k++)
          packed[k] = i + k < count ? from[(i + k) * stride] : T(0);
        seen = hn::Load(d, packed);
      }
      sum = add_product(seen, hn::MaskedLoad(there, d, with + i), sum);
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

  //===--- Gradient of the weights
  //--------------------------------------------------------------===//

  static int64_t weight_scratch_bytes(const Windows& w, int64_t rows) {
    int64_t pixels = std::min(kWeightPixels, w.pixels());
    return (rows + (kWeightSlivers + 1) * sliver()) * pixels * static_cast<int64_t>(sizeof(T));
  }

  /// What one tap sees of pixels first .. first + count, as a row.
  static void see(const Windows& w, const T* plane, const int64_t* tap, int64_t first,
                  int64_t count, T* to) {
    std::fill_n(to, count, T(0));
    Line lines[kMostPixels];
    Run runs[kMostPixels];
    for (int64_t p = 0; p < count; p += sliver()) {
      int n = static_cast<int>(std::min<int64_t>(sliver(), count - p));
      int line_count = cut_lines(w, first + p, n, lines);
      int run_count = find_runs(w, lines, line_count, tap, runs);
      for (int r = 0; r < run_count; r++)
        copy_run(plane + runs[r].offset, w.dims[2].stride, runs[r].count, to + p + runs[r].lane);
    }
  }

  static void weight_product(const Windows& w, const void* gradient, int64_t rows,
                             const void* source, int64_t first, int64_t count, bool is_first,
                             void* result, void* scratch) {
    int64_t pixels = w.pixels(), taps = w.taps(), columns = w.channels * taps, width = sliver();
    int64_t panels = panels_of(rows);
    T* left = static_cast<T*>(scratch); // gradients: [panel, pixel, row]
    int64_t most = std::min(kWeightPixels, pixels);
    T* right = left + rows * most;                   // what is seen: [sliver, pixel, column]
    T* seen = right + kWeightSlivers * width * most; // [column, pixel]
    for (int64_t p = 0; p < pixels; p += kWeightPixels) {
      int64_t terms = std::min(kWeightPixels, pixels - p);
      for (int64_t panel = 0; panel < panels; panel++) {
        int64_t row = rows * panel / panels, m = rows * (panel + 1) / panels - row;
        transpose(static_cast<const T*>(gradient) + row * pixels + p, pixels, m, terms,
                  left + row * terms, m);
      }
      for (int64_t j = 0; j < count; j += width) {
        int64_t here = std::min(width, count - j);
        for (int64_t k = 0; k < here; k++) {
          int64_t column = first + j + k, t = column % taps;
          int64_t tap[3] = {t / (w.dims[1].taps * w.dims[2].taps),
                            t / w.dims[2].taps % w.dims[1].taps, t % w.dims[2].taps};
          see(w, static_cast<const T*>(source) + column / taps * w.source_size(), tap, p, terms,
              seen + k * terms);
        }
        std::fill_n(seen + here * terms, (width - here) * terms, T(0));
        T* sliver_of = right + j * terms;
        transpose(seen, terms, width, terms, sliver_of, width);
        for (int64_t panel = 0; panel < panels; panel++) {
          int64_t row = rows * panel / panels, m = rows * (panel + 1) / panels - row;
          tile_of<kPanelRows>(m, left + row * terms, sliver_of, terms,
                              static_cast<T*>(result) + row * columns + first + j, columns,
                              static_cast<int>(here), is_first && p == 0);
        }
      }
    }
  }

  static ConvolutionKernel table() {
    return {.panel_rows = kPanelRows,
            .pack_panel = pack_panel,
            .block_pixels = block_pixels,
            .scratch_bytes = scratch_bytes,
            .product = product,
            .direct = direct,
            .direct_weights = direct_weights,
            .weight_columns = kWeightSlivers * sliver(),
            .weight_scratch_bytes = weight_scratch_bytes,
            .weight_product = weight_product};
  }
};

ConvolutionKernel kernel_of(DType compute) {
  return compute == DType::f32   ? Product<float>::table()
         : compute == DType::f64 ? Product<double>::table()
                                 : Product<int64_t>::table();
}

} // namespace weft::kernels::convolution::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace convolution {
HWY_EXPORT(kernel_of);
static ConvolutionKernel chosen(DType compute) { return HWY_DYNAMIC_DISPATCH(kernel_of)(compute); }
} // namespace convolution

const ConvolutionKernel& convolution_kernel(DType compute) {
  static const ConvolutionKernel kernels[] = {convolution::chosen(DType::f32),
                                              convolution::chosen(DType::f64),
                                              convolution::chosen(DType::i64)};
  return kernels[compute == DType::f32 ? 0 : compute == DType::f64 ? 1 : 2];
}

} // namespace weft::kernels
#endif
