// Decompositions by the primitives, and views of the parts that lie in their rows.
#pragma once

#include "runtime/composite/composite.h"

namespace weft::composite {

/// Eigenvectors or singular vectors of symmetric or of tall matrices, in rows, and their values. Of
/// symmetric matrices left and right are one.
struct Spectral {
  Tensor left, right; // [..., N, M] and [..., N, N]
  Tensor values;      // [..., N]
};
/// The parts of an eigen_system or a singular_system.
Spectral parts_of(const Tensor& system, bool symmetric);

/// Decomposes symmetric matrices by their lower triangles; refusals are in the words of the caller.
Tensor eigen_system(const Tensor& x, const Loc& loc);
/// Decomposes matrices with at least as many rows as columns; refusals likewise.
Tensor singular_system(const Tensor& x, const Loc& loc);
/// Singular values of any matrices; refusals likewise.
Tensor singular_values(const Tensor& x, const Loc& loc);
/// The values of a system of x, with a gradient for x.
Tensor spectrum(const Tensor& x, const Tensor& system, bool symmetric, const Loc& loc);

/// The order of rows that pivots, numbers from 1 on, lead to, or its inverse; refusals likewise.
Tensor row_order(const Tensor& pivots, int64_t rows, bool inverse, const Loc& loc);
/// The rows of matrices x in an order: that of `order` for each.
Tensor rows_in_order(const Tensor& x, const Tensor& order);

/// Factors in one matrix, and the last row that an op puts behind them: pivots or factors of
/// reflections, as many as the shorter side.
struct Packed {
  Tensor factors, last;
};
/// The parts of the result of an op lu_factors or householder_factors.
Packed packed_factors(const Tensor& rows);

/// The y of least norm for which |a @ y - b| is least; a column less than rcond, a tensor without
/// dims, from the span of others is one of them. Refusals likewise.
Tensor least_squares(const Tensor& a, const Tensor& b, const Tensor& rcond, const Loc& loc);

} // namespace weft::composite
