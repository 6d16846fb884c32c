// What unary ops should give: the C library's functions in double, and how far results may lie off.
#pragma once

#include <string_view>

namespace weft::test {

/// What an op's scalar attributes are given, in their order; exact in every float dtype.
inline constexpr double kAttributes[] = {0.5, 1.5, 2.25};

struct Reference {
  const char* op;
  double (*value)(double); // null: the op itself in f64, whose functions the `expr` test checks
  double limit = 2;        // the largest error in f32, in ulp
  // Where a result is a difference, what is subtracted there: errors count in ulp of the greater.
  double (*terms)(double) = nullptr;
};

/// Returns the row of an op; one without a row of its own is compared with itself in f64.
const Reference& reference_of(std::string_view op);

} // namespace weft::test
