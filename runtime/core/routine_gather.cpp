// gather: the result is walked in runs of its innermost dim; a run whose index is one element is a
// copy of a row.

#include "kernels/element_fold.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/strided.h"

#include <atomic>

namespace weft {

namespace {

/// The dim that is indexed: elements, and bytes from one to the next.
struct IndexedDim {
  int64_t size, stride;
  bool has(int64_t i) const { return static_cast<uint64_t>(i) < static_cast<uint64_t>(size); }
};

int64_t index_at(const char* at) { return *reinterpret_cast<const int64_t*>(at); }

enum Array { kResult, kSource, kIndex }; // of the loop

/// What is known of a run of contiguous results and indices: it lies along the indexed dim of a
/// contiguous source, which stands still, or across that dim, where the source goes along.
enum class Run : uint8_t { any, along, across };

// One run of n elements, four at a time: one test and four independent loads. Returns false where
// an index is out of range.
template <class Word, Run run>
bool gather_run(const StridedLoop& loop, const StridedCursor& at, const IndexedDim& dim,
                int64_t n) {
  constexpr int64_t item = sizeof(Word);
  constexpr bool known = run != Run::any;
  const int64_t to_step = known ? item : loop.inner_stride(kResult),
                from_step = !known              ? loop.inner_stride(kSource)
                            : run == Run::along ? 0
                                                : item,
                index_step = known ? int64_t{sizeof(int64_t)} : loop.inner_stride(kIndex),
                stride = run == Run::along ? item : dim.stride;
  char* to = at.at(kResult);
  const char *from = at.at(kSource), *index = at.at(kIndex);
  bool accepted = true;
  const auto element = [&](int64_t k, int64_t i) {
    return *reinterpret_cast<const Word*>(from + k * from_step + i * stride);
  };
  const auto store = [&](int64_t k, Word v) { *reinterpret_cast<Word*>(to + k * to_step) = v; };
  int64_t k = 0;
  for (; k + 4 <= n; k += 4) {
    const int64_t i[4] = {index_at(index + k * index_step), index_at(index + (k + 1) * index_step),
                          index_at(index + (k + 2) * index_step),
                          index_at(index + (k + 3) * index_step)};
    if (!(dim.has(i[0]) & dim.has(i[1]) & dim.has(i[2]) & dim.has(i[3]))) [[unlikely]] {
      accepted = false;
      continue;
    }
    const Word v[4] = {element(k, i[0]), element(k + 1, i[1]), element(k + 2, i[2]),
                       element(k + 3, i[3])};
    store(k, v[0]), store(k + 1, v[1]), store(k + 2, v[2]), store(k + 3, v[3]);
  }
  for (; k < n; k++) {
    const int64_t i = index_at(index + k * index_step);
    if (dim.has(i))
      store(k, element(k, i));
    else
      accepted = false;
  }
  return accepted;
}

template <class Word>
bool gather_run(const StridedLoop& loop, const StridedCursor& at, const IndexedDim& dim,
                int64_t n) {
  constexpr int64_t item = sizeof(Word);
  const int64_t step = loop.inner_stride(kSource);
  if (loop.inner_stride(kResult) == item && loop.inner_stride(kIndex) == sizeof(int64_t)) {
    if (step == 0 && dim.stride == item) return gather_run<Word, Run::along>(loop, at, dim, n);
    if (step == item) return gather_run<Word, Run::across>(loop, at, dim, n);
  }
  return gather_run<Word, Run::any>(loop, at, dim, n);
}

// `rows` runs of n elements, each with one index. Rows lie anywhere in a table, where no processor
// foresees them. Returns false where an index is out of range.
bool gather_rows(const StridedLoop& loop, const StridedCursor& at, const IndexedDim& dim,
                 int64_t rows, int64_t n) {
  constexpr int64_t kAhead = 16, kLine = 64, kMostLines = 4; // then a processor foresees the rest
  const int64_t fetched = std::min(n * loop.item[kSource], kMostLines * kLine);
  const int64_t to_row = rows > 1 ? at.run_stride(kResult) : 0,
                from_row = rows > 1 ? at.run_stride(kSource) : 0,
                index_row = rows > 1 ? at.run_stride(kIndex) : 0;
  char* to = at.at(kResult);
  const char *from = at.at(kSource), *index = at.at(kIndex);
  bool accepted = true;
  for (int64_t r = 0; r < rows; r++) {
    if (r + kAhead < rows) {
      const int64_t next = index_at(index + (r + kAhead) * index_row);
      if (dim.has(next))
        for (int64_t k = 0; k < fetched; k += kLine)
          __builtin_prefetch(from + (r + kAhead) * from_row + next * dim.stride + k);
    }
    const int64_t i = index_at(index + r * index_row);
    if (dim.has(i))
      copy_strided(to + r * to_row, loop.inner_stride(kResult),
                   from + r * from_row + i * dim.stride, loop.inner_stride(kSource), n,
                   loop.item[kResult]);
    else
      accepted = false;
  }
  return accepted;
}

} // namespace

bool routine_gather(const RoutineCall& call) {
  constexpr int64_t kGrain = 1 << 14; // elements worth handing to another thread
  const View &x = call.operands[0], &index = call.operands[1];
  const int64_t along = call.structure[0];
  const DType dtype = x.meta->dtype;
  const IndexedDim dim{x.meta->sizes[along],
                       x.meta->strides[along] * static_cast<int64_t>(size_of(dtype))};
  // The source stands still along the indexed dim, and in a window of the others.
  Meta window = *index.meta;
  window.dtype = dtype;
  std::copy_n(x.meta->strides, x.meta->rank, window.strides);
  window.strides[along] = 0;
  const View views[] = {call.result, {x.data, &window}, index};
  const StridedLoop loop(views);
  std::atomic<bool> accepted{true};
  parallel_for(loop.numel, kGrain, [&](int64_t begin, int64_t end) {
    StridedCursor cursor(loop, begin);
    while (begin < end) {
      const int64_t n = std::min(end - begin, loop.rank ? cursor.run() : 1);
      const bool by_row = loop.inner_stride(kIndex) == 0;
      const int64_t rows =
          by_row ? std::max<int64_t>(std::min((end - begin) / n, cursor.runs()), 1) : 1;
      const bool fits = by_row ? gather_rows(loop, cursor, dim, rows, n)
                               : kernels::visit_width(dtype, [&](auto word) {
                                   return gather_run<decltype(word)>(loop, cursor, dim, n);
                                 });
      if (!fits) accepted.store(false, std::memory_order_relaxed);
      if (rows > 1)
        cursor.advance_runs(rows);
      else
        cursor.advance(n);
      begin += n * rows;
    }
  });
  return accepted.load() || call.refuse_index(index, dim.size);
}

} // namespace weft
