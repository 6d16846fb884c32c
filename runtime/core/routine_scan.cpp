// Scans: lines along the dim, a block of neighbours at a time. Floating elements are joined in f64.

#include "kernels/element_fold.h"
#include "runtime/core/columns.h"
#include "runtime/core/routine.h"

#include <cmath>

namespace weft {

namespace {

constexpr int64_t kBlock = 64; // neighbours whose accumulators are at hand

template <class Compute>
using Wide = std::conditional_t<std::is_floating_point_v<Compute>, double, Compute>;

/// A run of lines from its other end.
ColumnRun reversed(ColumnRun run, int arrays, int64_t length) {
  for (int a = 0; a < arrays; a++) {
    run.base[a] += (length - 1) * run.along[a];
    run.along[a] = -run.along[a];
  }
  return run;
}

// Calls step(accumulator, position, addresses...) along each line; `start` begins one.
template <class Accumulator, class Step>
void walk(const ColumnRun& run, int64_t length, const Accumulator& start, Step step) {
  Accumulator accumulators[kBlock];
  const int64_t block = run.has_close_elements(1) ? 1 : kBlock;
  for (int64_t first = 0; first < run.count; first += block) {
    const int64_t n = std::min(block, run.count - first);
    std::fill_n(accumulators, n, start);
    for (int64_t k = 0; k < length; k++)
      for (int64_t j = 0; j < n; j++)
        step(accumulators[j], k, [&](int array) {
          return run.base[array] + k * run.along[array] + (first + j) * run.across[array];
        });
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
  Columns(views, dim, length).each([&](const ColumnRun& given) {
    walk(is_reversed ? reversed(given, 2, length) : given, length, start,
         [&](Wide<Compute>& sum, int64_t, auto at) {
           sum = combine(sum, static_cast<Wide<Compute>>(
                                  kernels::widen(*reinterpret_cast<const Storage*>(at(1)))));
           *reinterpret_cast<Storage*>(at(0)) =
               kernels::convert<Storage>(static_cast<Compute>(sum));
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
      walk(run, length, Best<T>(), [&](Best<T>& best, int64_t k, auto at) {
        const T x = kernels::widen(*reinterpret_cast<const Storage*>(at(1)));
        const bool is_better =
            best.value == best.value && (least ? x <= best.value : x >= best.value);
        if (best.at < 0 || x != x || is_better) best = {x, k};
        *reinterpret_cast<int64_t*>(at(0)) = best.at;
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
    Columns(views, dim, length).each([&](const ColumnRun& given) {
      walk(is_reversed ? reversed(given, 3, length) : given, length, 0.0,
           [&](double& y, int64_t k, auto at) {
             const auto a = static_cast<double>(kernels::widen(*reinterpret_cast<Storage*>(at(1))));
             const auto b = static_cast<double>(kernels::widen(*reinterpret_cast<Storage*>(at(2))));
             y = k ? a * y + b : b; // the first factor meets nothing, whatever it is
             *reinterpret_cast<Storage*>(at(0)) =
                 kernels::convert<Storage>(static_cast<Compute>(y));
           });
    });
  });
  return true;
}

} // namespace weft
