// LAPACK's functions are Fortran's: arguments by address, the lengths of texts at the end, matrices
// by columns. A row-major matrix is the transpose of one by columns.

#include "kernels/decompositions.h"

#include "kernels/openblas.h"
#include "kernels/transpose.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace weft::kernels {

namespace {

template <class T> struct Functions {
  void (*geqrf)(const int*, const int*, T*, const int*, T*, T*, const int*, int*);
  void (*getrf)(const int*, const int*, T*, const int*, int*, int*);
  void (*orgqr)(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, int*);
  void (*syevd)(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, int*,
                const int*, int*, size_t, size_t);
  void (*gesdd)(const char*, const int*, const int*, T*, const int*, T*, T*, const int*, T*,
                const int*, T*, const int*, int*, int*, size_t);
  void (*gelsy)(const int*, const int*, const int*, T*, const int*, T*, const int*, int*, const T*,
                int*, T*, const int*, int*);
};

struct Library : OpenBlas<Functions> {
  const bool loaded =
      find(f32.geqrf, "sgeqrf_") && find(f32.getrf, "sgetrf_") && find(f32.orgqr, "sorgqr_") &&
      find(f32.syevd, "ssyevd_") && find(f32.gesdd, "sgesdd_") && find(f32.gelsy, "sgelsy_") &&
      find(f64.geqrf, "dgeqrf_") && find(f64.getrf, "dgetrf_") && find(f64.orgqr, "dorgqr_") &&
      find(f64.syevd, "dsyevd_") && find(f64.gesdd, "dgesdd_") && find(f64.gelsy, "dgelsy_");
};

const Library& library() {
  static const Library l;
  return l;
}

constexpr int kAsk = -1; // for the size of the work space

size_t area(int rows, int columns) {
  return static_cast<size_t>(rows) * static_cast<size_t>(columns);
}

/// LAPACK wants strides of at least 1, also of empty matrices.
int stride(int rows) { return std::max(rows, 1); }

/// A work space of the size that a function asked for: a float may have rounded it down.
template <class T> void reserve(std::vector<T>& work, T size) {
  work.resize(static_cast<size_t>(static_cast<double>(size) * (1 + 0x1p-20)) + 1);
}
template <class T> int size_of(const std::vector<T>& v) { return static_cast<int>(v.size()); }

template <class T> bool is_finite(const T* x, size_t count) {
  return std::all_of(x, x + count, [](T v) { return std::isfinite(v); });
}

template <class T> int64_t bytes(int count) { return int64_t{count} * int64_t{sizeof(T)}; }

/// Writes a row-major matrix by columns, `step` elements from one to the next.
template <class T> void to_columns(int rows, int columns, const T* from, T* to, int step) {
  transpose(reinterpret_cast<const char*>(from), bytes<T>(columns), reinterpret_cast<char*>(to),
            bytes<T>(step), rows, columns, sizeof(T));
}

/// Writes a matrix that lies by columns, `step` elements from one to the next, row by row.
template <class T> void to_rows(int rows, int columns, const T* from, int step, T* to) {
  transpose(reinterpret_cast<const char*>(from), bytes<T>(step), reinterpret_cast<char*>(to),
            bytes<T>(columns), columns, rows, sizeof(T));
}

} // namespace

bool has_decompositions() { return library().loaded; }

template <class T>
OrthogonalFactors<T>::OrthogonalFactors(int m, int n, bool complete)
    : m_(m), n_(n), count_(complete ? m : n), columns_(area(m, count_)),
      scales_(static_cast<size_t>(n)) {
  T one = 0, other = 0;
  int info = 0;
  const int step = stride(m_);
  library().of<T>().geqrf(&m_, &n_, columns_.data(), &step, scales_.data(), &one, &kAsk, &info);
  library().of<T>().orgqr(&m_, &count_, &n_, columns_.data(), &step, scales_.data(), &other, &kAsk,
                          &info);
  reserve(work_, std::max(one, other));
}

