// A plain, slow interpreter of weft functions over host arrays: the meaning of a segment, and the
// oracle of every pass.
#pragma once

#include "ir/weft/weft.h"

#include <span>
#include <vector>

namespace weft::interp {

/// A contiguous tensor in host memory; i1 takes one byte.
struct Array {
  mlir::Type element;
  llvm::SmallVector<int64_t> shape;
  std::vector<char> bytes;

  Array() = default;
  Array(mlir::Type element, llvm::ArrayRef<int64_t> shape);
  int64_t count() const;
  /// Reads an element as a number; exact for every element type but large i64.
  double at(int64_t i) const;
  void set(int64_t i, double v);
};

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
