// Factors and solutions of one matrix on the calling thread, by the LAPACK that OpenBLAS brings.
// Matrices are row-major without gaps. Kernels exist for float and double.
#pragma once

namespace weft::kernels {

/// Says whether there is a LAPACK; loads it. All functions below need one.
bool has_lapack();

/// Replaces the lower triangle of a[n, n] by its Cholesky factor and the rest by 0; returns false
/// where the matrix is not positive definite.
template <class T> bool cholesky(int n, T* a);

/// Replaces b[n, k] by the y of a y = b for the upper or lower triangle of a[n, n].
template <class T>
void solve_triangular(bool upper, bool unitriangular, int n, int k, const T* a, T* b);

/// Replaces a[n, n] by the factors of its transpose, with the rows exchanged as `pivots`, from 1
/// on, say; returns false where a factor is singular.
template <class T> bool factor(int n, T* a, int* pivots);

/// Replaces the k vectors of b[k, n] by the y of a y = b, given the factors of a.
template <class T> void solve_factored(int n, int k, const T* factors, const int* pivots, T* b);

} // namespace weft::kernels
