// What speaks against one kernel for a set of ops.
#pragma once

#include "passes/fusion_graph.h"

namespace weft {

/// Ops up to which a kernel grows.
inline constexpr unsigned kMostFusedOps = 400;

class FusionProfit {
public:
  FusionProfit(FusionGraph& graph, bool isForDevice) : graph(graph), isForDevice(isForDevice) {
    findWindows();
  }

  /// Says whether a part is better as one kernel than as the kernels that it would be made of, and
  /// in `why` what speaks against it.
  bool isProfitable(const Part& part, Reason& why);

private:
  void findWindows();
  bool repeatsForGather(const Part& part);
  bool repeatsForWindows(const Part& part);
  bool repeatsDear(const Part& part);

  FusionGraph& graph;
  bool isForDevice;
  // For each op whose result many overlapping slices read, such as windows, the ops that read it
  // for them: those of the slices, and what joins it to a rim.
  llvm::DenseMap<mlir::Operation*, llvm::SmallVector<mlir::Operation*>> windowReaders;
};

} // namespace weft
