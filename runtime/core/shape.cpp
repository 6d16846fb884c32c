#include "weft/shape.h"

#include "weft/error.h"

namespace weft {

std::string Ints::str() const {
  std::string r = "[";
  for (int k = 0; k < size(); k++)
    r += (k ? ", " : "") + std::to_string(v_[k]);
  return r + "]";
}

void Ints::too_long(size_t n) {
  throw Error(ErrorKind::shape, "shape: a tensor must have at most " + std::to_string(kMaxRank) +
                                    " dims, got " + std::to_string(n));
}

} // namespace weft
