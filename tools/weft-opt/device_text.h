// Loom kernels as device C, for weft-opt.
#pragma once

namespace weft {

/// Registers the translations --loom-to-opencl and --loom-to-cuda.
void registerDeviceText();

} // namespace weft
