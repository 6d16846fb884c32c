// Functions whose gradients are compared with differences: by the op, or the composite, they are
// of.
#pragma once

#include "gradient_check.h"

#include <span>

namespace gradient_check {

using Inputs = std::vector<weft::Tensor>;

/// A function to check, and leaves for it: of these shapes, with numbers in low .. high.
struct Case {
  const char* name;
  std::vector<weft::Shape> shapes;
  Function f;
  double low = -2, high = 2;
  bool second_order = true;
};
/// Checks them all, with samples of a seed.
void check_all(std::span<const Case> cases, uint32_t seed);

/// Those of ops that read an index from memory, of scans, sorts and data movement.
std::vector<Case> indexing_cases();

/// Those of decompositions of matrices.
std::vector<Case> decomposition_cases();

/// Those of factors by elimination and by reflections.
std::vector<Case> factor_cases();

/// Those of linear algebra.
std::vector<Case> linalg_cases();

} // namespace gradient_check
