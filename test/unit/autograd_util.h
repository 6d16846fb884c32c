// Helpers of the tests of the tape.
#pragma once

#include "weft/tensor.h"

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <vector>

namespace weft::test {

using Values = std::vector<double>;

inline Values values(const Tensor& t) { return t.to_vector<double>(); }

/// Returns what the autograd error says that `f` throws.
inline std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::autograd);
    return e.what();
  }
  return "no error";
}

} // namespace weft::test
