// Convolution as a product of matrices whose right operand is never stored: the weights [rows,
// channels * taps] times what each tap sees of the source [channels * taps, pixels]. Pixels are
// packed as the product needs them, a few at a time.
#pragma once

#include "weft/dtype.h"

#include <cstdint>

namespace weft::kernels {

/// One spatial dim: tap t of pixel i sees position i * stride + offsets[t] of the source, or 0
/// where that lies outside of it.
struct WindowDim {
  int64_t pixels = 1, size = 1, stride = 1, taps = 1;
  const int64_t* offsets = nullptr; // one a tap
  int64_t result_stride = 0;        // elements of the result from one pixel to the next
};

/// The windows of one sample and group. The source is [channels, sizes...] without gaps.
struct Windows {
  WindowDim
      dims[3]; // the last is the innermost; dims that are not there have one pixel and one tap
  int64_t channels = 1;

  int64_t pixels() const { return dims[0].pixels * dims[1].pixels * dims[2].pixels; }
  int64_t taps() const { return dims[0].taps * dims[1].taps * dims[2].taps; }
  int64_t source_size() const { return dims[0].size * dims[1].size * dims[2].size; }
  /// Says whether pixel number i is element i of a row of the result.
  bool is_linear() const {
    return dims[2].result_stride == 1 && dims[1].result_stride == dims[2].pixels &&
           dims[0].result_stride == dims[1].pixels * dims[2].pixels;
  }
};

/// Where the weight of (row, channel, tap) lies. `tap_places` has an entry a tap.
struct WeightPlaces {
  int64_t row_stride = 0, channel_stride = 0;
  const int64_t* tap_places = nullptr;
};

/// The weights of a group as a product reads them: packed, or as they lie, of which it then packs
/// what it reads. That pays where every weight is read by one call alone.
struct ProductWeights {
  int64_t rows = 0;
  const void* packed = nullptr; // null: `plain` counts
  const void* plain = nullptr;
  WeightPlaces places;
};

/// The kernels of one compute dtype (f32, f64, i64), for the best instruction set of the machine. A
/// result's sum runs over channels, then taps, in an order that follows from the windows alone.
struct ConvolutionKernel {
  /// Most rows that a panel has; panels of R rows are R * p / n .. R * (p + 1) / n of n panels.
  int64_t panel_rows;
  /// Packs one panel of the weights into its place in `packed`, which has rows * channels * taps
  /// elements.
  void (*pack_panel)(const Windows& w, const WeightPlaces& places, const void* weights,
                     int64_t rows, int64_t panel, void* packed);
  /// Pixels that one call of `product` should do, and bytes of scratch memory that it then needs.
  int64_t (*block_pixels)(const Windows& w);
  int64_t (*scratch_bytes)(const Windows& w, int64_t rows);
  /// result[row, pixel] for the pixels first .. first + count (at most block_pixels) and the rows
  /// of panels first_panel .. last_panel. Rows of the result are `row_stride` elements apart.
  void (*product)(const Windows& w, const ProductWeights& weights, const void* source,
                  int64_t first, int64_t count, int64_t first_panel, int64_t last_panel,
                  void* result, int64_t row_stride, void* scratch);
  /// The same for few rows and channels, from weights as they lie and for lines (pixels of the last
  /// dim) first .. first + count.
  void (*direct)(const Windows& w, const WeightPlaces& places, const void* weights, int64_t rows,
                 const void* source, int64_t first, int64_t count, void* result,
                 int64_t row_stride);
  /// The gradient of the weights for few rows and channels: adds to result[row, channel * taps +
  /// tap] (first: stores there) the sum over pixels of gradient[row, pixel] times what the tap
  /// sees.
  void (*direct_weights)(const Windows& w, const void* gradient, int64_t rows, const void* source,
                         bool is_first, void* result);
  /// The same for some rows and columns first .. first + count (at most weight_columns). Rows of
  /// the gradient have pixels() elements, those of the result channels * taps.
  int64_t weight_columns;
  int64_t (*weight_scratch_bytes)(const Windows& w, int64_t rows);
  void (*weight_product)(const Windows& w, const void* gradient, int64_t rows, const void* source,
                         int64_t first, int64_t count, bool is_first, void* result, void* scratch);
};

/// Says how many panels rows are cut into.
inline int64_t panels_of(const ConvolutionKernel& k, int64_t rows) {
  return (rows + k.panel_rows - 1) / k.panel_rows;
}

const ConvolutionKernel& convolution_kernel(DType compute);

} // namespace weft::kernels
