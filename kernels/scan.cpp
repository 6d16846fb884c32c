// Lines are taken some at a time, in rows of one step each: plain loops, which the compiler turns
// into vectors of each target. Rows that do not lie in memory are those of tiles in L1, to which
// adjacent elements of lines are turned in registers.
#include "kernels/scan.h"
#include "kernels/element_fold.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/scan.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
#include "kernels/square-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::scans::HWY_NAMESPACE {
using weft::kernels::HWY_NAMESPACE::turn_square;

constexpr int64_t kRow = 1024; // lines of rows in memory: L1 has room for their totals
constexpr int kTile = 16;      // steps of a tile: a cache line of f32
// Lines of a tile: streams of memory each way, of which a processor follows so many.
constexpr int kLines = HWY_MAX_BYTES >= 64 ? 16 : 8;
constexpr int64_t kFew = kLines / 2; // lines below which each is walked by itself
constexpr int64_t kAhead = 64;       // steps from a tile to what is asked for meanwhile
constexpr int kTogether = 8;         // steps for which totals stay in registers

template <class Compute>
using Wide = std::conditional_t<std::is_floating_point_v<Compute>, double, Compute>;

// What is joined along a line: begin() gives the total of its first step, join() that of the next
// one, and result() what is written.

template <DType dtype> struct Joining {
  using From = typename Element<dtype>::Storage;
  using To = From;
  using Compute = typename Element<dtype>::Compute;
  using Total = Wide<Compute>;
  static constexpr int arrays = 1;
  static Total widened(From x) { return static_cast<Total>(widen(x)); }
  static To result(Total total) { return convert<To>(static_cast<Compute>(total)); }
};

template <DType dtype> struct Sum : Joining<dtype> {
  using typename Joining<dtype>::Total, typename Joining<dtype>::From;
  static Total begin(From x) { return join(0, 0, x); } // the sum of -0 is 0
  static Total join(Total total, int64_t, From x) {
    return wrapping_add(total, Joining<dtype>::widened(x));
  }
};

template <DType dtype> struct Product : Joining<dtype> {
  using typename Joining<dtype>::Total, typename Joining<dtype>::From;
  static Total begin(From x) { return join(1, 0, x); }
  static Total join(Total total, int64_t, From x) {
    return wrapping_mul(total, Joining<dtype>::widened(x));
  }
};

// log(exp(a) + exp(b)) without overflow.
template <DType dtype> struct LogSumExp : Joining<dtype> {
  using typename Joining<dtype>::From;
  static double begin(From x) { return Joining<dtype>::widened(x); }
  static double join(double a, int64_t, From x) {
    const double b = Joining<dtype>::widened(x);
    if (a != a || b != b) return a + b;
    const double high = std::max(a, b), low = std::min(a, b);
    return high == low && std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
  }
};

template <DType dtype> struct Recurrence : Joining<dtype> {
  using typename Joining<dtype>::From;
  static constexpr int arrays = 2;
  static double begin(From, From term) { return Joining<dtype>::widened(term); }
  static double join(double total, int64_t, From factor, From term) {
    return Joining<dtype>::widened(factor) * total + Joining<dtype>::widened(term);
  }
};

template <class T> struct Best {
  T value;
  int64_t at;
};

template <bool least, DType dtype> struct Position {
  using From = typename Element<dtype>::Storage;
  using To = int64_t;
  using Total = Best<typename Element<dtype>::Compute>;
  static constexpr int arrays = 1;
  static Total begin(From x) { return {widen(x), 0}; }
  static Total join(Total best, int64_t k, From element) {
    const auto x = widen(element);
    const bool is_better = (x != x) | (least ? x <= best.value : x >= best.value);
    return {is_better ? x : best.value, is_better ? k : best.at};
  }
  static To result(Total best) { return best.at; }
};

// Totals of lines; of a Best its members apart.
template <class Total, int64_t lines> struct Totals {
  alignas(64) Total all[lines];
  Total load(int64_t j) const { return all[j]; }
  void store(int64_t j, Total total) { all[j] = total; }
};
template <class T, int64_t lines> struct Totals<Best<T>, lines> {
  alignas(64) T values[lines];
  alignas(64) int64_t positions[lines];
  Best<T> load(int64_t j) const { return {values[j], positions[j]}; }
  void store(int64_t j, Best<T> best) {
    values[j] = best.value;
    positions[j] = best.at;
  }
};

// Rows of elements, one a step.
template <class T> struct Rows {
  char* at;
  int64_t step;
  T* operator[](int64_t k) const { return reinterpret_cast<T*>(at + k * step); }
};
template <class F> struct AllRows {
  Rows<typename F::To> to;
  Rows<const typename F::From> from[F::arrays];
};

