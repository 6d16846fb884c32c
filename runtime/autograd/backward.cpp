#include "runtime/autograd/backward.h"

#include "weft/device.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft {

namespace {

class GradModeScope {
public:
  explicit GradModeScope(bool on) : previous_(std::exchange(grad_mode, on)) {}
  ~GradModeScope() { grad_mode = previous_; }

private:
  bool previous_;
};

void add_to(Tensor& sum, Tensor g) { sum = sum.defined() ? add(sum, g) : std::move(g); }

} // namespace

// With a stay left, an exception is on its way.
BackwardRegions::~BackwardRegions() {
  if (stay_) stay_->abandon();
}

void BackwardRegions::go_to(uint32_t region) {
  if (!outside_ || region == region_) return;
  if (stay_) stay_->finish();
  stay_.reset();
  region_ = region;
  owner_ = region ? find_region(region) : nullptr;
  if (owner_) stay_ = owner_->enter_backward();
}

BackwardPass::~BackwardPass() {
  for (const Entry& e : heap_)
    take_gradient(e.node); // left there by an exception
  for (auto& [edge, seed] : roots_)
    edge.release();
}

void BackwardPass::add_input(TensorImpl* t) {
  selective_ = true;
  GradEdge edge = GradEdge::to(t);
  captured_.try_emplace(edge.key());
  edge.release();
}

void BackwardPass::add_root(const Tensor& t, Tensor seed) {
  roots_.emplace_back(GradEdge::to(t.impl()), std::move(seed));
}

Tensor BackwardPass::gradient_of(const TensorImpl* input) const {
  GradEdge edge = GradEdge::to(const_cast<TensorImpl*>(input));
  Tensor g = captured_.at(edge.key());
  edge.release();
  return g;
}

void BackwardPass::run() {
  if (selective_) find_needed_nodes();
  GradModeScope mode(create_graph_);
  for (auto& [edge, seed] : roots_)
    if (wants(edge)) deliver(edge, std::move(seed), false);
  BackwardRegions regions;
  while (!heap_.empty()) {
    GradNode* node = heap_.front().node;
    regions.go_to(node->region);
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    Tensor dy = take_gradient(node);
    if (selective_) {
      auto input = captured_.find(reinterpret_cast<uintptr_t>(node));
      if (input != captured_.end()) input->second = dy;
      if (!needed_.count(node)) continue;
    }
    step(*node, std::move(dy));
  }
  regions.go_to(0);
}

bool BackwardPass::wants(const GradEdge& edge) const {
  if (!selective_ || !edge) return static_cast<bool>(edge);
  return captured_.count(edge.key()) || (edge.node() && needed_.count(edge.node()));
}

// A node comes after all that it was made from, so one walk in the order of the calls decides.
void BackwardPass::find_needed_nodes() {
  std::vector<GradNode*> nodes;
  std::unordered_set<const GradNode*> seen;
  auto visit = [&](const GradEdge& edge) {
    if (GradNode* n = edge.node(); n && seen.insert(n).second) nodes.push_back(n);
  };
  for (auto& [edge, seed] : roots_)
    visit(edge);
  for (size_t i = 0; i < nodes.size(); i++)
    for (uint32_t k = 0; k < nodes[i]->operand_count; k++)
      visit(nodes[i]->operands()[k].edge);
  std::sort(nodes.begin(), nodes.end(),
            [](const GradNode* a, const GradNode* b) { return a->sequence < b->sequence; });
  for (GradNode* n : nodes)
    for (uint32_t k = 0; k < n->operand_count; k++)
      if (wants(n->operands()[k].edge)) needed_.insert(n);
}

void BackwardPass::push(GradNode* node) {
  heap_.push_back({node->sequence, order_++, node});
  std::push_heap(heap_.begin(), heap_.end());
}

Tensor& BackwardPass::waiting_gradient(GradNode* node) {
  BackwardPass* owner = nullptr;
  if (node->pass.compare_exchange_strong(owner, this, std::memory_order_acquire)) {
    push(node);
    return node->pending;
  }
  if (owner == this) return node->pending;
  auto [slot, is_new] = busy_elsewhere_.try_emplace(node);
  if (is_new) push(node);
  return slot->second;
}

Tensor BackwardPass::take_gradient(GradNode* node) {
  if (node->pass.load(std::memory_order_relaxed) == this) {
    Tensor g = std::move(node->pending);
    node->pass.store(nullptr, std::memory_order_release);
    return g;
  }
  auto slot = busy_elsewhere_.find(node);
  Tensor g = std::move(slot->second);
  busy_elsewhere_.erase(slot);
  return g;
}

void BackwardPass::step(GradNode& node, Tensor dy) {
  LocOverride user_line(node.loc);
  if (node.released && node.saved)
    throw Error(
        ErrorKind::autograd,
        fmt::format("backward: the graph must be kept by retain_graph for a second pass; what "
                    "{} saved is gone",
                    info(node.op).name),
        node.loc);
  VjpContext c(node, std::move(dy));
  for (int k = 0; k < c.operand_count(); k++)
    c.slots_[k].wanted = wants(node.operands()[k].edge);
  const DeviceScope device(c.dy().impl()->meta.device); // of what gradients make from nothing
  info(node.op).vjp(c);

  // Nothing of the op's values is needed past this point: let go before more memory is asked for.
  uint64_t fresh = 0;
  for (int k = 0; k < c.operand_count() && k < 64; k++)
    if (c.slots_[k].gradient.defined() && c.is_fresh(k)) fresh |= uint64_t{1} << k;
  for (int k = 0; k < c.operand_count(); k++)
    c.slots_[k].value = {};
  c.result_ = {};
  c.dy_ = {};
  if (!retain_graph_) {
    node.release_saved();
    node.released = true;
  }
  for (int k = 0; k < c.operand_count(); k++)
    if (c.slots_[k].gradient.defined())
      deliver(node.operands()[k].edge, std::move(c.slots_[k].gradient), k < 64 && (fresh >> k & 1));
}

void BackwardPass::deliver(const GradEdge& edge, Tensor gradient, bool fresh) {
  if (GradNode* node = edge.node()) return add_to(waiting_gradient(node), std::move(gradient));
  if (selective_) return add_to(captured_.at(edge.key()), std::move(gradient));
  accumulate(edge.leaf(), std::move(gradient), fresh);
}

void BackwardPass::accumulate(TensorImpl* leaf, Tensor gradient, bool fresh) {
  LeafState& state = leaf_state(leaf);
  std::lock_guard lock(state.mutex);
  Tensor& sum = state.grad;
  // A stored gradient must be alone with its memory: the next pass adds to it in place.
  if (!sum.defined())
    sum = fresh ? std::move(gradient) : gradient.clone();
  else if (create_graph_ || sum.requires_grad())
    sum = add(sum, gradient);
  else
    sum.add_(gradient);
}

} // namespace weft
