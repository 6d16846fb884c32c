#include "runtime/autograd/backward.h"

#include "runtime/autograd/node_extra.h"
#include "weft/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace weft {

namespace {

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
  held_.clear();
  region_ = region;
  owner_ = region ? find_region(region) : nullptr;
  if (owner_) stay_ = owner_->enter_backward();
}

std::unique_lock<std::recursive_mutex> BackwardRegions::lock(LeafState& state) {
  std::unique_lock lock(state.mutex, std::try_to_lock);
  if (lock) return lock;
  if (!held_.empty()) {
    current_session->flush("another thread's backward pass", Loc());
    held_.clear();
  }
  lock.lock();
  return lock;
}

void BackwardRegions::keep(TensorImpl* leaf, std::unique_lock<std::recursive_mutex> lock) {
  if (!stay_) return;
  leaf->retain();
  held_.push_back({Tensor::adopt(leaf), std::move(lock)});
}

RegionPause::RegionPause(const char* reason) : session_(current_session) {
  if (session_) session_->flush(reason, Loc());
  current_session = nullptr;
}

BackwardPass::~BackwardPass() {
  for (const Entry& e : heap_) // left there by an exception
    if (!function_gradients_.count(e.node)) take_gradient(e.node);
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
  std::optional<RegionPause> pause;
  if (anomaly_mode) pause.emplace("anomaly mode");
  if (selective_) find_needed_nodes();
  if (any_leaf_has_hooks()) find_hooked_leaves();
  GradMode mode(create_graph_);
  BackwardRegions regions;
  regions_ = &regions;
  for (auto& [edge, seed] : roots_)
    if (wants(edge)) deliver(edge, std::move(seed), false);
  while (!heap_.empty()) {
    GradNode* node = heap_.front().node;
    if (!hooked_.empty()) finish_leaves(node->sequence);
    regions.go_to(node->region);
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    run_node(*node);
  }
  finish_leaves(0);
  regions.go_to(0);
}

void BackwardPass::run_node(GradNode& node) {
  if (node.extra && node.extra->function) return step_function(node);
  Tensor dy = take_gradient(&node);
  if (node.extra) dy = call_hooks(node, std::move(dy));
  if (selective_) {
    auto input = captured_.find(reinterpret_cast<uintptr_t>(&node));
    if (input != captured_.end()) input->second = dy;
    if (!needed_.count(&node)) return;
  }
  if (node.op == kNoOp) return step_output(node, std::move(dy));
  step(node, std::move(dy));
}

bool BackwardPass::wants(const GradEdge& edge) const {
  if (!selective_ || !edge) return static_cast<bool>(edge);
  return captured_.count(edge.key()) || (edge.node() && needed_.count(edge.node()));
}

std::vector<GradNode*> BackwardPass::reachable_nodes() const {
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
  return nodes;
}

// A node comes after all that it was made from, so one walk in the order of the calls decides.
void BackwardPass::find_needed_nodes() {
  std::vector<GradNode*> nodes = reachable_nodes();
  std::sort(nodes.begin(), nodes.end(),
            [](const GradNode* a, const GradNode* b) { return a->sequence < b->sequence; });
  for (GradNode* n : nodes)
    for (uint32_t k = 0; k < n->operand_count; k++)
      if (wants(n->operands()[k].edge)) needed_.insert(n);
}

void BackwardPass::find_hooked_leaves() {
  std::unordered_map<TensorImpl*, uint64_t> first_use;
  auto use = [&](const GradEdge& edge, uint64_t sequence) {
    TensorImpl* leaf = edge.leaf();
    if (!leaf || !wants(edge)) return;
    LeafState& state = leaf_state(leaf);
    std::lock_guard lock(state.mutex);
    if (!state.hooks && !state.after_hooks) return;
    uint64_t& first = first_use.try_emplace(leaf, sequence).first->second;
    first = std::min(first, sequence);
  };
  for (auto& [edge, seed] : roots_)
    use(edge, std::numeric_limits<uint64_t>::max());
  for (GradNode* n : reachable_nodes())
    for (uint32_t k = 0; k < n->operand_count; k++)
      use(n->operands()[k].edge, n->sequence);
  for (auto& [leaf, sequence] : first_use) {
    hooked_.push_back({leaf, sequence});
    gathered_.try_emplace(leaf);
  }
  std::sort(hooked_.begin(), hooked_.end(),
            [](const HookedLeaf& a, const HookedLeaf& b) { return a.first_use < b.first_use; });
}