template <class T> void OrthogonalFactors<T>::operator()(const T* x, T* rows) {
  const int step = stride(m_), size = size_of(work_);
  int info = 0;
  to_columns(m_, n_, x, columns_.data(), step);
  library().of<T>().geqrf(&m_, &n_, columns_.data(), &step, scales_.data(), work_.data(), &size,
                          &info);
  const size_t width = area(m_, 1) + area(n_, 1);
  for (int r = 0; r < count_; r++) {
    T* row = rows + static_cast<size_t>(r) * width + m_;
    for (int c = 0; c < n_; c++)
      row[c] = c < r ? T(0) : columns_[area(c, m_) + static_cast<size_t>(r)];
  }
  library().of<T>().orgqr(&m_, &count_, &n_, columns_.data(), &step, scales_.data(), work_.data(),
                          &size, &info);
  for (int r = 0; r < count_; r++)
    std::copy_n(columns_.data() + area(r, m_), m_, rows + static_cast<size_t>(r) * width);
}

template <class T>
HouseholderFactors<T>::HouseholderFactors(int m, int n)
    : m_(m), n_(n), columns_(area(m, n)), scales_(static_cast<size_t>(std::max(m, n))) {
  T size = 0;
  int info = 0;
  const int step = stride(m_);
  library().of<T>().geqrf(&m_, &n_, columns_.data(), &step, scales_.data(), &size, &kAsk, &info);
  reserve(work_, size);
}

template <class T> void HouseholderFactors<T>::operator()(const T* x, T* rows) {
  const int step = stride(m_), size = size_of(work_);
  int info = 0;
  to_columns(m_, n_, x, columns_.data(), step);
  library().of<T>().geqrf(&m_, &n_, columns_.data(), &step, scales_.data(), work_.data(), &size,
                          &info);
  to_rows(m_, n_, columns_.data(), step, rows);
  std::copy_n(scales_.data(), n_, rows + area(m_, n_)); // 0 behind the first m
}

template <class T>
LuFactors<T>::LuFactors(int m, int n, bool regular)
    : m_(m), n_(n), regular_(regular), columns_(area(m, n)),
      pivots_(static_cast<size_t>(std::max(m, n))) {}

template <class T> bool LuFactors<T>::operator()(const T* x, T* rows) {
  const int step = stride(m_);
  int info = 0;
  to_columns(m_, n_, x, columns_.data(), step);
  library().of<T>().getrf(&m_, &n_, columns_.data(), &step, pivots_.data(), &info);
  to_rows(m_, n_, columns_.data(), step, rows);
  for (int c = 0; c < n_; c++)
    rows[area(m_, n_) + static_cast<size_t>(c)] = static_cast<T>(pivots_[static_cast<size_t>(c)]);
  return !regular_ || info == 0;
}

template <class T>
EigenSystem<T>::EigenSystem(int n, bool vectors)
    : n_(n), vectors_(vectors), columns_(area(n, n)), values_(static_cast<size_t>(n)) {
  T size = 0;
  int integers = 0, info = 0;
  const int step = stride(n_);
  library().of<T>().syevd(vectors ? "V" : "N", "U", &n_, columns_.data(), &step, values_.data(),
                          &size, &kAsk, &integers, &kAsk, &info, 1, 1);
  reserve(work_, size);
  integers_.resize(static_cast<size_t>(integers));
}

// The lower triangle is the upper one of the transpose.
template <class T> bool EigenSystem<T>::operator()(const T* x, T* rows) {
  for (int r = 0; r < n_; r++)
    if (!is_finite(x + area(r, n_), static_cast<size_t>(r) + 1)) return false;
  std::copy_n(x, columns_.size(), columns_.data());
  const int step = stride(n_), size = size_of(work_), integers = size_of(integers_);
  int info = 0;
  library().of<T>().syevd(vectors_ ? "V" : "N", "U", &n_, columns_.data(), &step, values_.data(),
                          work_.data(), &size, integers_.data(), &integers, &info, 1, 1);
  for (int k = 0; k < n_; k++) {
    if (vectors_) rows = std::copy_n(columns_.data() + area(k, n_), n_, rows);
    *rows++ = values_[static_cast<size_t>(k)];
  }
  return info == 0;
}

