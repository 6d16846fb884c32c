#include "passes/min_cut.h"

#include <algorithm>

namespace weft {
namespace {

constexpr unsigned kUnreached = ~0u;

} // namespace

unsigned FlowGraph::addNode() {
  leads.emplace_back();
  return leads.size() - 1;
}

void FlowGraph::addEdge(unsigned from, unsigned to, double capacity) {
  leads[from].push_back(edges.size());
  edges.push_back({to, capacity});
  leads[to].push_back(edges.size());
  edges.push_back({from, 0});
}

bool FlowGraph::findLevels(unsigned source, unsigned sink) {
  level.assign(leads.size(), kUnreached);
  level[source] = 0;
  std::vector<unsigned> queue{source};
  for (size_t k = 0; k < queue.size(); k++)
    for (unsigned e : leads[queue[k]])
      if (edges[e].left > 0 && level[edges[e].to] == kUnreached) {
        level[edges[e].to] = level[queue[k]] + 1;
        queue.push_back(edges[e].to);
      }
  return level[sink] != kUnreached;
}

// Sends up to `most` along shortest paths and returns what arrived.
double FlowGraph::push(unsigned node, unsigned sink, double most) {
  if (node == sink) return most;
  double sent = 0;
  for (unsigned& k = next[node]; k < leads[node].size(); k++) {
    Edge& edge = edges[leads[node][k]];
    if (edge.left <= 0 || level[edge.to] != level[node] + 1) continue;
    double flow = push(edge.to, sink, std::min(most - sent, edge.left));
    if (flow > 0) {
      edge.left -= flow;
      edges[leads[node][k] ^ 1].left += flow;
      sent += flow;
    }
    if (sent >= most) break;
  }
  return sent;
}

llvm::BitVector FlowGraph::sinkSide(unsigned source, unsigned sink) {
  while (findLevels(source, sink)) {
    next.assign(leads.size(), 0);
    push(source, sink, kUncut);
  }
  llvm::BitVector side(leads.size());
  side.set(sink);
  std::vector<unsigned> queue{sink};
  for (size_t k = 0; k < queue.size(); k++)
    for (unsigned e : leads[queue[k]])
      if (unsigned from = edges[e].to; edges[e ^ 1].left > 0 && !side[from]) {
        side.set(from);
        queue.push_back(from);
      }
  return side;
}

} // namespace weft