// Nodes that are left have numbers up to that of the next one.
void BackwardPass::finish_leaves(uint64_t next_sequence) {
  while (!hooked_.empty() && hooked_.back().first_use > next_sequence) {
    TensorImpl* leaf = hooked_.back().leaf;
    hooked_.pop_back();
    finish_leaf(leaf);
  }
}

void BackwardPass::finish_leaf(TensorImpl* leaf) {
  Tensor gradient = std::move(gathered_.at(leaf));
  if (!gradient.defined()) return;
  std::shared_ptr<HookList> hooks, after_hooks;
  {
    LeafState& state = leaf_state(leaf);
    std::lock_guard lock(state.mutex);
    hooks = state.hooks;
    after_hooks = state.after_hooks;
  }
  if (hooks) gradient = hooks->run(std::move(gradient));
  if (selective_) {
    captured_.at(GradEdge::lent(leaf).key()) = std::move(gradient);
    return;
  }
  accumulate(leaf, std::move(gradient), false);
  if (!after_hooks) return;
  leaf->retain();
  after_hooks->run(Tensor::adopt(leaf));
}

Tensor BackwardPass::call_hooks(GradNode& node, Tensor dy) {
  if (const std::shared_ptr<HookList> hooks = node.extra->hooks) dy = hooks->run(std::move(dy));
  if (!selective_) node.extra->keep(dy);
  return dy;
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
  if (node.extra) node.extra->restore(node);
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
  for (int k = 0; anomaly_mode && k < c.operand_count(); k++)
    check_gradient(node, static_cast<size_t>(k), c.slots_[k].gradient);

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

void BackwardPass::step_output(GradNode& node, Tensor dy) {
  GradNode* function = node.operands()[0].edge.node();
  auto [entry, is_first] = function_gradients_.try_emplace(function);
  if (is_first) {
    entry->second.resize(function->extra->function->output_count());
    push(function);
  }
  add_to(entry->second[static_cast<size_t>(node.structure()[0])], std::move(dy));
}

void BackwardPass::step_function(GradNode& node) {
  std::vector<Tensor> dy = std::move(function_gradients_.at(&node));
  function_gradients_.erase(&node);
  FunctionCall& function = *node.extra->function;
  std::vector<Tensor> gradients = function.backward(std::move(dy));
  if (!retain_graph_) {
    function.release();
    node.released = true;
  }
  for (uint32_t k = 0; k < node.operand_count; k++) {
    if (anomaly_mode) check_gradient(node, k, gradients[k]);
    if (gradients[k].defined() && wants(node.operands()[k].edge))
      deliver(node.operands()[k].edge, std::move(gradients[k]), false);
  }
}

void BackwardPass::check_gradient(const GradNode& node, size_t k, const Tensor& gradient) const {
  if (!gradient.defined()) return;
  NoGrad no_grad;
  const auto count = sum(ne(gradient, gradient)).item<int64_t>();
  if (count)
    throw Error(ErrorKind::autograd,
                fmt::format("{}: in AnomalyMode the gradient of operand {} must have no NaN, got "
                            "{} in {}",
                            node_name(node), k + 1, count, describe(gradient.impl()->meta)),
                node.loc);
}

void BackwardPass::deliver(const GradEdge& edge, Tensor gradient, bool fresh) {
  if (GradNode* node = edge.node()) return add_to(waiting_gradient(node), std::move(gradient));
  if (!gathered_.empty())
    if (auto sum = gathered_.find(edge.leaf()); sum != gathered_.end())
      return add_to(sum->second, std::move(gradient));
  if (selective_) return add_to(captured_.at(edge.key()), std::move(gradient));
  accumulate(edge.leaf(), std::move(gradient), fresh);
}

void BackwardPass::accumulate(TensorImpl* leaf, Tensor gradient, bool fresh) {
  LeafState& state = leaf_state(leaf);
  std::unique_lock lock = regions_->lock(state);
  Tensor& sum = state.grad;
  drop_poisoned(sum);
  // A stored gradient must be alone with its memory: the next pass adds to it in place.
  if (!sum.defined())
    sum = fresh ? std::move(gradient) : gradient.clone();
  else if (create_graph_ || sum.requires_grad())
    sum = add(sum, gradient);
  else
    sum.add_(gradient);
  regions_->keep(leaf, std::move(lock));
}

} // namespace weft
