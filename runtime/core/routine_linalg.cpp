// Factors, solutions and determinants of matrices: one matrix after the other, on several threads
// where there are many.

#include "kernels/lapack.h"
#include "runtime/core/determinant_part.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/scratch.h"

#include <atomic>
#include <cmath>
#include <vector>

namespace weft {

namespace {

constexpr int64_t kPieceWork = int64_t{1} << 16; // products of numbers worth another thread

int size_from_end(const Meta& m, int k) { return static_cast<int>(m.sizes[m.rank - k]); }

template <class F> void visit_real(DType dtype, F f) {
  if (dtype == DType::f32)
    f(float());
  else
    f(double());
}

/// Calls body(first, end) for pieces of `count` matrices of size n.
void each_piece(int64_t count, int64_t n, FunctionRef<void(int64_t, int64_t)> body) {
  parallel_for(count, std::max<int64_t>(1, kPieceWork / (n * n * n + 1)), body);
}

template <class T> void transpose_into(int rows, int columns, const T* from, T* to) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++)
      to[static_cast<size_t>(c) * static_cast<size_t>(rows) + static_cast<size_t>(r)] = *from++;
}

/// One matrix at a time, with its factors.
template <class T> struct Factored {
  int n;
  std::vector<T> factors;
  std::vector<int> pivots;

  explicit Factored(int n)
      : n(n), factors(static_cast<size_t>(n) * static_cast<size_t>(n)),
        pivots(static_cast<size_t>(n)) {}
  bool factor(const T* a) {
    std::copy_n(a, factors.size(), factors.begin());
    return kernels::factor(n, factors.data(), pivots.data());
  }
};

// In double, so that neither the product nor its parts leave the range of float on the way.
template <class T> double determinant_part(const Factored<T>& f, DeterminantPart part) {
  const bool is_logarithm = part == DeterminantPart::logarithm;
  double value = is_logarithm ? 0 : 1;
  for (int k = 0; k < f.n; k++) {
    const auto at = static_cast<size_t>(k);
    double d = f.factors[at * static_cast<size_t>(f.n) + at];
    if (is_logarithm) {
      value += std::log(std::abs(d));
      continue;
    }
    if (f.pivots[at] != k + 1) d = -d;
    value *= part == DeterminantPart::value || d != d ? d : static_cast<double>((d > 0) - (d < 0));
  }
  return value;
}

} // namespace

bool routine_cholesky_factor(const RoutineCall& call) {
  const Meta& m = *call.result.meta;
  if (m.numel() == 0) return true;
  copy_elements(call.operands[0], call.result);
  const int n = size_from_end(m, 1);
  const int64_t step = int64_t{n} * n;
  std::atomic<bool> is_positive = true;
  visit_real(m.dtype, [&]<class T>(T) {
    each_piece(m.numel() / step, n, [&](int64_t first, int64_t end) {
      for (int64_t k = first; k < end; k++)
        if (!kernels::cholesky(n, call.result.as<T>() + k * step)) is_positive = false;
    });
  });
  return is_positive;
}

bool routine_triangular_solution(const RoutineCall& call) {
  const Meta& m = *call.result.meta;
  if (m.numel() == 0) return true;
  copy_elements(call.operands[1], call.result);
  const CompactOperand a(call.operands[0], m.dtype, *call.loc);
  const int n = size_from_end(m, 2), columns = size_from_end(m, 1);
  const int64_t step = int64_t{n} * columns;
  visit_real(m.dtype, [&]<class T>(T) {
    const auto* matrices = reinterpret_cast<const T*>(a.data);
    each_piece(m.numel() / step, n, [&](int64_t first, int64_t end) {
      for (int64_t k = first; k < end; k++)
        kernels::solve_triangular(call.structure[0], call.structure[1], n, columns,
                                  matrices + k * n * n, call.result.as<T>() + k * step);
    });
  });
  return true;
}

bool routine_linear_solution(const RoutineCall& call) {
  const Meta& m = *call.result.meta;
  const CompactOperand a(call.operands[0], m.dtype, *call.loc);
  const CompactOperand b(call.operands[1], m.dtype, *call.loc);
  const int n = size_from_end(m, 2), columns = size_from_end(m, 1);
  const int64_t step = int64_t{n} * columns, area = int64_t{n} * n;
  if (area == 0) return true;
  std::atomic<bool> is_regular = true;
  visit_real(m.dtype, [&]<class T>(T) {
    const auto* matrices = reinterpret_cast<const T*>(a.data);
    const auto* sides = reinterpret_cast<const T*>(b.data);
    each_piece(call.operands[0].meta->numel() / area, n, [&](int64_t first, int64_t end) {
      Factored<T> f(n);
      std::vector<T> vectors(static_cast<size_t>(step));
      for (int64_t k = first; k < end; k++) {
        if (!f.factor(matrices + k * area)) is_regular = false;
        if (!is_regular) return;
        transpose_into(n, columns, sides + k * step, vectors.data());
        kernels::solve_factored(n, columns, f.factors.data(), f.pivots.data(), vectors.data());
        transpose_into(columns, n, vectors.data(), call.result.as<T>() + k * step);
      }
    });
  });
  return is_regular;
}

bool routine_determinant(const RoutineCall& call) {
  const CompactOperand x(call.operands[0], call.result.meta->dtype, *call.loc);
  const int n = size_from_end(*call.operands[0].meta, 1);
  const auto part = static_cast<DeterminantPart>(call.structure[0]);
  visit_real(call.result.meta->dtype, [&]<class T>(T) {
    const auto* matrices = reinterpret_cast<const T*>(x.data);
    each_piece(call.result.meta->numel(), n, [&](int64_t first, int64_t end) {
      Factored<T> f(n);
      for (int64_t k = first; k < end; k++) {
        f.factor(matrices + k * n * n); // a singular one has a 0 on the diagonal
        call.result.as<T>()[k] = static_cast<T>(determinant_part(f, part));
      }
    });
  });
  return true;
}

} // namespace weft
