// Rows of small integers with a scale for each block, as numbers, and their products with rows of
// numbers.
#pragma once

#include <cstdint>

namespace weft::kernels {

/// `blocks` of `block` codes, each block with its scale: i8, or four bits that are 8 too high, a
/// block's first half in the low bits of its bytes and its second half in the high ones.
template <class T> struct QuantizedRow {
  const void* codes;
  const T* scales;
  int64_t blocks, block;
  bool is_packed; // four bits
};

/// Writes the numbers of a row, each code times its scale.
void dequantize_row(const QuantizedRow<float>& row, float* to);
void dequantize_row(const QuantizedRow<double>& row, double* to);

/// Returns the sum of a[k] * b[k], added up in an order that follows from `count` alone.
float dot(const float* a, const float* b, int64_t count);
double dot(const double* a, const double* b, int64_t count);

} // namespace weft::kernels
