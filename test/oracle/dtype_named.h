// dtypes as tables and scripts name them.
#pragma once

#include "weft/dtype.h"

#include <stdexcept>
#include <string>
#include <string_view>

namespace weft::test {

inline DType dtype_named(std::string_view name) {
  for (int k = 0; k < kDTypeCount; k++)
    if (name_of(static_cast<DType>(k)) == name) return static_cast<DType>(k);
  throw std::runtime_error("no dtype " + std::string(name));
}

} // namespace weft::test
