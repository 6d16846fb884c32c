// StridedLoop: one iteration space over several arrays, with dims merged where all arrays allow it.
#pragma once

#include "runtime/view.h"

#include <span>

namespace weft {

/// Array 0 gives the sizes; the others broadcast to it. Strides are in bytes.
struct StridedLoop {
  static constexpr int kMostArrays = 6;

  int rank = 0;
  int arrays = 0;
  int64_t numel = 1;
  int64_t sizes[kMaxRank];
  int64_t strides[kMostArrays][kMaxRank];
  char* base[kMostArrays];
  int64_t item[kMostArrays];

  /// `views[0]` is the output. An entry with null data is left out: its strides are 0.
  explicit StridedLoop(std::span<const View> views);

  /// Says whether array k is visited in memory order without gaps.
  bool is_linear(int k) const;
  /// Says whether array k is one element for the whole loop.
  bool is_constant(int k) const;
  int64_t inner() const { return rank ? sizes[rank - 1] : 1; }
  int64_t inner_stride(int k) const { return rank ? strides[k][rank - 1] : 0; }
};

/// A place in a StridedLoop that moves in row-major order.
class StridedCursor {
public:
  StridedCursor(const StridedLoop& loop, int64_t position);
  /// Address of array k's element here.
  char* at(int k) const { return loop_.base[k] + offsets_[k]; }
  /// Elements from here to the end of the inner dim.
  int64_t run() const { return loop_.inner() - index_[last_]; }
  /// Moves on by n <= run() elements.
  void advance(int64_t n);

private:
  const StridedLoop& loop_;
  int last_;
  int64_t index_[kMaxRank] = {};
  int64_t offsets_[StridedLoop::kMostArrays] = {};
};

/// Copies n elements of `item` bytes; strides in bytes.
void copy_strided(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
                  int64_t item);

} // namespace weft
