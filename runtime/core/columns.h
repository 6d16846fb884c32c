// Columns: arrays as lines along one dim, in runs of neighbours that are walked together. The order
// along a line is always that of the dim, so that results do not depend on how lines are shared
// out.
#pragma once

#include "runtime/core/parallel.h"
#include "runtime/core/strided.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

namespace weft {

/// A run of lines: element k of line j of array a is at base[a] + k * along[a] + j * across[a].
struct ColumnRun {
  int64_t count = 0; // lines
  char* base[StridedLoop::kMostArrays] = {};
  int64_t along[StridedLoop::kMostArrays] = {}, across[StridedLoop::kMostArrays] = {}; // in bytes
  /// Says whether the elements of a line of array a lie closer together than lines do.
  bool has_close_elements(int a) const { return std::abs(along[a]) < std::abs(across[a]); }
};

class Columns {
public:
  /// Lines along `dim` of arrays of the same sizes but along the dim. `length` is the work of one
  /// line, in elements.
  Columns(std::span<const View> views, int dim, int64_t length)
      : metas_(std::make_unique<Meta[]>(views.size())), length_(length) {
    View lines[StridedLoop::kMostArrays];
    for (size_t a = 0; a < views.size(); a++) {
      Meta& m = metas_[a] = *views[a].meta;
      along_[a] = m.strides[dim] * static_cast<int64_t>(size_of(m.dtype));
      std::copy(m.sizes + dim + 1, m.sizes + m.rank, m.sizes + dim);
      std::copy(m.strides + dim + 1, m.strides + m.rank, m.strides + dim);
      m.rank--;
      lines[a] = {views[a].data, &m};
    }
    loop_.emplace(std::span<const View>(lines, views.size()));
  }

  /// Says whether neighbouring lines lie side by side in every array: the dim goes down rows.
  bool lie_in_rows() const {
    for (int a = 0; a < loop_->arrays; a++)
      if (loop_->inner_stride(a) != loop_->item[a]) return false;
    return true;
  }

  int64_t lines() const { return loop_->numel; }

  /// Calls f(const ColumnRun&) for runs that cover all lines, on several threads: each takes
  /// `least` lines or more, and multiples of `unit` but for the last one.
  template <class F> void each(F f, int64_t unit = 1, int64_t least = 1) const {
    constexpr int64_t kGrain = 1 << 14; // elements worth handing to another thread
    least = std::max({int64_t{1}, least, kGrain / std::max<int64_t>(1, length_)});
    parallel_for((loop_->numel + unit - 1) / unit, (least + unit - 1) / unit,
                 [&](int64_t begin, int64_t end) {
                   begin *= unit;
                   end = std::min(end * unit, loop_->numel);
                   StridedCursor cursor(*loop_, begin);
                   while (begin < end) {
                     ColumnRun run;
                     run.count = std::min(end - begin, loop_->rank ? cursor.run() : 1);
                     for (int a = 0; a < loop_->arrays; a++) {
                       run.base[a] = cursor.at(a);
                       run.along[a] = along_[a];
                       run.across[a] = loop_->inner_stride(a);
                     }
                     f(run);
                     cursor.advance(run.count);
                     begin += run.count;
                   }
                 });
  }

private:
  std::unique_ptr<Meta[]> metas_;
  std::optional<StridedLoop> loop_;
  int64_t along_[StridedLoop::kMostArrays], length_;
};

} // namespace weft
