#include "runtime/autograd/node_extra.h"

#include "weft/ops.h"

#include <fmt/format.h>

namespace weft {

void NodeExtra::retain_gradient() {
  std::lock_guard lock(mutex_);
  retains_ = true;
}

bool NodeExtra::retains() const {
  std::lock_guard lock(mutex_);
  return retains_;
}

void NodeExtra::stop_retaining() {
  Tensor dropped; // freed outside of the lock: it may lead back here
  std::lock_guard lock(mutex_);
  retains_ = false;
  dropped.swap(retained_);
}

Tensor NodeExtra::retained() const {
  std::lock_guard lock(mutex_);
  return retained_;
}

void NodeExtra::set_retained(const Tensor& g) {
  Tensor dropped = g;
  std::lock_guard lock(mutex_);
  dropped.swap(retained_);
}

void NodeExtra::keep(const Tensor& g) {
  if (!retains()) return;
  const Tensor before = retained();
  set_retained(before.defined() ? add(before, g) : g);
}

void NodeExtra::restore(GradNode& node) {
  std::lock_guard lock(mutex_); // another pass may be here too
  if (!checkpoint) return;
  checkpoint->restore(node, checkpoint_position);
  checkpoint = nullptr;
}

NodeExtra& node_extra(GradNode& node) {
  if (!node.extra) node.extra = new NodeExtra;
  return *node.extra;
}

void move_retained(GradNode* from, GradNode& to) {
  if (!from || !from->extra || !from->extra->retains() || from == &to) return;
  node_extra(to).retain_gradient();
  to.extra->set_retained(from->extra->retained());
  from->extra->stop_retaining();
}

std::string node_name(const GradNode& node) {
  if (node.op != kNoOp) return info(node.op).name;
  if (node.extra && node.extra->function) return node.extra->function->name();
  auto& output = const_cast<GradNode&>(node); // the variable part has no const form
  return fmt::format("{}[{}]", node_name(*output.operands()[0].edge.node()), output.structure()[0]);
}

} // namespace weft
