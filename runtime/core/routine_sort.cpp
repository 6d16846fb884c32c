// Orders and searches: positions of sorted elements, of those that are not 0, and in sorted
// sequences.

#include "kernels/element_fold.h"
#include "runtime/core/columns.h"
#include "runtime/core/routine.h"

#include <algorithm>
#include <vector>

namespace weft {

namespace {

template <class T> struct Entry {
  T value;
  int64_t at;
};

// Puts the first `count` entries in order. Positions decide between equal elements: so the order is
// one and the same however it is found.
template <class T> void order(std::vector<Entry<T>>& entries, int64_t count, bool descending) {
  auto is_first = [descending](const Entry<T>& a, const Entry<T>& b) {
    const T &low = descending ? b.value : a.value, &high = descending ? a.value : b.value;
    if (kernels::is_before(low, high)) return true;
    return !kernels::is_before(high, low) && a.at < b.at;
  };
  const auto middle = entries.begin() + count;
  if (count < static_cast<int64_t>(entries.size())) {
    std::nth_element(entries.begin(), middle, entries.end(), is_first);
    std::sort(entries.begin(), middle, is_first);
  } else {
    std::sort(entries.begin(), entries.end(), is_first);
  }
}

template <class Storage>
int64_t lower_bound(const char* sorted, int64_t step, int64_t size, const Storage& value,
                    bool right) {
  const auto x = kernels::widen(value);
  int64_t low = 0, high = size;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto e = kernels::widen(*reinterpret_cast<const Storage*>(sorted + middle * step));
    const bool is_below = right ? !kernels::is_before(x, e) : kernels::is_before(e, x);
    if (is_below)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

} // namespace

bool routine_sort_positions(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const View views[] = {call.result, call.operands[0]};
  const int dim = static_cast<int>(call.structure[0]);
  const int64_t size = call.operands[0].meta->sizes[dim], count = call.sizes[0];
  const bool descending = call.structure[1];
  kernels::visit_element(call.operands[0].meta->dtype, [&](auto element) {
    using Storage = typename kernels::Element<decltype(element)::value>::Storage;
    Columns(views, dim, size).each([&](const ColumnRun& run) {
      std::vector<Entry<decltype(kernels::widen(Storage()))>> entries;
      for (int64_t j = 0; j < run.count; j++) {
        entries.resize(static_cast<size_t>(size));
        const char* from = run.base[1] + j * run.across[1];
        for (int64_t k = 0; k < size; k++)
          entries[static_cast<size_t>(k)] = {
              kernels::widen(*reinterpret_cast<const Storage*>(from + k * run.along[1])), k};
        order(entries, count, descending);
        char* to = run.base[0] + j * run.across[0];
        for (int64_t k = 0; k < count; k++)
          *reinterpret_cast<int64_t*>(to + k * run.along[0]) = entries[static_cast<size_t>(k)].at;
      }
    });
  });
  return true;
}

bool routine_nonzero_positions(const RoutineCall& call) {
  const View& x = call.operands[0];
  const int64_t count = call.sizes[0], n = x.meta->numel();
  const int rank = x.meta->rank;
  auto* to = call.result.as<int64_t>();
  int64_t found = 0;
  kernels::visit_element(x.meta->dtype, [&](auto element) {
    using Storage = typename kernels::Element<decltype(element)::value>::Storage;
    int64_t at[kMaxRank] = {};
    const auto* from = x.as<const char>();
    for (int64_t k = 0; k < n; k++) {
      if (kernels::widen(*reinterpret_cast<const Storage*>(from)) != 0 && found++ < count)
        to = std::copy_n(at, rank, to);
      for (int d = rank - 1; d >= 0; d--) {
        const int64_t step = x.meta->strides[d] * static_cast<int64_t>(sizeof(Storage));
        from += step;
        if (++at[d] < x.meta->sizes[d]) break;
        from -= step * at[d];
        at[d] = 0;
      }
    }
  });
  return found == count;
}

bool routine_search_sorted(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const View &sorted = call.operands[0], &values = call.operands[1];
  const int last = values.meta->rank - 1;
  const int64_t count = values.meta->sizes[last], size = sorted.meta->sizes[sorted.meta->rank - 1];
  const bool right = call.structure[0];
  // One sequence for all lines is one that stands still.
  Meta spread = *values.meta;
  std::fill_n(spread.strides, spread.rank, 0);
  std::copy_n(sorted.meta->strides, sorted.meta->rank,
              spread.strides + spread.rank - sorted.meta->rank);
  const View views[] = {call.result, {sorted.data, &spread}, values};
  kernels::visit_element(values.meta->dtype, [&](auto element) {
    using Storage = typename kernels::Element<decltype(element)::value>::Storage;
    Columns(views, last, count).each([&](const ColumnRun& run) {
      for (int64_t j = 0; j < run.count; j++)
        for (int64_t k = 0; k < count; k++)
          *reinterpret_cast<int64_t*>(run.base[0] + j * run.across[0] + k * run.along[0]) =
              lower_bound(run.base[1] + j * run.across[1], run.along[1], size,
                          *reinterpret_cast<const Storage*>(run.base[2] + j * run.across[2] +
                                                            k * run.along[2]),
                          right);
    });
  });
  return true;
}

} // namespace weft
