// BackwardPass: carries gradients from roots to leaves, in the reverse order of the recorded ops.
// Iterative, so that no graph is too deep; ordered by sequence number, so that every pass over the
// same graph calls the same ops in the same order.
#pragma once

#include "runtime/autograd/grad_node.h"
#include "runtime/autograd/vjp_context.h"
#include "runtime/core/region_hook.h"

#include <optional>

#include <unordered_map>
#include <unordered_set>

namespace weft {

/// Runs the gradients of ops that ran in a compiled region compiled as well, if the backward pass
/// itself is outside of any region: enters and leaves regions as the pass meets their nodes.
class BackwardRegions {
public:
  BackwardRegions() : outside_(!current_session && !anomaly_mode) {}
  ~BackwardRegions();
  BackwardRegions(const BackwardRegions&) = delete;
  BackwardRegions& operator=(const BackwardRegions&) = delete;
  void go_to(uint32_t region);
  /// Locks the gradient of a leaf. No pass waits for one while it holds others: it runs what it has
  /// pending and lets go of them first.
  std::unique_lock<std::recursive_mutex> lock(LeafState& state);
  /// Keeps the lock of a leaf's gradient until what is pending here has run.
  void keep(TensorImpl* leaf, std::unique_lock<std::recursive_mutex> lock);

private:
  struct Held {
    Tensor leaf; // lives at least as long
    std::unique_lock<std::recursive_mutex> lock;
  };

  const bool outside_;
  uint32_t region_ = 0;
  std::shared_ptr<RegionOwner> owner_;
  std::vector<Held> held_;
  std::unique_ptr<RegionStay> stay_;
};

/// Lets ops run one by one, outside of the region that this thread is in, while one lives. What the
/// region has pending runs first.
class RegionPause {
public:
  explicit RegionPause(const char* reason);
  ~RegionPause() { current_session = session_; }
  RegionPause(const RegionPause&) = delete;
  RegionPause& operator=(const RegionPause&) = delete;

private:
  RegionSession* session_;
};

class BackwardPass {
public:
  BackwardPass(bool retain_graph, bool create_graph)
      : retain_graph_(retain_graph || create_graph), create_graph_(create_graph) {}
  ~BackwardPass();
  BackwardPass(const BackwardPass&) = delete;
  BackwardPass& operator=(const BackwardPass&) = delete;

  /// Makes the pass collect this tensor's gradient; with an input, leaves' grad() stay as they are.
  void add_input(TensorImpl* t);
  void add_root(const Tensor& t, Tensor seed);
  void run();
  /// Returns an input's gradient after run(), undefined where no root depends on it.
  Tensor gradient_of(const TensorImpl* input) const;

private:
  struct Entry {
    uint64_t sequence, order;
    GradNode* node;
    bool operator<(const Entry& o) const {
      return sequence != o.sequence ? sequence < o.sequence : order > o.order;
    }
  };

  /// A leaf with hooks: its gradient is gathered until no op that uses it is left.
  struct HookedLeaf {
    TensorImpl* leaf;
    uint64_t first_use; // least sequence number of the nodes that lead to it
  };

  bool wants(const GradEdge& edge) const;
  std::vector<GradNode*> reachable_nodes() const;
  void find_needed_nodes();
  void find_hooked_leaves();
  void finish_leaves(uint64_t next_sequence);
  void finish_leaf(TensorImpl* leaf);
  void run_node(GradNode& node);
  Tensor& waiting_gradient(GradNode* node);
  Tensor take_gradient(GradNode* node);
  void push(GradNode* node);
  Tensor call_hooks(GradNode& node, Tensor dy);
  void step(GradNode& node, Tensor dy);
  void step_function(GradNode& node);
  void step_output(GradNode& node, Tensor dy);
  void check_gradient(const GradNode& node, size_t k, const Tensor& gradient) const;
  void deliver(const GradEdge& edge, Tensor gradient, bool fresh);
  void accumulate(TensorImpl* leaf, Tensor gradient, bool fresh);

  bool retain_graph_, create_graph_, selective_ = false;
  uint64_t order_ = 0;
  BackwardRegions* regions_ = nullptr; // of run()
  std::vector<Entry> heap_;
  std::vector<std::pair<GradEdge, Tensor>> roots_;
  std::unordered_map<uintptr_t, Tensor> captured_; // by the input's edge
  std::unordered_set<const GradNode*> needed_;     // nodes through which an input is reached
  std::unordered_map<GradNode*, Tensor>
      busy_elsewhere_; // another thread's pass has the node's slot
  std::unordered_map<GradNode*, std::vector<Tensor>> function_gradients_; // one a result
  std::vector<HookedLeaf> hooked_;                   // the one that is ready first at the end
  std::unordered_map<TensorImpl*, Tensor> gathered_; // what came in for them
};

} // namespace weft
