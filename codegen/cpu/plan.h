// What the CPU emitter decides about a kernel before it emits: vector length, chunks, where locals
// live, which dot becomes a tiled matrix product. Everything here follows from the IR and the
// target, never from the run.
#pragma once

#include "codegen/cpu/dot_plan.h"
#include "codegen/cpu/lines_plan.h"
#include "codegen/cpu/target.h"
#include "codegen/cpu/winograd_plan.h"
#include "ir/loom/rare.h"

#include <optional>
#include <string>
#include <vector>

namespace weft::cpu {

/// Elements of a row that stays in the second-level cache beside the current one.
inline constexpr int64_t kPrefetchedRow = 64 * 1024;

/// Says whether an element is stored as it is and nothing else: it stays in memory's type.
bool isMoved(loom::LoadOp load);

/// A local in the stack frame, or in the thread's scratch memory at an offset in bytes.
struct LocalPlace {
  loom::LocalOp local;
  bool on_stack = true;
  mlir::AffineExpr bytes, offset;
};

/// How a factor sees its columns through windows. Step k = period * p + s of the product reads, for
/// column j, the element by_column(j) + by_step(s) + period_stride * p, if the sum of the functions
/// of each bound is at least 0; else 0. The functions are affine, of dim 0.
struct ProductWindow {
  int64_t period = 1, period_stride = 0;
  mlir::AffineExpr by_column, by_step;
  struct Bound {
    mlir::AffineExpr by_column, by_step;
  };
  llvm::SmallVector<Bound, 4> bounds;
};

/// An access a*axis + ... + start of a factor of a product; strides and start are expressions of
/// the sizes. A factor that the dot's body computes, such as one that it dequantises, has the value
/// and the ops that it takes instead; its strides only tell what it depends on.
struct ProductFactor {
  loom::LoadOp load;
  mlir::Value computed;
  llvm::SmallVector<mlir::Operation*> ops;
  llvm::SmallVector<mlir::AffineExpr> strides; // by axis of the part
  mlir::AffineExpr k_stride;
  mlir::AffineExpr start;
  std::optional<ProductWindow> window; // in the place of the strides of columns and k
};

/// A part whose only loom.dot maps onto the tiled matrix product: which axes are rows and columns;
/// the others are batch. Several axes are one row index where A's rows follow one another.
struct Product {
  loom::DotOp dot;
  llvm::SmallVector<int> row_axes, batch_axes; // outermost first; no row axes: a single row
  int column_axis = -1;
  ProductFactor a, b;
  DotPlan plan;
  std::optional<LinesPlan> lines;       // how the columns are computed where they lie in lines
  std::optional<WinogradPlan> winograd; // likewise, in squares: before `lines`
};

/// Loads whose lanes are far apart but which are contiguous along another axis of the part: they
/// are read in square tiles, a vector along that axis for each lane, and transposed in registers.
struct Tiling {
  int axis = -1; // along which the loads are contiguous
  struct Load {
    loom::LoadOp load;
    int64_t lane_stride; // in elements
    bool is_reversed;    // contiguous from the axis' end on
  };
  llvm::SmallVector<Load, 2> loads;
};

/// All panels of the factor that a product packs, [panel][panel_steps / group][width], packed ahead
/// of calls by a function of their own, since a buffer may hold the same in many calls (loom.kept).
struct KeptPanels {
  int number = 0; // among those of the kernel
  mlir::BlockArgument buffer;
  int64_t start = 0, lanes = 0, steps = 0;
  int64_t panel_steps = 0; // as many as the steps, or the points that these become
  int64_t width = 0, lane_stride = 0, step_stride = 0;

  int64_t count() const { return (lanes - 1) / width + 1; }
  int64_t panelBytes(const DotPlan& plan) const {
    return ((panel_steps - 1) / plan.group + 1) * width * plan.sumBytes();
  }
  /// Memory of all panels, with the vector that packing may write behind them.
  int64_t bytes(const DotPlan& plan) const {
    return count() * panelBytes(plan) + plan.target.vector_bytes;
  }
  /// Tells what the panels hold of the buffer, and how: equal for equal panels.
  std::string layout(const DotPlan& plan) const;
};

struct PartPlan {
  loom::PartOp part;
  int lanes = 1;      // elements of a vector
  int lane_axis = -1; // axis of the part that lanes run along, or -1: loops have them
  int blocks = 1;     // vectors in flight along the lane axis
  std::optional<Product> product;
  std::optional<KeptPanels> kept; // of the product
  std::optional<Tiling> tiling;
  mlir::AffineExpr chunks, scratch_bytes;
  std::vector<LocalPlace> locals;
  loom::RareSides rare; // what is emitted inside of branches
  // Loads that fetch for the next point, by how many elements it lies ahead, an expression of the
  // sizes, and how long a row must be at most: another one is gone again before it is read.
  struct Prefetch {
    mlir::AffineExpr ahead, row;
  };
  llvm::DenseMap<mlir::Operation*, Prefetch> prefetches;
  // Stores that take turns along the lanes: the last one of a group has all of them in the order of
  // memory, the others none.
  llvm::DenseMap<mlir::Operation*, llvm::SmallVector<loom::StoreOp, 4>> interleaved;
};

struct KernelPlan {
  std::vector<PartPlan> parts; // of all phases, in order
  // Expressions of the sizes; all but scratch_bytes have a result for each phase.
  mlir::AffineMap chunks, scratch_bytes, bytes, flops;

  /// Calls f with each part that keeps panels, in the order of their numbers.
  template <class F> void eachKept(F f) const {
    for (const PartPlan& part : parts)
      if (part.kept) f(part);
  }
};

/// Plans a kernel that checkKernel accepts.
KernelPlan planKernel(loom::KernelOp kernel, const CpuTarget& target);

/// Recognises a matrix product (product.cpp).
std::optional<Product> matchProduct(loom::PartOp part, const CpuTarget& target);

/// Returns the buffer of a factor whose panels may serve all entries of the batch and the next
/// call, or none.
mlir::BlockArgument keptBuffer(const Product& product, const ProductFactor& factor);

/// Finds the panels of a product that may be kept from call to call (kept_panels.cpp).
std::optional<KeptPanels> findKept(const Product& product);

/// Reads a factor that sees the columns through windows (windows.cpp).
std::optional<ProductFactor> readWindow(loom::PartOp part, loom::DotOp dot, loom::LoadOp load,
                                        int column_axis);

/// Finds loads to transpose, for lanes along an axis of the part (tiles.cpp).
std::optional<Tiling> findTiling(const PartPlan& plan, const CpuTarget& target);

/// Finds the plan's groups of stores that take turns along the lanes (interleave.cpp).
void findInterleaved(PartPlan& plan);

/// Refuses what the emitter cannot map, as "loom.kernel @name: what must hold, got what".
llvm::Error checkKernel(loom::KernelOp kernel, const CpuTarget& target);

} // namespace weft::cpu
