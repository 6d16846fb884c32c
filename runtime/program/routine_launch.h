// A launch of a program that calls the kernel of a structured op.
#pragma once

#include "runtime/core/routine.h"
#include "runtime/program/program.h"

namespace weft {

/// Returns the kernel that a program names. Throws weft::Error (io) where this library has none.
Routine find_routine(const ProgramRoutine& called);

/// Calls it on a launch's buffers; `values` are those of the program's expressions, `arguments` 8
/// bytes a number. Returns false where it refused an element.
bool call_routine(Routine routine, const ProgramRoutine& called, const int64_t* values,
                  void* const* buffers, const int64_t* arguments, const Loc& loc);

} // namespace weft
