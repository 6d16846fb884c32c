// What the forms of pooling have in common: their windows and parts.
#pragma once

#include "runtime/composite/composite.h"
#include "runtime/core/windows.h"

namespace weft::composite {

struct PoolArguments {
  const Dims &kernel, &stride, &padding;
  Dims dilation = 1;
  bool ceil_mode = false;
};

/// Returns the windows of a call with that many spatial dims; throws where x is not [N, C,
/// sizes...] or [C, sizes...], or the windows do not fit. ceil_mode becomes padding behind.
WindowList pool_windows(const char* op, const Arg& x, int spatial, const PoolArguments& arguments);

/// Returns the number of parts along each spatial dim; throws like pool_windows.
Dims pool_parts(const char* op, const Arg& x, const Dims& output_size, int spatial);

} // namespace weft::composite
