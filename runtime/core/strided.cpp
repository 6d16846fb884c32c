#include "runtime/core/strided.h"

#include "kernels/transpose.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace weft {

namespace {

// The dims, outermost first.
void order_dims(const Meta& out, StridedLoop::Order order, int* dims) {
  std::iota(dims, dims + out.rank, 0);
  if (order == StridedLoop::Order::given || out.contiguous) return;
  std::stable_sort(dims, dims + out.rank, [&](int a, int b) {
    return std::abs(out.strides[a]) > std::abs(out.strides[b]);
  });
}

} // namespace

StridedLoop::StridedLoop(std::span<const View> views, Order order)
    : arrays(static_cast<int>(views.size())) {
  const Meta& out = *views[0].meta;
  int64_t all[kMostArrays][kMaxRank];
  for (int a = 0; a < arrays; a++) {
    base[a] = static_cast<char*>(views[a].data);
    if (!base[a]) {
      item[a] = 0;
      std::fill_n(all[a], out.rank, 0);
      continue;
    }
    const Meta& m = *views[a].meta;
    item[a] = static_cast<int64_t>(size_of(m.dtype));
    int shift = out.rank - m.rank;
    for (int k = 0; k < out.rank; k++)
      all[a][k] = k < shift || m.sizes[k - shift] == 1 ? 0 : m.strides[k - shift] * item[a];
  }
  numel = out.numel();
  int dims[kMaxRank];
  order_dims(out, order, dims);
  // From the outermost dim in; a dim joins the one outside it where all arrays step evenly.
  for (int position = 0; position < out.rank; position++) {
    const int k = dims[position];
    if (out.sizes[k] == 1) continue;
    bool joins = rank > 0;
    for (int a = 0; joins && a < arrays; a++)
      joins = strides[a][rank - 1] == all[a][k] * out.sizes[k];
    if (!joins) sizes[rank++] = 1;
    sizes[rank - 1] *= out.sizes[k];
    for (int a = 0; a < arrays; a++)
      strides[a][rank - 1] = all[a][k];
  }
}

StridedCursor::StridedCursor(const StridedLoop& loop, int64_t position)
    : loop_(loop), last_(std::max(loop.rank - 1, 0)) {
  for (int d = loop.rank - 1; d >= 0; d--) {
    index_[d] = position % loop.sizes[d];
    position /= loop.sizes[d];
    for (int a = 0; a < loop.arrays; a++)
      offsets_[a] += index_[d] * loop.strides[a][d];
  }
}

void StridedCursor::advance(int d, int64_t n) {
  if (!loop_.rank) return;
  index_[d] += n;
  for (int a = 0; a < loop_.arrays; a++)
    offsets_[a] += n * loop_.strides[a][d];
  while (index_[d] == loop_.sizes[d] && d > 0) {
    for (int a = 0; a < loop_.arrays; a++)
      offsets_[a] += loop_.strides[a][d - 1] - loop_.sizes[d] * loop_.strides[a][d];
    index_[d] = 0;
    index_[--d]++;
  }
}

namespace {

// `known` is the step of the source in elements where it is not 0: vectors want to know it.
template <class T, int known>
void copy_items(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n) {
  constexpr int64_t item = sizeof(T);
  const int64_t to_step = known ? item : to_stride, from_step = known ? known * item : from_stride;
  for (int64_t i = 0; i < n; i++)
    *reinterpret_cast<T*>(to + i * to_step) = *reinterpret_cast<const T*>(from + i * from_step);
}

template <class T>
void copy_items(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n) {
  constexpr int64_t item = sizeof(T);
  if (to_stride == item && from_stride == 2 * item)
    return copy_items<T, 2>(to, to_stride, from, from_stride, n);
  copy_items<T, 0>(to, to_stride, from, from_stride, n);
}

} // namespace

void copy_strided(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
                  int64_t item) {
  if (to_stride == item && from_stride == item) {
    std::memcpy(to, from, static_cast<size_t>(n * item));
    return;
  }
  const int64_t last = (n - 1) * item;
  if (to_stride == item && from_stride == -item) return kernels::reverse(from - last, to, n, item);
  if (to_stride == -item && from_stride == item) return kernels::reverse(from, to - last, n, item);
  switch (item) {
  case 1:
    return copy_items<uint8_t>(to, to_stride, from, from_stride, n);
  case 2:
    return copy_items<uint16_t>(to, to_stride, from, from_stride, n);
  case 4:
    return copy_items<uint32_t>(to, to_stride, from, from_stride, n);
  default:
    return copy_items<uint64_t>(to, to_stride, from, from_stride, n);
  }
}

namespace {

constexpr int64_t kFewColumns = 8; // which are walked down, one after the other

} // namespace

void copy_tile(const char* from, TileSteps from_steps, char* to, TileSteps to_steps, int64_t rows,
               int64_t columns, int64_t item) {
  const bool is_high = rows > 1;
  if (is_high && from_steps.down == item && to_steps.across == item)
    return kernels::transpose(from, from_steps.across, to, to_steps.down, columns, rows, item);
  if (is_high && to_steps.down == item && from_steps.across == item)
    return kernels::transpose(from, from_steps.down, to, to_steps.across, rows, columns, item);
  if (columns <= kFewColumns && columns < rows) {
    for (int64_t c = 0; c < columns; c++)
      copy_strided(to + c * to_steps.across, to_steps.down, from + c * from_steps.across,
                   from_steps.down, rows, item);
    return;
  }
  for (int64_t r = 0; r < rows; r++)
    copy_strided(to + r * to_steps.down, to_steps.across, from + r * from_steps.down,
                 from_steps.across, columns, item);
}

} // namespace weft
