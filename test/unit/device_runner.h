// The device that kernels are tested on.
#pragma once

#include "runtime/device/backend.h"

namespace weft::test {

/// Returns the first device of the kind that WEFT_TEST_DEVICE names, OpenCL's without it, or null
/// after a line that tells CTest and the reader why the test is skipped.
device::Backend* kernelDevice();

} // namespace weft::test
