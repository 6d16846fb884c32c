// NodeExtra: what few tape nodes have beside their op: hooks, a gradient that is kept, the call of
// a user's function.
#pragma once

#include "runtime/autograd/checkpoint.h"
#include "runtime/autograd/function_call.h"
#include "runtime/autograd/grad_node.h"
#include "runtime/autograd/hooks.h"

#include <memory>
#include <string>

namespace weft {

struct NodeExtra {
  std::shared_ptr<HookList> hooks;
  std::unique_ptr<FunctionCall> function;
  std::shared_ptr<Checkpoint> checkpoint; // has let go of the node's saved values
  size_t checkpoint_position = 0;         // of the node in it

  /// Gives the node back what a checkpoint took, before its gradient reads it.
  void restore(GradNode& node);
  /// Makes backward passes keep the gradient of the node's result, as leaves do.
  void retain_gradient();
  bool retains() const;
  /// Ends that, and drops the gradient: nobody can ask for it any more.
  void stop_retaining();
  Tensor retained() const;
  void set_retained(const Tensor& g);
  /// Adds a pass's gradient to what is kept, where it is to be kept.
  void keep(const Tensor& g);

private:
  mutable std::mutex mutex_;
  bool retains_ = false;
  Tensor retained_;
};

/// The node's extra part, made at the first call.
NodeExtra& node_extra(GradNode& node);

/// Lets `to`, the new history of a tensor, go on keeping its gradient.
void move_retained(GradNode* from, GradNode& to);

/// The op's name as messages say it; a user's function has its own.
std::string node_name(const GradNode& node);

} // namespace weft
