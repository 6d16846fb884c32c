// The scatters: a copy of x, or x itself in place, into which lines of src go in the order of the
// index. Lines are shared out among threads, never cut.

#include "kernels/element_fold.h"
#include "runtime/core/columns.h"
#include "runtime/core/execute.h"
#include "runtime/core/routine.h"

#include <atomic>

namespace weft {

namespace {

enum Array { kResult, kIndex, kSource }; // of a column run

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
  for (int64_t j = 0; j < run.count; j++) {
    char* to = run.base[kResult] + j * run.across[kResult];
    const char* index = run.base[kIndex] + j * run.across[kIndex];
    const char* from = run.base[kSource] + j * run.across[kSource];
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

template <class Storage, class Join> bool scatter_all(const RoutineCall& call, Join join) {
  const View &x = call.operands[0], &index = call.operands[1], &src = call.operands[2];
  const int dim = static_cast<int>(call.structure[0]);
  const int64_t length = index.meta->sizes[dim], size = x.meta->sizes[dim];
  const bool is_in_place = x.data == call.result.data;
  // A call in place that is refused leaves its target as it was.
  if (is_in_place && !are_inside(index, size)) return false;
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
  return accepted.load();
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
    return scatter_all<Word>(call, [](Word& to, const Word& from) { to = from; });
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
