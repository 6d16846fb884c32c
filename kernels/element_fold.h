// Folds over elements of any dtype, and moves of elements by their width.
#pragma once

#include "kernels/elements.h"

namespace weft::kernels {

/// Calls f with an unsigned integer as wide as an element: for what moves elements.
template <class F> decltype(auto) visit_width(DType dtype, F&& f) {
  switch (size_of(dtype)) {
  case 1:
    return f(uint8_t());
  case 2:
    return f(uint16_t());
  case 4:
    return f(uint32_t());
  default:
    return f(uint64_t());
  }
}

/// Arithmetic of compute types: integers wrap, NaN is greater and less than any number.
template <class T> constexpr T wrapping_add(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else
    return a + b;
}
template <class T> constexpr T wrapping_mul(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else
    return a * b;
}
template <class T> constexpr T greater_of(T a, T b) { return b > a || b != b ? b : a; }
template <class T> constexpr T less_of(T a, T b) { return b < a || b != b ? b : a; }

/// Says whether a comes before b in ascending order: NaN comes last.
template <class T> constexpr bool is_before(T a, T b) { return (a < b) | ((b != b) & (a == a)); }

} // namespace weft::kernels
