// The OpenCL device of the tests.
#pragma once

#include "codegen/gpu/opencl/opencl.h"

namespace weft::test {

/// Returns the first device, or null after a line that tells CTest and the reader why the test is
/// skipped.
gpu::opencl::ClDevice* openclDevice();

} // namespace weft::test
