// A plain, slow interpreter of weft functions over host arrays: the meaning of a segment, and the
// oracle of every pass.
#pragma once

#include "ir/interp/array.h"
#include "ir/weft/weft.h"

#include <vector>

namespace weft::interp {

/// What a function is run with: its tensors, then its numbers (bits of an f64, an i64, or 0/1),
/// then its sizes.
struct Arguments {
  std::vector<Array> tensors;
  std::vector<int64_t> numbers;
  std::vector<int64_t> sizes;
};

/// Runs a function of weft ops, weft.kernels and weft.launches of loom kernels. Returns its
/// results, or nothing for an op that it does not know.
std::optional<std::vector<Array>> runFunction(mlir::func::FuncOp function,
                                              const Arguments& arguments);

} // namespace weft::interp
