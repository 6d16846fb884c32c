// Debian's OpenBLAS has LAPACK inside. Its functions are Fortran's: arguments by address, the
// lengths of texts at the end, matrices by columns.

#include "kernels/lapack.h"

#include "kernels/openblas.h"

#include <algorithm>
#include <cstddef>

namespace weft::kernels {

namespace {

// CBLAS_ORDER, CBLAS_SIDE, CBLAS_UPLO, CBLAS_TRANSPOSE and CBLAS_DIAG of the reference interface.
constexpr int kRowMajor = 101, kLeft = 141, kUpper = 121, kLower = 122, kNoTrans = 111,
              kNonUnit = 131, kUnit = 132;

template <class T> struct Functions {
  void (*potrf)(const char*, const int*, T*, const int*, int*, size_t);
  void (*getrf)(const int*, const int*, T*, const int*, int*, int*);
  void (*getrs)(const char*, const int*, const int*, const T*, const int*, const int*, T*,
                const int*, int*, size_t);
  void (*trsm)(int, int, int, int, int, int, int, T, const T*, int, T*, int);
};

struct Library : OpenBlas<Functions> {
  const bool loaded = find(f32.potrf, "spotrf_") && find(f32.getrf, "sgetrf_") &&
                      find(f32.getrs, "sgetrs_") && find(f32.trsm, "cblas_strsm") &&
                      find(f64.potrf, "dpotrf_") && find(f64.getrf, "dgetrf_") &&
                      find(f64.getrs, "dgetrs_") && find(f64.trsm, "cblas_dtrsm");
};

const Library& library() {
  static const Library l;
  return l;
}

} // namespace

bool has_lapack() { return library().loaded; }

template <class T> bool cholesky(int n, T* a) {
  if (n == 0) return true;
  // By columns, a's lower triangle is the upper one of its transpose: a = u^T u.
  int info = 0;
  library().of<T>().potrf("U", &n, a, &n, &info, 1);
  bool is_positive = info == 0;
  for (int i = 0; i < n; i++) {
    is_positive = is_positive && a[static_cast<size_t>(i) * n + i] > 0; // NaN is not
    std::fill_n(a + static_cast<size_t>(i) * n + i + 1, n - i - 1, T(0));
  }
  return is_positive;
}

template <class T>
void solve_triangular(bool upper, bool unitriangular, int n, int k, const T* a, T* b) {
  if (n == 0 || k == 0) return;
  library().of<T>().trsm(kRowMajor, kLeft, upper ? kUpper : kLower, kNoTrans,
                         unitriangular ? kUnit : kNonUnit, n, k, T(1), a, n, b, k);
}

template <class T> bool factor(int n, T* a, int* pivots) {
  if (n == 0) return true;
  int info = 0;
  library().of<T>().getrf(&n, &n, a, &n, pivots, &info);
  return info == 0;
}

template <class T> void solve_factored(int n, int k, const T* factors, const int* pivots, T* b) {
  if (n == 0 || k == 0) return;
  int info = 0; // the factors are those of the transpose
  library().of<T>().getrs("T", &n, &k, factors, &n, pivots, b, &n, &info, 1);
}

template bool cholesky(int, float*);
template bool cholesky(int, double*);
template void solve_triangular(bool, bool, int, int, const float*, float*);
template void solve_triangular(bool, bool, int, int, const double*, double*);
template bool factor(int, float*, int*);
template bool factor(int, double*, int*);
template void solve_factored(int, int, const float*, const int*, float*);
template void solve_factored(int, int, const double*, const int*, double*);

} // namespace weft::kernels
