// The recorder under which the decompose pass runs a composite's function.
#pragma once

#include "runtime/program/composite_call.h"

namespace weft {

/// Calls a composite's function over tensors that have metadata alone, and returns the ops that it
/// called. Throws weft::Error as the function does, where there is no function of that name, and
/// where it reads values or writes in place.
CompositeTrace trace_composite(const CompositeCall& call);

} // namespace weft
