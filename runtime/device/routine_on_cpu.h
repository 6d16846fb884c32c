// A structured op without a kernel for devices, called as the CPU's kernel on copies.
#pragma once

#include "runtime/device/context.h"
#include "runtime/program/routine_launch.h"

namespace weft::device {

/// Copies the operands to the CPU, which waits for all that was enqueued before, calls the routine
/// and copies its result back. Returns false where the routine refuses an element; throws what
/// earlier launches have refused.
bool call_on_cpu(Context& context, Routine routine, const ProgramRoutine& called,
                 const int64_t* values, const std::vector<Address>& buffers,
                 const int64_t* arguments, const Loc& loc);

} // namespace weft::device
