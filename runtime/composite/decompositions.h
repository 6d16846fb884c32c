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

/// The pseudo-inverse of x where singular values up to rcond times the greatest count as 0; rcond
/// is a tensor without dims. Refusals likewise.
Tensor pseudo_inverse(const Tensor& x, const Tensor& rcond, const Loc& loc);

} // namespace weft::composite
