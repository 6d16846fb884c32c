// The scatters: a copy of x, or x itself in place, into which lines of src go in the order of the
// index. Lines are shared out among threads, never cut.

#include "kernels/element_fold.h"
#include "runtime/core/columns.h"
#include "runtime/core/execute.h"
#include "runtime/core/routine.h"

#include <atomic>
#include <cstring>
#include <span>
#include <vector>

namespace weft {

namespace {

enum Array { kResult, kIndex, kSource };   // of a column run
constexpr int64_t kManyElements = 1 << 14; // of a result that is made row by row
constexpr int64_t kLeastRow = 16;          // elements of one

int64_t index_at(const char* at) { return *reinterpret_cast<const int64_t*>(at); }
bool has(int64_t size, int64_t i) { return static_cast<uint64_t>(i) < static_cast<uint64_t>(size); }

// Joins n elements side by side; steps in bytes.
template <class Storage, class Join>
void join_row(char* to, int64_t to_step, const char* from, int64_t from_step, int64_t n,
              Join join) {
  if (to_step == sizeof(Storage) && from_step == sizeof(Storage)) {
    auto* result = reinterpret_cast<Storage*>(to);
    auto* source = reinterpret_cast<const Storage*>(from);
    for (int64_t j = 0; j < n; j++)
      join(result[j], source[j]);
    return;
  }
  for (int64_t j = 0; j < n; j++)
    join(*reinterpret_cast<Storage*>(to + j * to_step),
         *reinterpret_cast<const Storage*>(from + j * from_step));
}

// Line after line, each in its order.
template <class Storage, class Join>
bool scatter_lines(const ColumnRun& run, int64_t length, int64_t size, Join join) {
  bool accepted = true;
  const bool is_dense = run.along[kResult] == sizeof(Storage) &&
                        run.along[kSource] == sizeof(Storage) &&
                        run.along[kIndex] == sizeof(int64_t);
  for (int64_t j = 0; j < run.count; j++) {
    char* to = run.base[kResult] + j * run.across[kResult];
    const char* index = run.base[kIndex] + j * run.across[kIndex];
    const char* from = run.base[kSource] + j * run.across[kSource];
    if (is_dense) {
      const auto* places = reinterpret_cast<const int64_t*>(index);
      for (int64_t k = 0; k < length; k++)
        if (has(size, places[k]))
          join(reinterpret_cast<Storage*>(to)[places[k]],
               reinterpret_cast<const Storage*>(from)[k]);
        else
          accepted = false;
      continue;
    }
    for (int64_t k = 0; k < length; k++, index += run.along[kIndex], from += run.along[kSource]) {
      const int64_t i = index_at(index);
      if (has(size, i))
        join(*reinterpret_cast<Storage*>(to + i * run.along[kResult]),
             *reinterpret_cast<const Storage*>(from));
      else
        accepted = false;
    }
  }
  return accepted;
}

// All lines a step at a time; where they share their index, a step is a row.
template <class Storage, class Join>
bool scatter_rows(const ColumnRun& run, int64_t length, int64_t size, Join join) {
  bool accepted = true;
  for (int64_t k = 0; k < length; k++) {
    const char* index = run.base[kIndex] + k * run.along[kIndex];
    const char* from = run.base[kSource] + k * run.along[kSource];
    const int64_t lines = run.across[kIndex] ? 1 : run.count; // that one index is for
    for (int64_t j = 0; j < run.count; j += lines) {
      const int64_t i = index_at(index + j * run.across[kIndex]);
      if (has(size, i))
        join_row<Storage>(run.base[kResult] + i * run.along[kResult] + j * run.across[kResult],
                          run.across[kResult], from + j * run.across[kSource], run.across[kSource],
                          lines, join);
      else
        accepted = false;
    }
  }
  return accepted;
}

// Calls join(element of the result, element of src) for a run of lines of `length` elements, in the
// order of each line. Returns false where an index is no position.
template <class Storage, class Join>
bool scatter_run(const ColumnRun& run, int64_t length, int64_t size, Join join) {
  if (run.has_close_elements(kResult)) return scatter_lines<Storage>(run, length, size, join);
  return scatter_rows<Storage>(run, length, size, join);
}

// The steps of an index that lead to each position of a dim, in their order.
class Targets {
public:
  // False where a step leads nowhere.
  bool sort(const char* index, int64_t step, int64_t length, int64_t size) {
    ends_.assign(static_cast<size_t>(size) + 1, 0);
    steps_.resize(static_cast<size_t>(length));
    for (int64_t k = 0; k < length; k++) {
      const int64_t i = index_at(index + k * step);
      if (!has(size, i)) return false;
      ends_[static_cast<size_t>(i) + 1]++;
    }
    for (size_t i = 0; i < static_cast<size_t>(size); i++)
      ends_[i + 1] += ends_[i];
    std::vector<int64_t> next(ends_.begin(), ends_.end() - 1);
    for (int64_t k = 0; k < length; k++)
      steps_[static_cast<size_t>(next[static_cast<size_t>(index_at(index + k * step))]++)] = k;
    return true;
  }
  std::span<const int64_t> of(int64_t i) const {
    const auto at = static_cast<size_t>(i);
    return {steps_.data() + ends_[at], static_cast<size_t>(ends_[at + 1] - ends_[at])};
  }

private:
  std::vector<int64_t> ends_, steps_;
};

// Says whether every index is a position of a dim of `size`.
bool are_inside(const View& index, int64_t size) {
  if (index.meta->numel() == 0) return true;
  const View views[] = {index};
  const StridedLoop loop(views);
  StridedCursor at(loop, 0);
  for (int64_t k = 0; k < loop.numel; k++) {
    if (!has(size, index_at(at.at(0)))) return false;
    at.advance(1);
  }
  return true;
}

// Puts the element of src in the place of what was there.
template <class Word> struct Replace {
  void operator()(Word& to, const Word& from) const { to = from; }
};

// Says whether all lines along `dim` share one index, which leads to many rows of adjacent
// elements.
bool are_rows(const RoutineCall& call, int dim) {
  const View &x = call.operands[0], &index = call.operands[1], &src = call.operands[2];
  const Meta& to = *call.result.meta;
  if (to.numel() < kManyElements || !to.contiguous || to.strides[dim] < kLeastRow ||
      !x.meta->contiguous || !src.meta->contiguous)
    return false;
  for (int d = 0; d < to.rank; d++) {
    if (d == dim) continue;
    const int64_t size = index.meta->sizes[d];
    if (size != to.sizes[d] || (index.meta->strides[d] != 0 && size > 1)) return false;
  }
  return index.meta->sizes[dim] * 4 >= to.sizes[dim];
}

// Makes each row of the result once, a piece at a time: copied from x, then joined with those of
// src that lead to it.
template <class Storage, class Join> bool scatter_to_rows(const RoutineCall& call, Join join) {
  constexpr int64_t kPiece = 4096, item = sizeof(Storage);
  constexpr bool replaces = std::is_same_v<Join, Replace<Storage>>;
  const View &x = call.operands[0], &index = call.operands[1], &src = call.operands[2];
  const Meta& m = *call.result.meta;
  const int dim = static_cast<int>(call.structure[0]);
  const int64_t length = index.meta->sizes[dim], size = m.sizes[dim], row = m.strides[dim];
  Targets targets;
  if (!targets.sort(index.as<char>(),
                    index.meta->strides[dim] * static_cast<int64_t>(sizeof(int64_t)), length, size))
    return call.refuse_index(index, size);
  const int64_t pieces = (row + kPiece - 1) / kPiece, rows = m.numel() / row;
  parallel_for(rows * pieces, std::max<int64_t>(1, kManyElements / std::min(row, kPiece)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; u++) {
                   const int64_t r = u / pieces, first = u % pieces * kPiece;
                   const int64_t n = std::min(kPiece, row - first), at = r * row + first;
                   char* to = call.result.as<char>() + at * item;
                   const char* from = src.as<char>() + (r / size * length * row + first) * item;
                   std::span<const int64_t> steps = targets.of(r % size);
                   if (replaces && !steps.empty())
                     steps = steps.last(1);
                   else
                     std::memcpy(to, x.as<char>() + at * item, static_cast<size_t>(n * item));
                   for (int64_t k : steps)
                     join_row<Storage>(to, item, from + k * row * item, item, n, join);
                 }
               });
  return true;
}

template <class Storage, class Join> bool scatter_all(const RoutineCall& call, Join join) {
  const View &x = call.operands[0], &index = call.operands[1], &src = call.operands[2];
  const int dim = static_cast<int>(call.structure[0]);
  const int64_t length = index.meta->sizes[dim], size = x.meta->sizes[dim];
  const bool is_in_place = x.data == call.result.data;
  // A call in place that is refused leaves its target as it was.
  if (is_in_place && !are_inside(index, size)) return call.refuse_index(index, size);
  if (!is_in_place && are_rows(call, dim)) return scatter_to_rows<Storage>(call, join);
  if (!is_in_place && x.meta->numel()) copy_elements(x, call.result);
  if (index.meta->numel() == 0) return true;
  // Only the window that the index covers is written.
  Meta window = *index.meta;
  window.dtype = x.meta->dtype;
  std::copy_n(call.result.meta->strides, window.rank, window.strides);
  const View views[] = {{call.result.data, &window}, index, src};
  const Columns columns(views, dim, length);
  std::atomic<bool> accepted{true};
  columns.each([&](const ColumnRun& run) {
    if (!scatter_run<Storage>(run, length, size, join))
      accepted.store(false, std::memory_order_relaxed);
  });
  return accepted.load() || call.refuse_index(index, size);
}

// Joins elements in the type that they are computed in.
template <class Combine> bool scatter_joined(const RoutineCall& call, Combine combine) {
  return kernels::visit_element(call.operands[0].meta->dtype, [&](auto element) {
    using Storage = typename kernels::Element<decltype(element)::value>::Storage;
    return scatter_all<Storage>(call, [&](Storage& to, const Storage& from) {
      to = kernels::convert<Storage>(combine(kernels::widen(to), kernels::widen(from)));
    });
  });
}

} // namespace

bool routine_scatter(const RoutineCall& call) {
  return kernels::visit_width(call.operands[0].meta->dtype, [&](auto word) {
    using Word = decltype(word);
    return scatter_all<Word>(call, Replace<Word>());
  });
}

bool routine_scatter_add(const RoutineCall& call) {
  return scatter_joined(call, [](auto a, auto b) { return kernels::wrapping_add(a, b); });
}

bool routine_scatter_fold(const RoutineCall& call) {
  switch (call.structure[1]) {
  case 0:
    return scatter_joined(call, [](auto a, auto b) { return kernels::wrapping_mul(a, b); });
  case 1:
    return scatter_joined(call, [](auto a, auto b) { return kernels::greater_of(a, b); });
  default:
    return scatter_joined(call, [](auto a, auto b) { return kernels::less_of(a, b); });
  }
}

} // namespace weft
