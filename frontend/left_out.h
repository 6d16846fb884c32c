// What a program leaves out of what the tape saved: see left_out.cpp.
#pragma once

#include "frontend/trace.h"

namespace weft {

/// Fills `program.left_out`, once it is compiled, and ends its trial where anything is.
void describe_left_out(const Flush& flush, SegmentProgram& program);

} // namespace weft
