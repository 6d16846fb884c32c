// The cheapest way to part a graph: which edges to cut so that no path leads from a source to a
// sink.
#pragma once

#include "llvm/ADT/BitVector.h"

#include <limits>
#include <vector>

namespace weft {

/// A directed graph whose edges have capacities.
class FlowGraph {
public:
  static constexpr double kUncut = std::numeric_limits<double>::infinity();

  unsigned addNode();
  void addEdge(unsigned from, unsigned to, double capacity);

  /// Returns the nodes on the sink's side of a minimum cut, the one with the fewest of them (Ford
  /// and Fulkerson 1956; the flow by Dinic 1970). Every path has an edge of finite capacity.
  llvm::BitVector sinkSide(unsigned source, unsigned sink);

private:
  struct Edge {
    unsigned to;
    double left; // capacity that the flow leaves
  };
  bool findLevels(unsigned source, unsigned sink);
  double push(unsigned node, unsigned sink, double most);

  std::vector<Edge> edges;                  // each followed by its reverse
  std::vector<std::vector<unsigned>> leads; // by node: edges that leave it
  std::vector<unsigned> level, next;
};

} // namespace weft
