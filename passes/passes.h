// The passes, in the order of the pipeline. Each is one function in a file of its name.
#pragma once

#include "passes/remarks.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>

namespace weft {

/// Inserts before a composite op what its function calls, and returns what stands for its result.
using Expand = std::function<mlir::FailureOr<mlir::Value>(mlir::OpBuilder&, mlir::Operation*)>;

/// Nanoseconds that a byte is worth, which a program keeps while the most bytes live, where no
/// budget asks for more.
inline constexpr double kUsualByteWorth = 0.6;

struct PassContext {
  Remarks* remarks = nullptr; // null: nobody listens
  bool joins = true;          // false: each op is a kernel of its own
  Expand expand = {};         // empty: nobody has the functions of composites
  double byteWorth = kUsualByteWorth;
  bool isForDevice = false; // kernels are for a device, which runs thousands of points at once
};

/// Replaces each composite op by the ops that its function calls.
mlir::LogicalResult decompose(mlir::ModuleOp module, PassContext& context);

/// Chooses what is kept for a backward pass outside of the program, and what that makes again.
mlir::LogicalResult keepSaved(mlir::ModuleOp module, PassContext& context);
/// Rewrites each op to a simpler one that gives the same bits; removes what nobody reads.
mlir::LogicalResult simplify(mlir::ModuleOp module, PassContext& context);
/// Merges ops that are equal.
mlir::LogicalResult mergeEqual(mlir::ModuleOp module, PassContext& context);
/// Folds maxima over windows whose positions nobody reads over what each tap sees.
mlir::LogicalResult poolValues(mlir::ModuleOp module, PassContext& context);
/// Checks the indices of updates of a leaf before anything is written, so that they may write it.
mlir::LogicalResult checkIndices(mlir::ModuleOp module, PassContext& context);
/// Computes again, where it is cheap, what would be kept for long while memory is fullest.
mlir::LogicalResult recompute(mlir::ModuleOp module, PassContext& context);
/// Takes the elements of reductions of everything in the order of memory.
mlir::LogicalResult orderReductions(mlir::ModuleOp module, PassContext& context);
/// Cuts reductions that leave too few points into two steps with a fixed tree.
mlir::LogicalResult splitReductions(mlir::ModuleOp module, PassContext& context);
/// Cuts products with few tiles and a long inner axis in pieces, for devices.
mlir::LogicalResult splitProducts(mlir::ModuleOp module, PassContext& context);
/// Runs two products with a normalisation of rows between them tile by tile.
mlir::LogicalResult tileProducts(mlir::ModuleOp module, PassContext& context);
/// Groups ops into weft.kernels.
mlir::LogicalResult fuse(mlir::ModuleOp module, PassContext& context);
/// Gives every result of the segment a kernel of its own that may write it, and orders kernels by
/// what they overwrite.
mlir::LogicalResult placeOutputs(mlir::ModuleOp module, PassContext& context);
/// Makes a loom.kernel of each weft.kernel, and a weft.launch in its place.
mlir::LogicalResult lowerToLoom(mlir::ModuleOp module, PassContext& context);
/// Divides by the sums of rows once a row.
mlir::LogicalResult hoistReciprocals(mlir::ModuleOp module, PassContext& context);
/// Runs what finishes a reduction in the launch of the reduction, as a phase of its own, and light
/// folds that one kernel reads in one launch.
mlir::LogicalResult joinLaunches(mlir::ModuleOp module, PassContext& context);
/// Writes results over temporaries that nobody reads afterwards.
mlir::LogicalResult writeInPlace(mlir::ModuleOp module, PassContext& context);
/// Cuts axes where a condition on them changes, so that each range does without it.
mlir::LogicalResult splitRanges(mlir::ModuleOp module, PassContext& context);
/// Counts the positions that reductions carry beside an f32 in f32, where that is exact.
mlir::LogicalResult narrowPositions(mlir::ModuleOp module, PassContext& context);
/// Makes kernels that are equal but for names one kernel.
mlir::LogicalResult mergeKernels(mlir::ModuleOp module, PassContext& context);
/// Gives every buffer of a launch its place: leaf, output, or an offset in the arena.
mlir::LogicalResult planMemory(mlir::ModuleOp module, PassContext& context);

} // namespace weft
