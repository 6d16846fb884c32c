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

#include "kernels/convolution_direct-inl.h"
#include "kernels/convolution_windows-inl.h"

#include <algorithm>

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

template <class T> struct Product : Seen<T> {
  using Base = Seen<T>;
  using Base::add_product;
  using Base::copy_run;
  using Base::cut_lines;
  using Base::find_runs;
  using Base::kMostPixels;
  using Base::lanes;
  using Base::sliver;
  using Base::transpose;
  using Base::wrapping;
  using typename Base::D;
  using typename Base::V;

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

  //===--- Packing ----------------------------------------------------------------------------===//

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

  //===--- Product ----------------------------------------------------------------------------===//

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

  //===--- Gradient of the weights ------------------------------------------------------------===//

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
            .direct = Direct<T>::direct,
            .direct_weights = Direct<T>::direct_weights,
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
