// The OpenCL device of the tests.
#pragma once

#include "runtime/device/backend.h"

namespace weft::test {

/// Returns the first device, or null after a line that tells CTest and the reader why the test is
/// skipped.
device::Backend* openclDevice();

} // namespace weft::test
