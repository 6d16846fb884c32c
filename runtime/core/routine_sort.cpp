// Orders and searches: positions of sorted elements, and of elements in sorted sequences.

#include "kernels/element_fold.h"
#include "runtime/core/columns.h"
#include "runtime/core/routine.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

namespace weft {

namespace {

/// Numbers that are in order as elements are: NaN comes last, and -0 is 0.
constexpr uint64_t kSign64 = uint64_t{1} << 63;
constexpr uint32_t kSign32 = uint32_t{1} << 31;
constexpr uint32_t key_of(float x) {
  if (x != x) return ~uint32_t{0};
  const auto bits = std::bit_cast<uint32_t>(x + 0.0f);
  return bits & kSign32 ? ~bits : bits | kSign32;
}
constexpr uint64_t key_of(double x) {
  if (x != x) return ~uint64_t{0};
  const auto bits = std::bit_cast<uint64_t>(x + 0.0);
  return bits & kSign64 ? ~bits : bits | kSign64;
}
constexpr uint64_t key_of(int64_t x) { return static_cast<uint64_t>(x) ^ kSign64; }
constexpr uint32_t key_of(int32_t x) { return static_cast<uint32_t>(x) ^ kSign32; }
template <class Storage> constexpr auto key_of(Storage x) {
  if constexpr (std::is_integral_v<decltype(kernels::widen(x))>)
    return key_of(static_cast<int32_t>(kernels::widen(x)));
  else
    return key_of(kernels::widen(x));
}

/// A key and the position of its element in one word, where both have room in it.
struct Packed {
  static constexpr int kDigits = 4;
  uint64_t word;
  static Packed make(uint64_t key, int64_t at) { return {key << 32 | static_cast<uint64_t>(at)}; }
  int64_t at() const { return static_cast<int64_t>(word & 0xFFFFFFFFu); }
  uint8_t digit(int k) const { return static_cast<uint8_t>(word >> (32 + 8 * k)); }
  bool operator<(const Packed& o) const { return word < o.word; }
};
struct Paired {
  static constexpr int kDigits = 8;
  uint64_t key;
  int64_t position;
  static Paired make(uint64_t key, int64_t at) { return {key, at}; }
  int64_t at() const { return position; }
  uint8_t digit(int k) const { return static_cast<uint8_t>(key >> (8 * k)); }
  bool operator<(const Paired& o) const {
    return key != o.key ? key < o.key : position < o.position;
  }
};

// Sorts entries, which stand in the order of their positions, by their keys: a digit at a time from
// the lowest, each pass keeping the order of equal digits (Knuth, The Art of Computer Programming
// 3, 5.2.5). A digit that all keys share moves nothing.
template <class Entry>
void sort_by_digits(std::vector<Entry>& entries, std::vector<Entry>& scratch) {
  size_t counts[Entry::kDigits][256] = {};
  for (const Entry& e : entries)
    for (int k = 0; k < Entry::kDigits; k++)
      counts[k][e.digit(k)]++;
  scratch.resize(entries.size());
  for (int k = 0; k < Entry::kDigits; k++) {
    if (counts[k][entries[0].digit(k)] == entries.size()) continue;
    size_t start = 0;
    for (size_t& count : counts[k])
      start += std::exchange(count, start);
    for (const Entry& e : entries)
      scratch[counts[k][e.digit(k)]++] = e;
    entries.swap(scratch);
  }
}

// Puts the first `count` entries in order. Positions decide between equal elements: so the order is
// one and the same however it is found.
template <class Entry>
void order(std::vector<Entry>& entries, int64_t count, std::vector<Entry>& scratch) {
  constexpr size_t kFew = 256; // elements that are compared sooner than their digits are counted
  const auto middle = entries.begin() + count;
  if (static_cast<size_t>(count) < entries.size() / 4) {
    std::nth_element(entries.begin(), middle, entries.end());
    std::sort(entries.begin(), middle);
  } else if (entries.size() < kFew) {
    std::sort(entries.begin(), entries.end());
  } else {
    sort_by_digits(entries, scratch);
  }
}

// Sorts the lines of a run: array 0 takes positions, array 1 has elements of `size` to a line.
template <class Storage, class Entry>
void sort_lines(const ColumnRun& run, int64_t size, int64_t count, bool descending) {
  std::vector<Entry> entries, scratch;
  for (int64_t j = 0; j < run.count; j++) {
    entries.clear();
    const char* from = run.base[1] + j * run.across[1];
    for (int64_t k = 0; k < size; k++) {
      const auto key = key_of(*reinterpret_cast<const Storage*>(from + k * run.along[1]));
      entries.push_back(Entry::make(descending ? decltype(key)(~key) : key, k));
    }
    order(entries, count, scratch);
    char* to = run.base[0] + j * run.across[0];
    for (int64_t k = 0; k < count; k++)
      *reinterpret_cast<int64_t*>(to + k * run.along[0]) = entries[static_cast<size_t>(k)].at();
  }
}

constexpr int64_t kTogether = 16; // searches that hide each other's loads

// Counts the elements of a sorted sequence that stand before each of n values, or not behind it.
// The number of steps depends on the size alone, and no step is a jump.
template <bool right, class Storage>
void find_bounds(const char* sorted, int64_t step, int64_t size, const Storage* values, int64_t n,
                 int64_t* low) {
  std::fill_n(low, n, int64_t{0});
  for (int64_t left = size; left > 0;) {
    const int64_t half = left - left / 2;
    for (int64_t k = 0; k < n; k++) {
      const char* at = sorted + (low[k] + half - 1) * step;
      const auto e = kernels::widen(*reinterpret_cast<const Storage*>(at));
      const auto x = kernels::widen(values[k]);
      const bool counts = right ? !kernels::is_before(x, e) : kernels::is_before(e, x);
      low[k] += half & -static_cast<int64_t>(counts);
    }
    left -= half;
  }
}

template <bool right, class Storage>
void search_lines(const ColumnRun& run, int64_t count, int64_t size) {
  Storage values[kTogether];
  int64_t found[kTogether];
  for (int64_t j = 0; j < run.count; j++)
    for (int64_t k = 0; k < count; k += kTogether) {
      const int64_t n = std::min(kTogether, count - k);
      auto at = [&](int array) {
        return run.base[array] + j * run.across[array] + k * run.along[array];
      };
      copy_strided(reinterpret_cast<char*>(values), sizeof(Storage), at(2), run.along[2], n,
                   sizeof(Storage));
      find_bounds<right>(run.base[1] + j * run.across[1], run.along[1], size, values, n, found);
      copy_strided(at(0), run.along[0], reinterpret_cast<const char*>(found), sizeof(int64_t), n,
                   sizeof(int64_t));
    }
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
    constexpr bool is_short = sizeof(key_of(Storage())) == 4;
    Columns(views, dim, size).each([&](const ColumnRun& run) {
      if (is_short && size <= int64_t{1} << 32)
        sort_lines<Storage, Packed>(run, size, count, descending);
      else
        sort_lines<Storage, Paired>(run, size, count, descending);
    });
  });
  return true;
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
      if (right)
        search_lines<true, Storage>(run, count, size);
      else
        search_lines<false, Storage>(run, count, size);
    });
  });
  return true;
}

} // namespace weft
