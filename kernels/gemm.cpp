#include "kernels/gemm.h"

#include "kernels/gemm_integer.h"
#include "kernels/openblas.h"

#include <algorithm>
#include <climits>
#include <cstring>

namespace weft::kernels {

namespace {

// CBLAS_ORDER and CBLAS_TRANSPOSE of the reference interface (netlib.org/blas).
constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;

template <class T> struct Blas {
  using Gemm = void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
  using Gemv = void (*)(int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
  Gemm gemm = nullptr;
  Gemv gemv = nullptr;
};

struct Library : OpenBlas<Blas> {
  const bool loaded = find(f32.gemm, "cblas_sgemm") && find(f64.gemm, "cblas_dgemm") &&
                      find(f32.gemv, "cblas_sgemv") && find(f64.gemv, "cblas_dgemv");
};

const Library& library() {
  static const Library l;
  return l;
}

template <class T>
void plain(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, T* c,
           int64_t c_stride) {
  auto* pa = static_cast<const T*>(a.data);
  auto* pb = static_cast<const T*>(b.data);
  int64_t a_row = a.transposed ? 1 : a.stride, a_col = a.transposed ? a.stride : 1;
  int64_t b_row = b.transposed ? 1 : b.stride, b_col = b.transposed ? b.stride : 1;
  for (int64_t i = 0; i < m; i++) {
    T* row = c + i * c_stride;
    std::fill_n(row, n, T(0));
    for (int64_t p = 0; p < k; p++) {
      const T scale = pa[i * a_row + p * a_col];
      const T* from = pb + p * b_row;
      for (int64_t j = 0; j < n; j++)
        row[j] += scale * from[j * b_col];
    }
  }
}

template <class T>
bool blas(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, T* c,
          int64_t c_stride) {
  if (!library().loaded || std::max({m, n, k, a.stride, b.stride, c_stride}) > INT_MAX)
    return false;
  const Blas<T>& f = library().of<T>();
  auto* pa = static_cast<const T*>(a.data);
  auto* pb = static_cast<const T*>(b.data);
  auto i = [](int64_t v) { return static_cast<int>(v); };
  if (n == 1) // c = A b; b is a column
    f.gemv(kRowMajor, a.transposed ? kTrans : kNoTrans, i(a.transposed ? k : m),
           i(a.transposed ? m : k), T(1), pa, i(a.stride), pb, b.transposed ? 1 : i(b.stride), T(0),
           c, i(c_stride));
  else if (m == 1) // c^T = B^T a^T
    f.gemv(kRowMajor, b.transposed ? kNoTrans : kTrans, i(b.transposed ? n : k),
           i(b.transposed ? k : n), T(1), pb, i(b.stride), pa, a.transposed ? i(a.stride) : 1, T(0),
           c, 1);
  else
    f.gemm(kRowMajor, a.transposed ? kTrans : kNoTrans, b.transposed ? kTrans : kNoTrans, i(m),
           i(n), i(k), T(1), pa, i(a.stride), pb, i(b.stride), T(0), c, i(c_stride));
  return true;
}

template <class T>
void product(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
             int64_t c_stride) {
  if (blas(m, n, k, a, b, static_cast<T*>(c), c_stride)) return;
  plain(m, n, k, a, b, static_cast<T*>(c), c_stride);
}

} // namespace

bool has_blas() { return library().loaded; }

void gemm(DType dtype, int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
          int64_t c_stride) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    auto item = static_cast<int64_t>(size_of(dtype));
    for (int64_t i = 0; i < m; i++)
      std::memset(static_cast<char*>(c) + i * c_stride * item, 0, static_cast<size_t>(n * item));
    return;
  }
  if (dtype == DType::f32)
    product<float>(m, n, k, a, b, c, c_stride);
  else if (dtype == DType::f64)
    product<double>(m, n, k, a, b, c, c_stride);
  else
    gemm_integer(dtype, m, n, k, a, b, c, c_stride);
}

} // namespace weft::kernels
