// The check that most tests of loom kernels end in.
#pragma once

#include "test/unit/loom_harness.h"

#include <catch2/catch.hpp>

namespace weft::test {

/// Requires that the emitted code leaves the same memory and the same error as the interpreter.
inline void checkEqual(const LoomRun& run) {
  LoomOutcome outcome = runBoth(run);
  INFO("cpu " << run.cpu);
  REQUIRE(outcome.difference == "");
  REQUIRE(outcome.emitted_error == outcome.interpreted_error);
}

} // namespace weft::test
