// Windows: what the spatial dims of convolution and pooling have in common.
#pragma once

#include "runtime/core/op_info.h"

namespace weft {

inline constexpr int kMostSpatialDims = 3;
/// The most that a kernel, stride, dilation or padding may be: products with sizes do not overflow.
inline constexpr int64_t kMostOfWindow = int64_t{1} << 31;

/// A window of `kernel` taps, `dilation` apart, that moves by `stride` over a dim with `begin` and
/// `end` elements of padding.
struct Window {
  int64_t kernel = 1, stride = 1, begin = 0, end = 0, dilation = 1;

  /// Elements from the first tap to the last.
  int64_t span() const { return (kernel - 1) * dilation + 1; }
  /// How many places the window has on a dim of `size` elements; less than 1 where it does not fit.
  int64_t places(int64_t size) const {
    int64_t room = size + begin + end - span();
    return room < 0 ? 0 : room / stride + 1;
  }
};

/// The windows of all spatial dims, outermost first.
struct WindowList {
  int count = 0;
  Window dims[kMostSpatialDims];

  /// Reads what a call's structure says from `first` on: stride, padding before and after, and
  /// dilation of each. Of a call it throws where the structure has no such form.
  static WindowList read(std::span<const int64_t> structure, size_t first);
  static WindowList read(const OpCall& call, size_t first);
  /// The same of windows whose kernels come before.
  static WindowList read_pooling(std::span<const int64_t> structure);
  static WindowList read_pooling(const OpCall& call);
  /// Appends what `read` reads.
  void write(std::vector<int64_t>& structure) const;
};

} // namespace weft
