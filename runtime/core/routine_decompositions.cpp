// Decompositions of matrices: one matrix after the other, on several threads where there are many.

#include "kernels/decompositions.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/scratch.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

namespace weft {

namespace {

constexpr int64_t kPieceWork = int64_t{1} << 14; // products of numbers worth another thread

int size_from_end(const Meta& m, int k) { return static_cast<int>(m.sizes[m.rank - k]); }

/// How many matrices there are, and the sides of each.
struct Batch {
  int64_t count = 1;
  int m, n;

  explicit Batch(const Meta& x) : m(size_from_end(x, 2)), n(size_from_end(x, 1)) {
    for (int k = 0; k + 2 < x.rank; k++)
      count *= x.sizes[k];
  }
  int64_t grain() const {
    const int64_t shorter = std::min(m, n);
    return std::max<int64_t>(1, kPieceWork / (int64_t{m} * n * shorter + 1));
  }
};

/// Writes what Kernel(arguments...) makes of each matrix of the first operand; returns false where
/// it refuses one.
template <template <class> class Kernel, class... A>
bool decompose(const RoutineCall& call, A... arguments) {
  const Meta& m = *call.result.meta;
  if (m.numel() == 0) return true;
  const CompactOperand x(call.operands[0], m.dtype, *call.loc);
  const Batch batch(*call.operands[0].meta);
  const int64_t step = m.numel() / batch.count;
  std::atomic<bool> takes_all = true;
  const auto run = [&]<class T>(T) {
    const auto* matrices = reinterpret_cast<const T*>(x.data);
    parallel_for(batch.count, batch.grain(), [&](int64_t first, int64_t end) {
      Kernel<T> kernel(arguments...);
      for (int64_t k = first; k < end && takes_all; k++) {
        const T* matrix = matrices + k * batch.m * batch.n;
        T* rows = call.result.as<T>() + k * step;
        if constexpr (std::is_void_v<decltype(kernel(matrix, rows))>)
          kernel(matrix, rows);
        else if (!kernel(matrix, rows))
          takes_all = false;
      }
    });
  };
  if (m.dtype == DType::f32)
    run(float());
  else
    run(double());
  return takes_all;
}

/// Of fewer rows than columns, which a compiled program may be given: the rules refuse others.
bool is_wide(const RoutineCall& call) {
  const Batch batch(*call.operands[0].meta);
  return batch.m < batch.n;
}

template <class T> bool least_squares(const RoutineCall& call) {
  const Meta& m = *call.result.meta;
  const CompactOperand a(call.operands[0], m.dtype, *call.loc);
  const CompactOperand b(call.operands[1], m.dtype, *call.loc);
  const Batch batch(*call.operands[0].meta);
  const int columns = size_from_end(m, 1) - 1;
  const T rcond = *call.operands[2].as<T>();
  std::atomic<bool> takes_all = true;
  parallel_for(batch.count, batch.grain(), [&](int64_t first, int64_t end) {
    kernels::LeastSquares<T> kernel(batch.m, batch.n, columns);
    for (int64_t k = first; k < end && takes_all; k++)
      if (!kernel(reinterpret_cast<const T*>(a.data) + k * batch.m * batch.n,
                  reinterpret_cast<const T*>(b.data) + k * batch.m * columns, rcond,
                  call.result.as<T>() + k * batch.n * (columns + 1)))
        takes_all = false;
  });
  return takes_all;
}

} // namespace

bool routine_orthogonal_factors(const RoutineCall& call) {
  const Batch batch(*call.operands[0].meta);
  return !is_wide(call) &&
         decompose<kernels::OrthogonalFactors>(call, batch.m, batch.n, call.structure[0] != 0);
}

bool routine_eigen_system(const RoutineCall& call) {
  return decompose<kernels::EigenSystem>(call, size_from_end(*call.operands[0].meta, 1), true);
}

bool routine_eigenvalues(const RoutineCall& call) {
  return decompose<kernels::EigenSystem>(call, size_from_end(*call.operands[0].meta, 1), false);
}

bool routine_singular_system(const RoutineCall& call) {
  const Batch batch(*call.operands[0].meta);
  return !is_wide(call) && decompose<kernels::SingularSystem>(call, batch.m, batch.n, true);
}

bool routine_singular_values(const RoutineCall& call) {
  const Batch batch(*call.operands[0].meta);
  return !is_wide(call) && decompose<kernels::SingularSystem>(call, batch.m, batch.n, false);
}

bool routine_lu_factors(const RoutineCall& call) {
  const Batch batch(*call.operands[0].meta);
  return decompose<kernels::LuFactors>(call, batch.m, batch.n, call.structure[0] != 0);
}

bool routine_householder_factors(const RoutineCall& call) {
  const Batch batch(*call.operands[0].meta);
  return decompose<kernels::HouseholderFactors>(call, batch.m, batch.n);
}

bool routine_row_order(const RoutineCall& call) {
  const Meta& m = *call.result.meta;
  if (m.numel() == 0) return true;
  const CompactOperand pivots(call.operands[0], DType::i64, *call.loc);
  const int64_t rows = m.sizes[m.rank - 1];
  const int64_t count = call.operands[0].meta->sizes[m.rank - 1];
  const auto* pivot = reinterpret_cast<const int64_t*>(pivots.data);
  std::vector<int64_t> order(static_cast<size_t>(rows));
  for (auto *to = call.result.as<int64_t>(), *end = to + m.numel(); to < end; to += rows) {
    std::iota(order.begin(), order.end(), int64_t{0});
    for (int64_t k = 0; k < count; k++, pivot++) {
      if (*pivot < 1 || *pivot > rows) return false;
      std::swap(order[static_cast<size_t>(k)], order[static_cast<size_t>(*pivot - 1)]);
    }
    for (int64_t k = 0; k < rows; k++)
      if (call.structure[0])
        to[order[static_cast<size_t>(k)]] = k;
      else
        to[k] = order[static_cast<size_t>(k)];
  }
  return true;
}

bool routine_spectrum(const RoutineCall& call) {
  const View& system = call.operands[1];
  Meta last = *system.meta;
  last.rank--;
  const int64_t offset = (last.sizes[last.rank] - 1) * last.strides[last.rank];
  last.finish_strided();
  const auto bytes = static_cast<int64_t>(size_of(last.dtype));
  if (last.numel() > 0)
    copy_elements({static_cast<char*>(system.data) + offset * bytes, &last}, call.result);
  return true;
}

bool routine_pseudo_inverse(const RoutineCall& call) {
  if (call.result.meta->numel() > 0) copy_elements(call.operands[1], call.result);
  return true;
}

bool routine_least_squares(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  return call.result.meta->dtype == DType::f32 ? least_squares<float>(call)
                                               : least_squares<double>(call);
}

} // namespace weft
