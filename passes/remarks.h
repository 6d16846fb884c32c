// Remarks: what passes have to say to a user about kernels, as data.
#pragma once

#include "passes/reason.h"

#include "mlir/IR/Location.h"

#include <string>
#include <vector>

namespace weft {

/// Why two ops, or the launches that hold them, are in different kernels or became one, or what is
/// computed again for a later reader, or by a backward pass outside of the program.
struct Remark {
  enum class Kind { apart, joined, recomputed, left_out };
  Kind kind;
  mlir::Location loc;
  std::string op; // or the ops of a launch
  mlir::Location otherLoc;
  std::string other;
  Reason reason;
  int64_t bytes = 0; // that are not kept for that long
};

struct Remarks {
  std::vector<Remark> list;
};

/// Returns "file:line" of a location, or nothing where it has none.
std::string lineOf(mlir::Location loc);

/// Returns a remark as a sentence that names the other op's line.
std::string textOf(const Remark& remark);

} // namespace weft
