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

  /// The order of dims: as given, or as the output's elements lie in memory, for loops whose
  /// elements do not depend on their positions.
  enum class Order { given, memory };

  /// `views[0]` is the output. An entry with null data is left out: its strides are 0.
  explicit StridedLoop(std::span<const View> views, Order order = Order::given);

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
  /// Whole runs of the inner dim from here to the end of the dim outside of it; 0 inside of a run.
  int64_t runs() const {
    return last_ == 0 || index_[last_] ? 0 : loop_.sizes[last_ - 1] - index_[last_ - 1];
  }
  /// Bytes of array k from a run to the next one, where runs() > 0.
  int64_t run_stride(int k) const { return loop_.strides[k][last_ - 1]; }
  /// Moves on by n <= run() elements.
  void advance(int64_t n) { advance(last_, n); }
  /// Moves on by n <= runs() runs.
  void advance_runs(int64_t n) { advance(last_ - 1, n); }

private:
  void advance(int dim, int64_t n);
  const StridedLoop& loop_;
  int last_;
  int64_t index_[kMaxRank] = {};
  int64_t offsets_[StridedLoop::kMostArrays] = {};
};

/// Copies n elements of `item` bytes; strides in bytes.
void copy_strided(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
                  int64_t item);

/// The ways in bytes from an element of a tile to the one below it and to the one beside it.
struct TileSteps {
  int64_t down, across;
};
/// Copies a tile of rows x columns elements of `item` bytes between memory of any two layouts.
void copy_tile(const char* from, TileSteps from_steps, char* to, TileSteps to_steps, int64_t rows,
               int64_t columns, int64_t item);

} // namespace weft
