// How a loom kernel runs on a device: which axis becomes the threads of a block, how many blocks
// there are, where locals live. Everything follows from the IR, so that results do not depend on
// the device.
#pragma once

#include "codegen/gpu/launch.h"
#include "codegen/gpu/product.h"
#include "ir/loom/loom.h"

#include <optional>
#include <vector>

namespace weft::gpu {

/// A local's memory: a thread's own array, the block's shared memory at an offset in bytes, or the
/// block's scratch memory at an offset in bytes.
struct LocalPlace {
  enum class Space { own, shared, scratch };
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
  llvm::SmallVector<unsigned> axes;   // from the slowest to the one that runs along the threads
  mlir::AffineExpr points, blocks;
  std::vector<LocalPlace> locals;
};

struct KernelPlan {
  std::vector<PartPlan> parts;
  int threads = 1;          // of every block, a power of two
  int64_t shared_bytes = 0; // of every block
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

/// The bytes of shared memory with which the threads of a block join one accumulator of this type.
int64_t treeBytes(mlir::Type type, int threads);

/// Whether the threads of a block share this loop's iterations.
bool runsAlongThreads(mlir::Operation* loop, const PartPlan& plan);

/// The axis of a loom.loop or loom.dot, nothing for any other op.
std::optional<loom::AxisAttr> axisOf(mlir::Operation* loop);

} // namespace weft::gpu
