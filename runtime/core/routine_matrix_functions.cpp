// The exponential of matrices, one after the other, on several threads where there are many.

#include "kernels/gemm.h"
#include "kernels/lapack.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/scratch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace weft {

namespace {

using Matrix = std::vector<double>;

/// The exponential by Higham's algorithm of 2005, with the approximant of degree 13 throughout: up
/// to a norm of kLargest it is exact to f64, and e^x = (e^(x / 2^s))^(2^s).
class Exponential {
public:
  explicit Exponential(int n) : n_(n), pivots_(static_cast<size_t>(n)) {}

  /// Replaces x[n, n], row-major.
  void operator()(Matrix& x) {
    const double norm = greatest_row(x);
    if (!std::isfinite(norm)) {
      std::fill(x.begin(), x.end(), std::numeric_limits<double>::quiet_NaN());
      return;
    }
    int halvings = 0;
    if (norm > kLargest) halvings = static_cast<int>(std::ceil(std::log2(norm / kLargest)));
    for (double& v : x)
      v = std::ldexp(v, -halvings);
    approximate(x);
    for (; halvings > 0; halvings--)
      x = product(x, x);
  }

private:
  static constexpr double kLargest = 5.371920351148152;

  double greatest_row(const Matrix& x) const {
    double greatest = 0;
    for (int r = 0; r < n_; r++) {
      double sum = 0;
      for (int c = 0; c < n_; c++)
        sum += std::abs(x[at(r, c)]);
      if (!(sum <= greatest)) greatest = sum; // NaN too
    }
    return greatest;
  }

  // (V - U) e^x = V + U, U the odd powers of the approximant's numerator and V the even ones.
  void approximate(Matrix& x) {
    static constexpr double b[] = {64764752532480000,
                                   32382376266240000,
                                   7771770303897600,
                                   1187353796428800,
                                   129060195264000,
                                   10559470521600,
                                   670442572800,
                                   33522128640,
                                   1323241920,
                                   40840800,
                                   960960,
                                   16380,
                                   182,
                                   1};
    const Matrix x2 = product(x, x), x4 = product(x2, x2), x6 = product(x4, x2);
    const auto half = [&](int odd) {
      Matrix high(x.size()), low(x.size());
      for (size_t k = 0; k < x.size(); k++) {
        high[k] = b[12 + odd] * x6[k] + b[10 + odd] * x4[k] + b[8 + odd] * x2[k];
        low[k] = b[6 + odd] * x6[k] + b[4 + odd] * x4[k] + b[2 + odd] * x2[k];
      }
      for (int r = 0; r < n_; r++)
        low[at(r, r)] += b[odd];
      high = product(x6, high);
      for (size_t k = 0; k < x.size(); k++)
        high[k] += low[k];
      return high;
    };
    const Matrix u = product(x, half(1)), v = half(0);
    Matrix left(x.size()), right(x.size());
    for (int r = 0; r < n_; r++)
      for (int c = 0; c < n_; c++) {
        left[at(r, c)] = v[at(r, c)] - u[at(r, c)];
        right[at(c, r)] = v[at(r, c)] + u[at(r, c)]; // LAPACK's vectors are rows
      }
    kernels::factor(n_, left.data(), pivots_.data());
    kernels::solve_factored(n_, n_, left.data(), pivots_.data(), right.data());
    for (int r = 0; r < n_; r++)
      for (int c = 0; c < n_; c++)
        x[at(r, c)] = right[at(c, r)];
  }

  Matrix product(const Matrix& a, const Matrix& b) const {
    Matrix c(a.size());
    kernels::gemm(DType::f64, n_, n_, n_, {a.data(), n_}, {b.data(), n_}, c.data(), n_);
    return c;
  }
  size_t at(int r, int c) const {
    return static_cast<size_t>(r) * static_cast<size_t>(n_) + static_cast<size_t>(c);
  }

  int n_;
  std::vector<int> pivots_;
};

} // namespace

bool routine_matrix_exponential(const RoutineCall& call) {
  const Meta& m = *call.result.meta;
  if (m.numel() == 0) return true;
  const CompactOperand x(call.operands[0], DType::f64, *call.loc);
  const WideResult y(call.result, DType::f64, *call.loc);
  const int64_t n = m.sizes[m.rank - 1], step = n * n;
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 13) / (step * n + 1));
  parallel_for(m.numel() / step, grain, [&](int64_t first, int64_t end) {
    Exponential exponential(static_cast<int>(n));
    for (int64_t k = first; k < end; k++) {
      const auto* from = reinterpret_cast<const double*>(x.data) + k * step;
      Matrix matrix(from, from + step);
      exponential(matrix);
      std::copy(matrix.begin(), matrix.end(), reinterpret_cast<double*>(y.data()) + k * step);
    }
  });
  y.finish();
  return true;
}

} // namespace weft
