// A factor of a product by tiles in the text. Internal to the device emitter.
#pragma once

#include "codegen/gpu/part_printer.h"
#include "codegen/gpu/scalar_ops.h"

namespace weft::gpu {

inline std::string text(int64_t number) { return std::to_string(number); }

inline bool isMultiple(mlir::AffineExpr extent, int of) {
  auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(extent);
  return fixed && fixed.getValue() % of == 0;
}

struct PartPrinter::Side {
  const ProductSide& side;
  std::string start;  // the tile's first row
  std::string thread; // the thread's number along the rows; its first row in the tile where
                      // matrices are multiplied
  std::string shared; // in shared memory: [half][step][row]; of matrices, as it lies in memory
  std::string next;   // what the thread has fetched
  int tile, pitch, steps, vector;
  int fetched;           // elements of a stretch
  bool runs;             // it fetches whole runs
  int copies;            // stretches in shared memory
  int apart = 0;         // of a thread's pairs of rows of matrices: from one to the next of a pair
  int pairs = 0;         // from one pair to the next; 0 where threads multiply
  std::string warp = {}; // the first row of the warp's matrices

  std::string half(const std::string& which) const {
    return shared + " + " + which + " * " + text(size());
  }
  int size() const { return pairs ? tile * steps : pitch * steps; }
  /// Where the thread's i-th row lies in the tile: runs of a vector, so that threads side by side
  /// read and write side by side; of matrices, where their layout says.
  std::string place(const std::string& i) const {
    if (pairs > 0)
      return thread + " + " + i + " / 2 * " + text(pairs) + " + " + i + " % 2 * " + text(apart);
    std::string run = thread + " * " + text(vector);
    if (vector == side.per_thread) return run + " + " + i;
    return i + " / " + text(vector) + " * " + text(side.threads * vector) + " + " + run + " + " +
           i + " % " + text(vector);
  }
};

} // namespace weft::gpu
