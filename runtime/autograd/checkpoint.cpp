// 1. The function runs and records as ever. Each node behind its results lets go of what it saved,
//    but for inputs of the function and leaves, which live anyway.
// 2. The first node that a backward pass reaches runs the function again, recording, with the first
//    time's random numbers. The same ops make the same nodes in the same order.
// 3. Each node takes the values of its twin. Once all have, the second graph goes.

#include "runtime/autograd/checkpoint.h"

#include "runtime/autograd/node_extra.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace weft {

namespace {

uint32_t version_of(const Tensor& t) {
  return t.defined() ? t.impl()->storage->version.load(std::memory_order_relaxed) : 0;
}

/// Makes the thread's random numbers start elsewhere for a while.
class RandomScope {
public:
  explicit RandomScope(const Generator& start)
      : before_(std::exchange(default_generator(), start)) {}
  ~RandomScope() { default_generator() = before_; }
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

private:
  Generator before_;
};

} // namespace

Checkpoint::Checkpoint(TensorFunction f, std::vector<Tensor> inputs, const Loc& loc)
    : f_(std::move(f)), inputs_(std::move(inputs)), random_(default_generator()), loc_(loc) {
  for (const Tensor& t : inputs_)
    versions_.push_back(version_of(t));
}

void Checkpoint::fail(const std::string& message) const {
  throw Error(ErrorKind::autograd, "checkpoint: " + message, loc_);
}

// What was recorded since the node of number `first`, in the order of the ops.
std::vector<GradNode*> Checkpoint::nodes_behind(const std::vector<Tensor>& outputs,
                                                uint64_t first) const {
  std::vector<GradNode*> nodes;
  std::unordered_set<const GradNode*> seen;
  auto visit = [&](GradNode* n) {
    if (n && n->sequence > first && seen.insert(n).second) nodes.push_back(n);
  };
  for (const Tensor& t : outputs)
    if (t.defined() && t.requires_grad()) visit(node_of(t.impl()));
  for (size_t i = 0; i < nodes.size(); i++)
    for (uint32_t k = 0; k < nodes[i]->operand_count; k++)
      visit(nodes[i]->operands()[k].edge.node());
  std::sort(nodes.begin(), nodes.end(),
            [](const GradNode* a, const GradNode* b) { return a->sequence < b->sequence; });
  return nodes;
}

bool Checkpoint::is_kept(const TensorImpl* value) const {
  if (value->is_leaf && value->meta.requires_grad) return true;
  return std::any_of(inputs_.begin(), inputs_.end(),
                     [value](const Tensor& t) { return t.impl() == value; });
}

std::vector<Tensor> Checkpoint::run(std::shared_ptr<Checkpoint> self) {
  const uint64_t first = newest_sequence(self->inputs_);
  std::vector<Tensor> outputs = self->f_(self->inputs_);
  for (size_t k = 0; k < self->inputs_.size(); k++)
    if (version_of(self->inputs_[k]) != self->versions_[k])
      self->fail(fmt::format("the function must not change its inputs in place, got input {} "
                             "changed; clone() it first",
                             k));
  const std::vector<GradNode*> nodes = self->nodes_behind(outputs, first);
  self->node_count_ = nodes.size();
  for (size_t i = 0; i < nodes.size(); i++) {
    GradNode& n = *nodes[i];
    if (n.extra && n.extra->checkpoint) continue; // of a checkpoint in this one
    const bool dropped =
        n.drop_saved([&](const TensorImpl* value) { return !self->is_kept(value); });
    if (!dropped) continue;
    node_extra(n).checkpoint = self;
    n.extra->checkpoint_position = i;
    self->waiting_++;
  }
  return outputs;
}

void Checkpoint::run_again() {
  for (size_t k = 0; k < inputs_.size(); k++)
    if (version_of(inputs_[k]) != versions_[k])
      fail(fmt::format("input {}, {}, must not be changed in place before backward, which needs it "
                       "again; it was at version {} and is at version {}",
                       k, describe(inputs_[k].impl()->meta), versions_[k], version_of(inputs_[k])));
  const RandomScope random(random_);
  EnableGrad record;
  const uint64_t first = newest_sequence(inputs_);
  outputs_ = f_(inputs_);
  nodes_ = nodes_behind(outputs_, first);
  if (nodes_.size() == node_count_) return;
  const size_t got = nodes_.size();
  outputs_.clear();
  nodes_.clear();
  fail(fmt::format("the function must do the same when backward runs it again, got {} recorded ops "
                   "and {} at first",
                   got, node_count_));
}

void Checkpoint::restore(GradNode& node, size_t position) {
  std::lock_guard lock(mutex_);
  if (outputs_.empty()) run_again();
  GradNode& twin = *nodes_[position];
  if (twin.op != node.op || twin.operand_count != node.operand_count)
    fail(fmt::format("the function must do the same when backward runs it again, got {} where it "
                     "did {} at first",
                     node_name(twin), node_name(node)));
  node.take_saved(twin);
  if (--waiting_ > 0) return;
  nodes_.clear();
  outputs_.clear();
}

std::vector<Tensor> checkpoint(const TensorFunction& f, const std::vector<Tensor>& inputs,
                               Loc loc) {
  if (!grad_mode) return f(inputs);
  return Checkpoint::run(std::make_shared<Checkpoint>(f, inputs, LocScope::resolve(loc)));
}

Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& input, Loc loc) {
  return checkpoint([f](const std::vector<Tensor>& x) { return std::vector<Tensor>{f(x[0])}; },
                    std::vector<Tensor>{input}, loc)[0];
}

} // namespace weft
