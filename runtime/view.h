// Plain views: dtype, sizes and strides with an address. All that a kernel sees of a tensor.
#pragma once

#include "weft/dtype.h"
#include "weft/shape.h"

#include <cstring>

namespace weft {

/// What is known of a tensor without its memory. The first eight bytes are its structure: a trace
/// compares them as one word.
/// Bytes from `low` to before `high`.
struct ByteRange {
  int64_t low = 0, high = 0;
  bool overlaps(const ByteRange& o) const { return low < o.high && o.low < high; }
};

struct Meta {
  DType dtype = DType::f32;
  Device device{};
  uint8_t rank = 0;
  uint8_t contiguous = 1;    // row-major without gaps; strides of dims of size 1 do not matter
  uint8_t ones = 0;          // bit k is set where sizes[k] == 1: broadcasting depends on it
  uint8_t requires_grad = 0; // a leaf's own flag, or "has a tape node"
  uint8_t reserved = 0;
  // Entries beyond the rank are unspecified: clearing them would cost as much as a small op.
  int64_t sizes[kMaxRank];
  int64_t strides[kMaxRank]; // in elements

  uint64_t structure() const {
    uint64_t word;
    std::memcpy(&word, this, sizeof word);
    return word;
  }
  bool same_sizes(const Meta& o) const {
    for (int k = 0; k < rank; k++)
      if (sizes[k] != o.sizes[k]) return false;
    return true;
  }
  bool same_strides(const Meta& o) const {
    for (int k = 0; k < rank; k++)
      if (strides[k] != o.strides[k]) return false;
    return true;
  }
  int64_t numel() const {
    int64_t n = 1;
    for (int k = 0; k < rank; k++)
      n *= sizes[k];
    return n;
  }
  size_t nbytes() const { return static_cast<size_t>(numel()) * size_of(dtype); }
  Shape shape() const { return {sizes, rank}; }
  /// The bytes from the first to behind the last element, where element [0, ..., 0] is at byte
  /// `start`; none where there are no elements. Strides may be negative.
  ByteRange byte_range(int64_t start) const {
    const auto item = static_cast<int64_t>(size_of(dtype));
    ByteRange r{start, start + item};
    for (int k = 0; k < rank; k++) {
      if (sizes[k] == 0) return {start, start};
      const int64_t extent = (sizes[k] - 1) * strides[k] * item;
      (extent < 0 ? r.low : r.high) += extent;
    }
    return r;
  }
  /// Fills strides, `contiguous` and `ones` for a row-major tensor of the sizes set before.
  void set_contiguous() {
    int64_t step = 1;
    contiguous = 1;
    ones = 0;
    for (int k = rank - 1; k >= 0; k--) {
      strides[k] = step;
      step *= sizes[k];
      if (sizes[k] == 1) ones |= static_cast<uint8_t>(1 << k);
    }
  }
  /// Fills `contiguous` and `ones` from the sizes and strides set before.
  void finish_strided() {
    int64_t step = 1;
    contiguous = 1;
    ones = 0;
    bool is_empty = false;
    for (int k = rank - 1; k >= 0; k--) {
      if (sizes[k] == 1)
        ones |= static_cast<uint8_t>(1 << k);
      else if (strides[k] != step)
        contiguous = 0;
      is_empty |= sizes[k] == 0;
      step *= sizes[k];
    }
    if (is_empty) contiguous = 1;
  }
};
static_assert(offsetof(Meta, sizes) == 8);

/// Makes the metadata of a new row-major tensor.
inline Meta make_meta(const Shape& shape, DType dtype, Device device = Device::cpu()) {
  Meta m;
  m.dtype = dtype;
  m.device = device;
  m.rank = static_cast<uint8_t>(shape.size());
  std::copy(shape.begin(), shape.end(), m.sizes);
  m.set_contiguous();
  return m;
}

/// A tensor's memory as a kernel sees it; `data` addresses element [0, ..., 0].
struct View {
  void* data = nullptr;
  const Meta* meta = nullptr;
  template <class T> T* as() const { return static_cast<T*>(data); }
};

} // namespace weft
