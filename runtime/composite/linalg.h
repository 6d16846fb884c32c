// Solutions by the primitives: operands have one dtype and equal batch dims.
#pragma once

#include "runtime/composite/composite.h"

namespace weft::composite {

inline Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }

/// Returns x's metadata; throws unless it is matrices of f32 or f64.
const Meta& require_matrices(const char* op, const Arg& x);
/// Returns x's metadata; throws unless it is square matrices of f32 or f64.
const Meta& require_square(const char* op, const Arg& x);
/// Says whether b, of metadata n, is vectors for the matrices a of metadata m: it has one dim, or
/// the dims of a but the last.
bool is_vector_for(const Meta& m, const Meta& n);

/// Matrices and right sides that fit each other: batch dims are broadcast.
struct System {
  Tensor a, b;
};
/// Brings the batch dims of a and b together. `op` needs b to be matrices with as many rows, on the
/// right of a as many columns, as those of a have rows.
System system_of(const char* op, const Arg& a, const Tensor& b, bool left);

/// Returns the y of a @ y = b for one triangle of a.
Tensor triangular_solution(const Tensor& a, const Tensor& b, bool upper, bool unitriangular,
                           const Loc& loc);
/// Returns the y of a @ y = b; singular matrices are refused in the words of the caller.
Tensor linear_solution(const Tensor& a, const Tensor& b, const Loc& loc);

} // namespace weft::composite
