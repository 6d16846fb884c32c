// The last step of fusion: what it decided becomes the function's body.
#pragma once

#include "passes/fusion_graph.h"

namespace weft {

/// A kernel: for each of its parts the nodes, in program order.
using FusedKernel = llvm::SmallVector<llvm::SmallVector<unsigned>>;

/// Replaces the function's ops by kernels that together have every node once. They run in an order
/// that respects the graph's edges: what lets go of more memory than it makes comes as soon as it
/// can, other ones as in the program.
void writeKernels(FusionGraph& graph, llvm::ArrayRef<FusedKernel> kernels);

} // namespace weft
