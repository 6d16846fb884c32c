#include "runtime/core/strided.h"

namespace weft {

StridedLoop::StridedLoop(std::span<const View> views) : arrays(static_cast<int>(views.size())) {
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
  // From the outermost dim in; a dim joins the one outside it where all arrays step evenly.
  for (int k = 0; k < out.rank; k++) {
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

bool StridedLoop::is_linear(int k) const {
  int64_t step = item[k];
  for (int d = rank - 1; d >= 0; d--) {
    if (strides[k][d] != step) return false;
    step *= sizes[d];
  }
  return true;
}

bool StridedLoop::is_constant(int k) const {
  for (int d = 0; d < rank; d++)
    if (strides[k][d] != 0) return false;
  return true;
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

void StridedCursor::advance(int64_t n) {
  if (!loop_.rank) return;
  int d = last_;
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

template <class T>
void copy_items(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    *reinterpret_cast<T*>(to + i * to_stride) = *reinterpret_cast<const T*>(from + i * from_stride);
}

} // namespace

void copy_strided(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
                  int64_t item) {
  if (to_stride == item && from_stride == item) {
    std::memcpy(to, from, static_cast<size_t>(n * item));
    return;
  }
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

} // namespace weft
