#include "frontend/trace.h"

namespace weft {

Trace::Trace() : root_(make_node()) {}
Trace::~Trace() = default;

TraceNode* Trace::make_node() {
  if (node_count_ % kChunk == 0) chunks_.emplace_back(new TraceNode[kChunk]);
  TraceNode* n = &chunks_.back()[node_count_ % kChunk];
  ColdNode& c = cold_.emplace_back();
  c.hot = n;
  n->cold = &c;
  n->index = static_cast<uint32_t>(node_count_++);
  return n;
}

void Trace::append(TraceNode* parent, TraceNode* child) {
  std::atomic<TraceNode*>* end = &parent->next;
  while (TraceNode* n = end->load(std::memory_order_relaxed))
    end = &n->sibling;
  end->store(child, std::memory_order_release);
}

} // namespace weft
