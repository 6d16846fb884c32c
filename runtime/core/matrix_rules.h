// What rules of factors, decompositions and solutions of matrices ask of their operands.
#pragma once

#include "runtime/core/rules.h"

namespace weft {

/// Throws unless x's elements are f32 or f64.
inline void check_real(const OpCall& call, const Meta& x) {
  if (x.dtype != DType::f32 && x.dtype != DType::f64)
    fail(call, ErrorKind::dtype, "the matrices must be f32 or f64, got " + describe(x));
}

/// Throws where the functions of LAPACK that a call needs were not found.
inline void check_lapack(const OpCall& call, bool is_there) {
  if (!is_there)
    fail(call, ErrorKind::unsupported,
         "libopenblas.so.0 with LAPACK must be installed, got none; on Debian it is libopenblas0");
}

/// Says whether a and b have one dtype, one rank of at least 2, and all dims equal but for the last
/// `free` ones.
inline bool are_alike(const Meta& a, const Meta& b, int free) {
  bool fits = a.dtype == b.dtype && a.rank == b.rank && a.rank >= 2;
  for (int k = 0; fits && k + free < a.rank; k++)
    fits = a.sizes[k] == b.sizes[k];
  return fits;
}

} // namespace weft
