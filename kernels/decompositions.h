// Decompositions of one matrix after another on the calling thread, by the LAPACK that OpenBLAS
// brings. Matrices are row-major without gaps. They exist for float and double.
#pragma once

#include <vector>

namespace weft::kernels {

/// Says whether there is a LAPACK with what these need; loads it.
bool has_decompositions();

/// x = q r of matrices x[m, n] with m >= n: n columns of q, or all m.
template <class T> class OrthogonalFactors {
public:
  OrthogonalFactors(int m, int n, bool complete);
  /// Writes rows of m + n: a column of q, then the row of r.
  void operator()(const T* x, T* rows);

private:
  int m_, n_, count_; // rows and columns of x, columns of q
  std::vector<T> columns_, scales_, work_;
};

/// x = q r of matrices x[m, n] as reflections.
template <class T> class HouseholderFactors {
public:
  HouseholderFactors(int m, int n);
  /// Writes m + 1 rows of n: r, with the vectors of the reflections under its diagonal, then their
  /// factors.
  void operator()(const T* x, T* rows);

private:
  int m_, n_;
  std::vector<T> columns_, scales_, work_;
};

/// x = p l u of matrices x[m, n].
template <class T> class LuFactors {
public:
  /// Where `regular`, u must have no 0 on its diagonal.
  LuFactors(int m, int n, bool regular);
  /// Writes m + 1 rows of n: u, with l under its diagonal, then the rows that were exchanged, from
  /// 1 on. Returns false where it must have an inverse and has none.
  bool operator()(const T* x, T* rows);

private:
  int m_, n_;
  bool regular_;
  std::vector<T> columns_;
  std::vector<int> pivots_;
};

/// Eigenvalues of symmetric matrices x[n, n], of which the lower triangle is read, and eigenvectors
/// where they are wanted.
template <class T> class EigenSystem {
public:
  EigenSystem(int n, bool vectors);
  /// Writes rows of n + 1, a vector and its value, or the values alone, which ascend. Returns false
  /// where x is not finite, or LAPACK finds none.
  bool operator()(const T* x, T* rows);

private:
  int n_;
  bool vectors_;
  std::vector<T> columns_, values_, work_;
  std::vector<int> integers_;
};

/// Singular values of matrices x[m, n] with m >= n, and singular vectors where they are wanted.
template <class T> class SingularSystem {
public:
  SingularSystem(int m, int n, bool vectors);
  /// Writes rows of m + n + 1, a left vector, the right one and their value, or the values alone,
  /// which descend. Returns false where x is not finite, or LAPACK finds none.
  bool operator()(const T* x, T* rows);

private:
  int m_, n_;
  bool vectors_;
  std::vector<T> copy_, values_, left_, right_, work_;
  std::vector<int> integers_;
};

/// The y[n, k] of least norm for which |x y - b| is least, of matrices x[m, n] and b[m, k].
template <class T> class LeastSquares {
public:
  LeastSquares(int m, int n, int k);
  /// Writes rows of k + 1: of y, then the rank of x by `rcond`. Returns false where x is not
  /// finite; a b that is not gives NaN.
  bool operator()(const T* x, const T* b, T rcond, T* rows);

private:
  int m_, n_, k_;
  std::vector<T> columns_, sides_, work_;
  std::vector<int> pivots_;
};

} // namespace weft::kernels
