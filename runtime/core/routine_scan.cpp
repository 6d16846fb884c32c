// Scans: lines along the dim. Lines of adjacent elements are walked a few at a time, others in
// blocks of neighbours. Floating elements are joined in f64.

#include "kernels/element_fold.h"
#include "runtime/core/columns.h"
#include "runtime/core/routine.h"

#include <cmath>
#include <tuple>

namespace weft {

namespace {

template <class Compute>
using Wide = std::conditional_t<std::is_floating_point_v<Compute>, double, Compute>;

constexpr int kTogether = 4;   // lines of adjacent elements; an L1 has room for those a page apart
constexpr int64_t kLines = 64; // whose accumulators are at hand
constexpr int64_t kSteps = 64; // along them, whose elements are
constexpr int64_t kRow =
    1024; // lines of adjacent rows, which are read in place: as long as L1 allows

// A block of lines for some steps: element (k, j) is that of step k on line j, lines adjacent.
// Where they lie otherwise in memory, a copy in L1.
template <class T> class Block {
public:
  void place(const ColumnRun& run, int array, int64_t line, int64_t step) {
    at_ = run.base[array] + line * run.across[array] + step * run.along[array];
    memory_ = {run.along[array], run.across[array]};
  }
  void gather(int64_t steps, int64_t lines) {
    prepare(lines);
    if (is_copy()) copy_tile(at_, memory_, copy_, {row_, kItem}, steps, lines, kItem);
  }
  void prepare(int64_t lines) {
    is_dense_ = memory_.across == kItem || lines == 1;
    row_ = is_dense_ ? memory_.down : lines * kItem;
  }
  void scatter(int64_t steps, int64_t lines) const {
    if (is_copy()) copy_tile(copy_, {row_, kItem}, at_, memory_, steps, lines, kItem);
  }
  T* row(int64_t k) { return reinterpret_cast<T*>((is_dense_ ? at_ : copy_) + k * row_); }

private:
  static constexpr int64_t kItem = sizeof(T);
  bool is_copy() const { return !is_dense_; }

  char* at_ = nullptr;
  TileSteps memory_{};
  int64_t row_ = 0;
  bool is_dense_ = false;
  alignas(64) char copy_[kLines * kSteps * kItem];
};

template <class Accumulator, class Step, class To, class... From>
void walk_row(Accumulator* accumulators, int64_t position, int64_t lines, Step& step, To* to,
              const From*... from) {
  for (int64_t j = 0; j < lines; j++)
    step(accumulators[j], position, to[j], from[j]...);
}

template <class T> T* line_of(const ColumnRun& run, int array, int64_t line) {
  return reinterpret_cast<T*>(run.base[array] + line * run.across[array]);
}

// `count` lines of adjacent elements at once: what one waits for hides behind the others.
template <int count, class To, class... From, class Accumulator, class Step>
void walk_lines(const ColumnRun& run, int64_t line, int64_t length, bool is_reversed,
                const Accumulator& start, Step& step) {
  Accumulator accumulators[count];
  To* to[count];
  std::tuple<const From*...> from[count];
  for (int j = 0; j < count; j++) {
    accumulators[j] = start;
    to[j] = line_of<To>(run, 0, line + j);
    std::apply(
        [&](const From*&... p) {
          int array = 1;
          ((p = line_of<const From>(run, array++, line + j)), ...);
        },
        from[j]);
  }
  for (int64_t i = 0; i < length; i++) {
    const int64_t k = is_reversed ? length - 1 - i : i;
#pragma GCC unroll 4
    for (int j = 0; j < count; j++)
      std::apply([&](const From*... p) { step(accumulators[j], k, to[j][k], p[k]...); }, from[j]);
  }
}

// Calls step(accumulator, position, result, elements...) along each line, from its other end where
// it is reversed; `start` begins one.
template <class To, class... From, class Accumulator, class Step>
void walk(const ColumnRun& run, int64_t length, bool is_reversed, const Accumulator& start,
          Step step) {
  int array = 1;
  bool is_adjacent = run.along[0] == sizeof(To);
  ((is_adjacent = is_adjacent && run.along[array++] == sizeof(From)), ...);
  if (is_adjacent) {
    int64_t line = 0;
    for (; line + kTogether <= run.count; line += kTogether)
      walk_lines<kTogether, To, From...>(run, line, length, is_reversed, start, step);
    for (; line < run.count; line++)
      walk_lines<1, To, From...>(run, line, length, is_reversed, start, step);
    return;
  }
  bool is_row = run.across[0] == sizeof(To);
  array = 1;
  ((is_row = is_row && run.across[array++] == sizeof(From)), ...);
  const int64_t most = is_row ? kRow : kLines;
  Accumulator accumulators[kRow];
  Block<To> to;
  std::tuple<Block<From>...> from;
  for (int64_t line = 0; line < run.count; line += most) {
    const int64_t lines = std::min(most, run.count - line);
    std::fill_n(accumulators, lines, start);
    for (int64_t done = 0; done < length; done += kSteps) {
      const int64_t steps = std::min(kSteps, length - done);
      const int64_t first = is_reversed ? length - done - steps : done;
      to.place(run, 0, line, first);
      to.prepare(lines);
      std::apply(
          [&](auto&... block) {
            int array = 1;
            ((block.place(run, array++, line, first), block.gather(steps, lines)), ...);
            for (int64_t i = 0; i < steps; i++) {
              const int64_t k = is_reversed ? steps - 1 - i : i;
              walk_row(accumulators, first + k, lines, step, to.row(k), block.row(k)...);
            }
          },
          from);
      to.scatter(steps, lines);
    }
  }
}

// log(exp(a) + exp(b)) without overflow.
double log_add(double a, double b) {
  if (a != a || b != b) return a + b;
  const double high = std::max(a, b), low = std::min(a, b);
  return high == low && std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
}

template <class Storage, class Compute, class Combine>
void scan_lines(const RoutineCall& call, Wide<Compute> start, Combine combine) {
  const View views[] = {call.result, call.operands[0]};
  const int dim = static_cast<int>(call.structure[0]);
  const int64_t length = call.result.meta->sizes[dim];
  const bool is_reversed = call.structure[2];
  Columns(views, dim, length).each([&](const ColumnRun& run) {
    walk<Storage, Storage>(run, length, is_reversed, start,
                           [&](Wide<Compute>& sum, int64_t, Storage& y, const Storage& x) {
                             sum = combine(sum, static_cast<Wide<Compute>>(kernels::widen(x)));
                             y = kernels::convert<Storage>(static_cast<Compute>(sum));
                           });
  });
}

template <class T> struct Best {
  T value{};
  int64_t at = -1; // no element yet
};

} // namespace

bool routine_scan(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  kernels::visit_element(call.result.meta->dtype, [&](auto element) {
    using Storage = typename kernels::Element<decltype(element)::value>::Storage;
    using Compute = typename kernels::Element<decltype(element)::value>::Compute;
    switch (call.structure[1]) {
    case 0:
      return scan_lines<Storage, Compute>(
          call, 0, [](auto a, auto b) { return kernels::wrapping_add(a, b); });
    case 1:
      return scan_lines<Storage, Compute>(
          call, 1, [](auto a, auto b) { return kernels::wrapping_mul(a, b); });
    default:
      if constexpr (std::is_floating_point_v<Compute>)
        scan_lines<Storage, Compute>(call, -INFINITY, log_add);
    }
  });
  return true;
}

bool routine_scan_position(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const View views[] = {call.result, call.operands[0]};
  const int dim = static_cast<int>(call.structure[0]);
  const int64_t length = call.result.meta->sizes[dim];
  const bool least = call.structure[1];
  kernels::visit_element(call.operands[0].meta->dtype, [&](auto element) {
    using Storage = typename kernels::Element<decltype(element)::value>::Storage;
    using T = decltype(kernels::widen(Storage()));
    Columns(views, dim, length).each([&](const ColumnRun& run) {
      walk<int64_t, Storage>(run, length, false, Best<T>(),
                             [&](Best<T>& best, int64_t k, int64_t& y, const Storage& element) {
                               const T x = kernels::widen(element);
                               const bool is_better = best.value == best.value &&
                                                      (least ? x <= best.value : x >= best.value);
                               if (best.at < 0 || x != x || is_better) best = {x, k};
                               y = best.at;
                             });
    });
  });
  return true;
}

bool routine_recurrence(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const View views[] = {call.result, call.operands[0], call.operands[1]};
  const int dim = static_cast<int>(call.structure[0]);
  const int64_t length = call.result.meta->sizes[dim];
  const bool is_reversed = call.structure[1];
  kernels::visit_element(call.result.meta->dtype, [&](auto element) {
    using Storage = typename kernels::Element<decltype(element)::value>::Storage;
    using Compute = typename kernels::Element<decltype(element)::value>::Compute;
    const int64_t start = is_reversed ? length - 1 : 0;
    Columns(views, dim, length).each([&](const ColumnRun& run) {
      walk<Storage, Storage, Storage>(
          run, length, is_reversed, 0.0,
          [&](double& y, int64_t k, Storage& to, const Storage& factor, const Storage& term) {
            const auto a = static_cast<double>(kernels::widen(factor));
            const auto b = static_cast<double>(kernels::widen(term));
            y = k == start ? b : a * y + b; // the first factor meets nothing, whatever it is
            to = kernels::convert<Storage>(static_cast<Compute>(y));
          });
    });
  });
  return true;
}

} // namespace weft
