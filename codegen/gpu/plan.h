// How a loom kernel runs on a device: which axis becomes the threads of a block, how many blocks
// there are, where locals live. Everything follows from the IR, so that results do not depend on
// the device.
#pragma once

#include "codegen/gpu/launch.h"
#include "codegen/gpu/product.h"
#include "codegen/gpu/wide.h"
#include "ir/loom/loom.h"

#include "llvm/ADT/DenseMap.h"

#include <optional>
#include <vector>

namespace weft::gpu {

/// A local's memory: a thread's own array, of the whole local or of what the thread's iterations
/// touch; the block's shared memory or its scratch memory at an offset in bytes.
struct LocalPlace {
  enum class Space { own, kept, shared, scratch };
  loom::LocalOp local;
  Space space = Space::own;
  int64_t shared_offset = 0;
  mlir::AffineExpr scratch_offset, extent;
};

struct PartPlan {
  loom::PartOp part;
  // Lanes along an axis of the part: each thread computes one point, all of its loops serially.
  // Lanes along loops: a block computes one point and its threads share each such loop.
  bool point_per_thread = true;
  bool shares_dot = false;            // along loom.dot, with lanes or without
  std::optional<ProductPlan> product; // a block computes a tile, whose points are its threads' own
  llvm::DenseMap<mlir::Operation*, WideBody> wide_loops; // of those that threads share
  llvm::SmallVector<unsigned> axes;    // from the slowest to the one that runs along the threads
  mlir::AffineExpr points, blocks;     // where points are wide, a run of them counts as one
  std::optional<WideBody> wide_points; // along the last of `axes`
  int64_t tree_bytes = 0;              // of what a loop's sums are joined in
  std::vector<LocalPlace> locals;

  /// The extent of an axis of the part, in runs where points are wide along it.
  mlir::AffineExpr extentOf(unsigned axis) const;
};

struct KernelPlan {
  std::vector<PartPlan> parts;
  int threads = 1;          // of every block, a power of two
  int64_t shared_bytes = 0; // of every block
  int64_t matrix_bytes = 0; // of one whose products are by tensor cores, where these need more
  // Expressions of the kernel's sizes. Blocks of the parts are numbered one after another. With
  // scratch memory no more than kMostResident blocks are launched, and each does several in turn.
  mlir::AffineExpr blocks, scratch_bytes;
  bool strided = false;
};

inline constexpr int64_t kMostResident = 512;

/// Plans one phase of a kernel that checkKernel accepts.
KernelPlan planPhase(llvm::ArrayRef<loom::PartOp> phase);

/// Refuses what the emitter cannot map, as "loom.kernel @name: what must hold, got what".
llvm::Error checkKernel(loom::KernelOp kernel);

/// Threads that exchange values without shared memory, where a device can.
inline constexpr int kWarp = 32;

/// The bytes of shared memory with which the threads of a block join one accumulator of this type.
int64_t treeBytes(mlir::Type type, int threads);

/// Whether the threads of a block share this loop's iterations.
bool runsAlongThreads(mlir::Operation* loop, const PartPlan& plan);

/// The axis of a loom.loop or loom.dot, nothing for any other op.
std::optional<loom::AxisAttr> axisOf(mlir::Operation* loop);

} // namespace weft::gpu
