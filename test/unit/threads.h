// A number of threads for a scope.
#pragma once

#include "weft/parallel.h"

namespace weft::test {

struct Threads {
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(0); }
  Threads(const Threads&) = delete;
};

} // namespace weft::test
