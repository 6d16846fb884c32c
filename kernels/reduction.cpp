// Kernels of the reductions: rows and columns, in the trees of fold-inl.h.
#define WEFT_REDUCTIONS
#define WEFT_SHARD -1
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduction.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
#include "kernels/fold-inl.h"
#include "kernels/pointwise_table.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::reductions::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using namespace weft::kernels::HWY_NAMESPACE;

#include "weft/gen/lanes.inc"

constexpr int64_t kRowsABlock = 32; // rows of a column that one accumulator takes
constexpr size_t kMostGroups = 16;  // of 16 vectors, that go down together

// The address of a column's elements, one after the other.
template <class S> struct ColumnWalk {
  const ColumnPlaces* places;
  const int64_t* start;
  int64_t left;
  const S* column;
  const S* at;

  HWY_INLINE ColumnWalk(const ColumnPlaces& p, const S* first)
      : places(&p), start(p.starts), left(p.run), column(first), at(first + *start) {}
  HWY_INLINE void next() {
    at += places->stride;
    if (--left > 0) return;
    left = places->run;
    at = column + *++start;
  }
  HWY_INLINE void move_across(size_t columns) {
    column += columns;
    at += columns;
  }
};

/// `width` vectors side by side; of a single one only `count` columns where that is less.
template <size_t width, class F> struct Columns {
  using S = typename F::S;
  struct Group {
    typename F::State s[width];
  };

  F& fold;
  size_t count;

  HWY_INLINE Group combine(Group a, const Group& b) {
    for (size_t w = 0; w < width; w++)
      a.s[w] = fold.combine(a.s[w], b.s[w]);
    return a;
  }
  /// Reduces rows k to end; `row` goes from the first to the last of them.
  HWY_INLINE Group block(ColumnWalk<S>& row, int64_t k, int64_t end) {
    Group g;
#pragma GCC unroll 16
    for (size_t w = 0; w < width; w++)
      g.s[w] = at(row, k, w);
    for (k++; k < end; k++) {
      row.next();
#pragma GCC unroll 16
      for (size_t w = 0; w < width; w++)
        g.s[w] = fold.combine(g.s[w], at(row, k, w));
    }
    return g;
  }
  HWY_INLINE Group identity() {
    Group none;
    for (size_t w = 0; w < width; w++)
      none.s[w] = fold.identity();
    return none;
  }
  HWY_INLINE void store(const Group& g, int64_t n, typename F::Result* out) {
    for (size_t w = 0; w < width; w++)
      fold.store_result(g.s[w], n, out + w * F::lanes(), count);
  }

private:
  HWY_INLINE typename F::State at(const ColumnWalk<S>& row, int64_t k, size_t w) {
    const S* q = row.at + w * F::lanes();
    if constexpr (width == 1)
      if (count < F::lanes()) return fold.partial(q, count, k, false);
    return fold.whole(q, k, false);
  }
};

// One group down all rows.
template <size_t width, class F>
HWY_INLINE void tile(F& fold, const typename F::S* p, int64_t n, const ColumnPlaces& places,
                     size_t count, typename F::Result* out) {
  using C = Columns<width, F>;
  C columns{fold, count};
  typename C::Group levels[kLevels];
  Tree<C, typename C::Group> tree{columns, levels};
  ColumnWalk<typename F::S> row(places, p);
  for (int64_t k = 0; k < n; k += kRowsABlock) {
    if (k > 0) row.next();
    tree.push(columns.block(row, k, std::min<int64_t>(n, k + kRowsABlock)));
  }
  columns.store(tree.result(columns.identity()), n, out);
}

// Several groups side by side: all of them read some rows before the next ones, so that memory is
// read in long lines.
template <size_t width, class F>
HWY_NOINLINE void tiles(F& fold, const typename F::S* p, int64_t n, const ColumnPlaces& places,
                        size_t groups, typename F::Result* out) {
  using C = Columns<width, F>;
  using Group = typename C::Group;
  const size_t step = width * F::lanes();
  C columns{fold, F::lanes()};
  const size_t blocks = static_cast<size_t>((n - 1) / kRowsABlock + 1);
  const auto depth = static_cast<size_t>(std::bit_width(blocks));
  const auto levels = std::make_unique_for_overwrite<Group[]>(groups * depth);
  std::vector<Tree<C, Group>> trees;
  for (size_t g = 0; g < groups; g++)
    trees.push_back({columns, levels.get() + g * depth});
  ColumnWalk<typename F::S> row(places, p), end = row;
  for (int64_t k = 0; k < n; k += kRowsABlock, row = end) {
    for (size_t g = 0; g < groups; g++) {
      end = row;
      end.move_across(g * step);
      trees[g].push(columns.block(end, k, std::min<int64_t>(n, k + kRowsABlock)));
    }
    end.move_across(-((groups - 1) * step));
    if (k + kRowsABlock < n) end.next();
  }
  for (size_t g = 0; g < groups; g++)
    columns.store(trees[g].result(columns.identity()), n, out + g * step);
}

template <class F>
void columns(const void* in, int64_t n, const ColumnPlaces& places, int64_t count, void* out) {
  F fold;
  const auto* p = static_cast<const typename F::S*>(in);
  auto* result = static_cast<typename F::Result*>(out);
  const size_t lanes = F::lanes(), all = static_cast<size_t>(count);
  size_t c = 0;
  while (c + 16 * lanes <= all) {
    const size_t groups = std::min(kMostGroups, (all - c) / (16 * lanes));
    tiles<16>(fold, p + c, n, places, groups, result + c);
    c += groups * 16 * lanes;
  }
  for (; c + 4 * lanes <= all; c += 4 * lanes)
    tile<4>(fold, p + c, n, places, lanes, result + c);
  for (; c + lanes <= all; c += lanes)
    tile<1>(fold, p + c, n, places, lanes, result + c);
  if (c < all) tile<1>(fold, p + c, n, places, all - c, result + c);
}

template <class Op, DType dtype> constexpr ReductionKernel kernels() {
  constexpr bool exists = is_floating(dtype)        ? Op::floats
                          : dtype == DType::boolean ? Op::bools
                                                    : Op::integers;
  if constexpr (exists) {
    using F = Fold<Op, dtype>;
    return {&rows<F>, &columns<F>, &piece<F>, &finish<F>};
  } else {
    return {};
  }
}

#define WEFT_REDUCTION_ENTRY(name, symbol)                                                         \
  {Op::name,                                                                                       \
   {kernels<op::symbol, DType::f32>(), kernels<op::symbol, DType::f64>(),                          \
    kernels<op::symbol, DType::bf16>(), kernels<op::symbol, DType::i64>(),                         \
    kernels<op::symbol, DType::boolean>()}},

ReductionEntries entries() {
  static const ReductionEntry table[] = {WEFT_REDUCTION_OPS(WEFT_REDUCTION_ENTRY)};
  return table;
}

} // namespace weft::kernels::reductions::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {
namespace reductions {
HWY_EXPORT(entries);
static ReductionEntries chosen_entries() { return HWY_DYNAMIC_DISPATCH(entries)(); }
} // namespace reductions
ReductionEntries reduction_entries() { return reductions::chosen_entries(); }
} // namespace weft::kernels
#endif