// Joins rows k .. k + steps, of which the first has number `position` in its line.
template <class F, int steps, bool begins, class State>
HWY_INLINE void join_steps(const AllRows<F>& rows, int64_t k, int64_t position, int64_t lines,
                           State& totals) {
  typename F::To* to[steps];
  const typename F::From* from[F::arrays][steps];
  for (int i = 0; i < steps; i++) {
    to[i] = rows.to[k + i];
    for (int a = 0; a < F::arrays; a++)
      from[a][i] = rows.from[a][k + i];
  }
  // A result is new memory: no row is another one.
#pragma GCC ivdep
  for (int64_t j = 0; j < lines; j++) {
    typename F::Total total{};
    if constexpr (!begins) total = totals.load(j);
#pragma GCC unroll 8
    for (int i = 0; i < steps; i++) {
      if constexpr (F::arrays == 2)
        total = begins ? F::begin(from[0][i][j], from[1][i][j])
                       : F::join(total, position + i, from[0][i][j], from[1][i][j]);
      else
        total = begins ? F::begin(from[0][i][j]) : F::join(total, position + i, from[0][i][j]);
      to[i][j] = F::result(total);
    }
    totals.store(j, total);
  }
}

// Joins `steps` > 0 rows, of which the first has number `first` in its line.
template <class F, class State>
HWY_INLINE void join_rows(const AllRows<F>& rows, int64_t first, int64_t steps, int64_t lines,
                          State& totals) {
  int64_t k = 0;
  if (first == 0) join_steps<F, 1, true>(rows, k++, 0, lines, totals);
  for (; k + kTogether <= steps; k += kTogether)
    join_steps<F, kTogether, false>(rows, k, first + k, lines, totals);
  for (; k < steps; k++)
    join_steps<F, 1, false>(rows, k, first + k, lines, totals);
}

//===--- Tiles --------------------------------------------------------------------------------===//

template <int bytes> struct Unsigned;
template <> struct Unsigned<1> { using Type = uint8_t; };
template <> struct Unsigned<2> { using Type = uint16_t; };
template <> struct Unsigned<4> { using Type = uint32_t; };
template <> struct Unsigned<8> { using Type = uint64_t; };

// Moves a part of an array, some steps along some lines from `at` on, to rows of a tile, or back.
// Words are moved, whatever they mean: so there is one of it for each width.
template <class Word, bool to_rows> class TileMove {
public:
  using Array = ScanLines::Array;

  static HWY_NOINLINE void run(const Array& array, char* at, char* rows, int64_t steps,
                               int64_t lines) {
    if (steps == kTile && lines == kLines && std::abs(array.step) == kItem)
      return turn(array, at, rows);
    for (int64_t k = 0; k < steps; k++)
      for (int64_t j = 0; j < lines; j++) {
        char* row = rows + k * kRowBytes + j * kItem;
        char* memory = at + k * array.step + j * array.across;
        std::memcpy(to_rows ? row : memory, to_rows ? memory : row, kItem);
      }
  }

private:
  static constexpr int64_t kItem = sizeof(Word), kRowBytes = kItem * kLines;

  // A whole tile, in squares of a vector's lanes, those of the same lines one after the other:
  // lines of memory that are a power of two apart share one set of the cache. A scan that goes down
  // in memory has its last row where lines begin there.
  static void turn(const Array& array, char* at, char* rows) {
    constexpr int n = std::clamp<int>(HWY_MAX_BYTES / kItem, 2, kLines);
    char* low = array.step < 0 ? at + (kTile - 1) * array.step : at;
    char* first = array.step < 0 ? rows + (kTile - 1) * kRowBytes : rows;
    const int64_t row_step = array.step < 0 ? -kRowBytes : kRowBytes;
    for (int64_t line = 0; line < kLines; line += n)
      for (int64_t k = 0; k < kTile; k += n) {
        char* memory = low + line * array.across + k * kItem;
        char* row = first + k * row_step + line * kItem;
        if constexpr (to_rows)
          turn_square<Word, n>(memory, array.across, row, row_step);
        else
          turn_square<Word, n>(row, row_step, memory, array.across);
      }
  }
};

// A part of an array, in the order of the scan: some steps along some lines.
template <class T> class Tile {
public:
  using Array = ScanLines::Array;

  /// Reads what there is of a tile from `at` on; the rest is anything.
  void gather(const Array& array, char* at, int64_t steps, int64_t lines) {
    TileMove<Word, true>::run(array, at, rows().at, steps, lines);
  }
  void scatter(const Array& array, char* at, int64_t steps, int64_t lines) {
    TileMove<Word, false>::run(array, at, rows().at, steps, lines);
  }
  Rows<T> rows() { return {reinterpret_cast<char*>(rows_), sizeof(rows_[0])}; }

private:
  using Word = typename Unsigned<sizeof(T)>::Type;

  alignas(64) T rows_[kTile][kLines] = {};
};

// All of it, as rows.
template <class F> AllRows<F> rows_of(Tile<typename F::To>& to, Tile<typename F::From>* from) {
  AllRows<F> rows;
  rows.to = to.rows();
  for (int a = 0; a < F::arrays; a++)
    rows.from[a] = {from[a].rows().at, from[a].rows().step};
  return rows;
}

