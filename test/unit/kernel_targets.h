// Runs tests of kernels on each instruction set that they are compiled for.
#pragma once

#include "kernels/kernel_table.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace weft::kernels {

/// Calls body() with the kernels of each target that the machine has; then the best are used again.
template <class Body> void on_each_target(Body body) {
  std::vector<std::string> names;
  for (const char* const* n = kernel_targets(); *n; n++)
    names.push_back(*n);
  for (const std::string& name : names) {
    use_kernel_target(name.c_str());
    INFO("target " << name);
    body();
  }
  use_kernel_target(nullptr);
}

} // namespace weft::kernels
