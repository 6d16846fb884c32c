// What a program takes while it runs, beside its inputs and results.
#pragma once

#include "runtime/program/program.h"

#include <optional>

namespace weft {

struct WorkspaceUse {
  int64_t bytes = 0;      // of the arena
  int64_t at_once = 0;    // the most that its temporaries hold in it during one launch
  int64_t in_results = 0; // the same of temporaries that lie in results which are written later
  int64_t recomputed = 0; // values that are computed again instead of kept
  int64_t recomputed_bytes = 0;
  int64_t left_out = 0; // values that are not kept for a backward pass outside of the program
  int64_t left_out_bytes = 0;
  int64_t kept = 0; // factors that are kept packed while they do not change
  int64_t kept_bytes = 0;
};

/// Returns a program's use of memory, or nothing where its sizes are arguments.
std::optional<WorkspaceUse> workspace_of(const Program& program);

} // namespace weft