// Asks for what tiles further on have of lines, behind their end for that of the lines after them:
// there are more of them than a processor follows.
template <int writes>
inline void prefetch(const ScanLines& all, const ScanLines::Array& array, int64_t line, int64_t k) {
  k += kAhead;
  if (k >= all.steps) {
    line += kLines;
    k -= all.steps;
  }
  const char* at = array.at + k * array.step + line * array.across;
  for (int64_t j = 0; j < kLines; j++)
    __builtin_prefetch(at + j * array.across, writes);
}

template <class F> void scan_tiles(const ScanLines& all, int64_t line, int64_t lines) {
  Totals<typename F::Total, kLines> totals;
  Tile<typename F::To> to;
  Tile<typename F::From> from[F::arrays];
  auto at = [&](const ScanLines::Array& array, int64_t k)
                HWY_ATTR { return array.at + k * array.step + line * array.across; };
  for (int64_t k = 0; k < all.steps; k += kTile) {
    const int64_t steps = std::min<int64_t>(kTile, all.steps - k);
    for (int a = 0; a < F::arrays; a++)
      prefetch<0>(all, all.from[a], line, k);
    prefetch<1>(all, all.to, line, k);
    for (int a = 0; a < F::arrays; a++)
      from[a].gather(all.from[a], at(all.from[a], k), steps, lines);
    join_rows<F>(rows_of<F>(to, from), k, kTile, kLines, totals);
    to.scatter(all.to, at(all.to, k), steps, lines);
  }
}

// One line by itself, whose total stays in a register.
template <class F> void scan_line(const ScanLines& all, int64_t line) {
  const Rows<typename F::To> to{all.to.at + line * all.to.across, all.to.step};
  Rows<const typename F::From> from[F::arrays];
  for (int a = 0; a < F::arrays; a++)
    from[a] = {all.from[a].at + line * all.from[a].across, all.from[a].step};
  typename F::Total total{};
  for (int64_t k = 0; k < all.steps; k++) {
    if constexpr (F::arrays == 2)
      total = k ? F::join(total, k, *from[0][k], *from[1][k]) : F::begin(*from[0][k], *from[1][k]);
    else
      total = k ? F::join(total, k, *from[0][k]) : F::begin(*from[0][k]);
    *to[k] = F::result(total);
  }
}

template <class F> void scan_rows(const ScanLines& all, int64_t line, int64_t lines) {
  Totals<typename F::Total, kRow> totals;
  AllRows<F> rows;
  rows.to = {all.to.at + line * all.to.across, all.to.step};
  for (int a = 0; a < F::arrays; a++)
    rows.from[a] = {all.from[a].at + line * all.from[a].across, all.from[a].step};
  join_rows<F>(rows, 0, all.steps, lines, totals);
}

template <class F> void scan(const ScanLines& all) {
  bool lies_in_rows = all.to.across == sizeof(typename F::To);
  for (int a = 0; a < F::arrays; a++)
    lies_in_rows = lies_in_rows && all.from[a].across == sizeof(typename F::From);
  const int64_t most = lies_in_rows ? kRow : kLines;
  for (int64_t line = 0; line < all.lines; line += most) {
    const int64_t lines = std::min(most, all.lines - line);
    if (lies_in_rows && lines > 1)
      scan_rows<F>(all, line, lines);
    else if (lines >= kFew)
      scan_tiles<F>(all, line, lines);
    else
      for (int64_t j = 0; j < lines; j++)
        scan_line<F>(all, line + j);
  }
}

ScanKernel find_scan(ScanFold fold, DType dtype) {
  return visit_element(dtype, [&]<DType type>(std::integral_constant<DType, type>) -> ScanKernel {
    switch (fold) {
    case ScanFold::sum:
      return &scan<Sum<type>>;
    case ScanFold::product:
      return &scan<Product<type>>;
    case ScanFold::log_sum_exp:
      if constexpr (is_floating(type)) return &scan<LogSumExp<type>>;
    }
    return nullptr;
  });
}

ScanKernel find_recurrence(DType dtype) {
  return visit_element(dtype, []<DType type>(std::integral_constant<DType, type>) -> ScanKernel {
    if constexpr (is_floating(type)) return &scan<Recurrence<type>>;
    return nullptr;
  });
}

ScanKernel find_position(bool is_least, DType dtype) {
  return visit_element(dtype, [&]<DType type>(std::integral_constant<DType, type>) -> ScanKernel {
    return is_least ? &scan<Position<true, type>> : &scan<Position<false, type>>;
  });
}

} // namespace weft::kernels::scans::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {
namespace scans {
HWY_EXPORT(find_scan);
HWY_EXPORT(find_recurrence);
HWY_EXPORT(find_position);
} // namespace scans

ScanKernel scan_kernel(ScanFold fold, DType dtype) {
  using namespace scans;
  return HWY_DYNAMIC_DISPATCH(find_scan)(fold, dtype);
}
ScanKernel recurrence_kernel(DType dtype) {
  using namespace scans;
  return HWY_DYNAMIC_DISPATCH(find_recurrence)(dtype);
}
ScanKernel scan_position_kernel(bool is_least, DType dtype) {
  using namespace scans;
  return HWY_DYNAMIC_DISPATCH(find_position)(is_least, dtype);
}
} // namespace weft::kernels
#endif