// By columns x is its transpose: the left vectors come as the right ones.
template <class T>
SingularSystem<T>::SingularSystem(int m, int n, bool vectors)
    : m_(m), n_(n), vectors_(vectors), copy_(area(m, n)), values_(static_cast<size_t>(n)),
      left_(vectors ? area(n, m) : 1), right_(vectors ? area(n, n) : 1),
      integers_(8 * static_cast<size_t>(n)) {
  T size = 0;
  int info = 0;
  const int step = stride(n_);
  library().of<T>().gesdd(vectors ? "S" : "N", &n_, &m_, copy_.data(), &step, values_.data(),
                          right_.data(), &step, left_.data(), &step, &size, &kAsk, integers_.data(),
                          &info, 1);
  reserve(work_, size);
}

template <class T> bool SingularSystem<T>::operator()(const T* x, T* rows) {
  if (!is_finite(x, copy_.size())) return false;
  std::copy_n(x, copy_.size(), copy_.data());
  const int step = stride(n_), size = size_of(work_);
  int info = 0;
  library().of<T>().gesdd(vectors_ ? "S" : "N", &n_, &m_, copy_.data(), &step, values_.data(),
                          right_.data(), &step, left_.data(), &step, work_.data(), &size,
                          integers_.data(), &info, 1);
  for (int k = 0; k < n_; k++) {
    if (vectors_) {
      for (int j = 0; j < m_; j++)
        *rows++ = left_[area(j, n_) + static_cast<size_t>(k)];
      rows = std::copy_n(right_.data() + area(k, n_), n_, rows);
    }
    *rows++ = values_[static_cast<size_t>(k)];
  }
  return info == 0;
}

// Without sides LAPACK would not find the rank: there is one at least.
template <class T>
LeastSquares<T>::LeastSquares(int m, int n, int k)
    : m_(m), n_(n), k_(k), columns_(area(m, n)), sides_(area(std::max(m, n), std::max(k, 1))),
      pivots_(static_cast<size_t>(n)) {
  T size = 0, rcond = 0;
  int rank = 0, info = 0;
  const int step = stride(m_), side_step = stride(std::max(m_, n_)), sides = std::max(k_, 1);
  library().of<T>().gelsy(&m_, &n_, &sides, columns_.data(), &step, sides_.data(), &side_step,
                          pivots_.data(), &rcond, &rank, &size, &kAsk, &info);
  reserve(work_, size);
}

template <class T> bool LeastSquares<T>::operator()(const T* x, const T* b, T rcond, T* rows) {
  if (!is_finite(x, area(m_, n_))) return false;
  const int step = stride(m_), side_step = stride(std::max(m_, n_)), sides = std::max(k_, 1),
            size = size_of(work_);
  int rank = 0, info = 0;
  to_columns(m_, n_, x, columns_.data(), step);
  std::fill(sides_.begin(), sides_.end(), T(0));
  to_columns(m_, k_, b, sides_.data(), side_step);
  std::fill(pivots_.begin(), pivots_.end(), 0);
  if (m_ > 0 && n_ > 0)
    library().of<T>().gelsy(&m_, &n_, &sides, columns_.data(), &step, sides_.data(), &side_step,
                            pivots_.data(), &rcond, &rank, work_.data(), &size, &info);
  for (int r = 0; r < n_; r++) {
    for (int c = 0; c < k_; c++)
      *rows++ = sides_[area(c, side_step) + static_cast<size_t>(r)];
    *rows++ = static_cast<T>(rank);
  }
  return info == 0;
}

template class OrthogonalFactors<float>;
template class OrthogonalFactors<double>;
template class HouseholderFactors<float>;
template class HouseholderFactors<double>;
template class LuFactors<float>;
template class LuFactors<double>;
template class EigenSystem<float>;
template class EigenSystem<double>;
template class SingularSystem<float>;
template class SingularSystem<double>;
template class LeastSquares<float>;
template class LeastSquares<double>;

} // namespace weft::kernels
