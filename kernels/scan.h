// Scans of lines side by side: each element is joined with all before it in its line.
#pragma once

#include "weft/dtype.h"

namespace weft::kernels {

/// Lines of arrays: in the order of the scan, element k of line j of an array lies k * step +
/// j * across bytes from `at`.
struct ScanLines {
  struct Array {
    char* at;
    int64_t step, across;
  };
  Array to, from[2];
  int64_t steps, lines;
};

/// Scans whole lines. Floating elements are joined in f64 and in their order, so that the bits do
/// not depend on how the lines lie or are shared out.
using ScanKernel = void (*)(const ScanLines& lines);

enum class ScanFold : uint8_t { sum, product, log_sum_exp };
/// Null for log_sum_exp of integers.
ScanKernel scan_kernel(ScanFold fold, DType dtype);
/// y[k] = from[0][k] * y[k - 1] + from[1][k]; the first factor meets nothing, whatever it is. Null
/// for integers.
ScanKernel recurrence_kernel(DType dtype);
/// The position, i64, of the greatest element so far, or of the least; of equal ones that of the
/// last, and NaN is both.
ScanKernel scan_position_kernel(bool is_least, DType dtype);

} // namespace weft::kernels
