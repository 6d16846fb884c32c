// Functions whose gradients are compared with differences: by the op, or the composite, they are
// of.
#pragma once

#include "gradient_check.h"

namespace gradient_check {

struct Case {
  const char* name;
  std::vector<weft::Shape> shapes;
  Function f;
};

/// Those of ops that read an index from memory, of scans, sorts and data movement.
std::vector<Case> indexing_cases();

} // namespace gradient_check
