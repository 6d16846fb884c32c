// GradNode: one recorded op. A node and all it keeps lie in one block from a thread-local free
// list.
#pragma once

#include "runtime/autograd/tape.h"

#include <memory>
#include <mutex>

namespace weft {

class BackwardPass;
class BlockSlab;
struct NodeExtra;
class HookList;

/// The accumulated gradient of a leaf. Backward passes of several threads may meet in it: one that
/// has left an addition pending keeps the mutex until it has run, whatever its hooks ask for.
struct LeafState : AutogradState {
  std::recursive_mutex mutex;
  Tensor grad;
  std::shared_ptr<HookList> hooks;       // on each pass's gradient, before it is accumulated
  std::shared_ptr<HookList> after_hooks; // on the leaf, after that
  LeafState() = default;
  ~LeafState();
};

/// Where the gradient of an operand goes: nowhere, to the node that made it, or to a leaf. An edge
/// owns a reference to its node, or one of the tape's references to its leaf.
class GradEdge {
public:
  GradEdge() = default;
  /// Makes the edge to what made `t`; no edge where `t` requires no gradient.
  static GradEdge to(TensorImpl* t) {
    GradEdge edge = lent(t);
    edge.retain();
    return edge;
  }
  /// The same edge without a reference: the caller knows who keeps its target.
  static GradEdge lent(TensorImpl* t) {
    GradEdge edge;
    if (t->meta.requires_grad)
      edge.word_ = t->is_leaf ? reinterpret_cast<uintptr_t>(t) + 1
                              : reinterpret_cast<uintptr_t>(t->autograd);
    return edge;
  }
  /// Makes an edge to a node that the caller holds.
  static GradEdge to(GradNode* node);
  void retain() const;
  explicit operator bool() const { return word_ != 0; }
  GradNode* node() const { return word_ & 1 ? nullptr : reinterpret_cast<GradNode*>(word_); }
  TensorImpl* leaf() const {
    return word_ & 1 ? reinterpret_cast<TensorImpl*>(word_ - 1) : nullptr;
  }
  /// Identifies the target: equal for edges that lead to the same node or leaf.
  uintptr_t key() const { return word_; }
  void release();

private:
  uintptr_t word_ = 0;
};

struct GradOperand {
  static constexpr int32_t kAsResult = -1; // row-major, with the result's sizes and dtype
  static constexpr int32_t kNumber = -2;

  GradEdge edge;
  TensorImpl* value = nullptr; // a reference of the tape, where the gradient reads the operand
  uint32_t version = 0;        // of its storage when it was saved
  int32_t meta = kAsResult;    // position among the node's metas, or one of the above
};

/// Who a node's memory belongs to: itself, or the slot of a region's session, which fills it again
/// once nothing refers to it (see tape_slot.h).
enum class NodeHome : uint8_t { none, slot, resting };

/// The op of nodes that stand for no op: a user's function, and each of its results.
inline constexpr Op kNoOp = static_cast<Op>(kOpCount);

/// One recorded op: one cache line, then what it keeps of its operands and arguments.
struct alignas(64) GradNode : AutogradState {
  std::atomic<uint32_t> refs{1};
  uint32_t operand_count = 0;
  Op op{};
  DType dtype = DType::f32; // of the result
  uint8_t rank = 0;
  uint8_t size_class = 0;
  uint8_t scalar_count = 0, structure_count = 0, size_count = 0;
  bool keeps_result : 1 = false; // has a place for its own result, which its gradient may read
  bool in_place : 1 = false;
  bool saved : 1 = false; // holds or held values
  // Not bits: a backward pass writes the first one while the slot's thread reads the second.
  bool released = false; // backward has let go of them
  bool lent = false;     // by a slot: edges and values hold no references
  std::atomic<NodeHome> home{NodeHome::none};
  uint32_t region = 0; // number of the compiled region that the op ran in
  union {
    uint64_t sequence = 0; // greater than that of every node its edges lead to
    GradNode* next;        // while waiting to be freed
  };
  Loc loc;                                  // the user's line
  std::atomic<BackwardPass*> pass{nullptr}; // the backward pass that has a gradient waiting here
  Tensor pending;                           // that gradient
  NodeExtra* extra = nullptr;               // what few nodes have (node_extra.h); owned

  // The variable part, in this order. sizes() holds the result's sizes before the call's.
  GradOperand* operands() { return reinterpret_cast<GradOperand*>(this + 1); }
  /// The place of the result's value, or null: behind the operands.
  GradOperand* result() { return keeps_result ? operands() + operand_count : nullptr; }
  Scalar* scalars() {
    return reinterpret_cast<Scalar*>(operands() + operand_count + (keeps_result ? 1 : 0));
  }
  int64_t* structure() { return reinterpret_cast<int64_t*>(scalars() + scalar_count); }
  int64_t* sizes() { return structure() + structure_count; }
  int64_t* result_sizes() { return sizes() + size_count; }
  Shape result_shape() { return {result_sizes(), rank}; }
  /// Metadata of the operands that are not as the result: GradOperand::meta counts them.
  Meta* metas() { return reinterpret_cast<Meta*>(result_sizes() + rank); }

  /// Makes the node of a call: arguments and metadata are filled in, edges and values are not.
  /// The memory comes from `slab` where there is one.
  static GradNode* make(const OpCall& call, const Meta& result, BlockSlab* slab = nullptr);
  /// Ends a slot's claim on its node, which may be resting or in use.
  static void give_up(GradNode* node);
  void rest() {
    lent = false;
    if (extra) drop_extra();
    home.store(NodeHome::resting, std::memory_order_release);
  }
  bool is_resting() const { return home.load(std::memory_order_acquire) == NodeHome::resting; }
  void retain() { refs.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) bury(this);
  }
  /// Lets go of saved operands and of the result.
  void release_saved();
  /// Lets go of those that `which` chooses; says whether it chose any.
  template <class Which> bool drop_saved(Which which) {
    bool any = false;
    for (uint32_t k = 0; k < value_count(); k++) {
      TensorImpl*& value = operands()[k].value;
      if (!value || !which(value)) continue;
      if (TensorImpl* t = std::exchange(value, nullptr); !lent) t->release_tape();
      any = true;
    }
    return any;
  }
  /// Takes the values that are missing here from the node of an op that did the same.
  void take_saved(GradNode& twin);
  /// Takes the references that a lent node goes without.
  void own();
  void drop_extra();

private:
  /// Frees the node and every node that only it kept alive, without recursion.
  static void bury(GradNode* node);
  void destroy();
  static void free(GradNode* node);
  uint32_t value_count() const { return operand_count + (keeps_result ? 1 : 0); }
};
static_assert(sizeof(GradNode) == 64);
static_assert(alignof(Meta) <= 8 && alignof(Scalar) <= 8 && alignof(GradOperand) <= 8);

/// Makes `node` what made `result`, and takes over a reference to it.
void attach_node(TensorImpl* result, GradNode* node);

/// Returns the number that no node of this thread has passed yet, nor what made `tensors`.
uint64_t newest_sequence(std::span<const Tensor> tensors);

/// Makes an ordinary node for a call of kNoOp: edges to what made its operands, and no saved
/// values.
GradNode* make_plain_node(const OpCall& call, const Meta& result);

/// Records `call` as what made `t`, though it never ran: t's elements are in place already.
void replace_history(const OpCall& call, TensorImpl* t);

/// Forgets a stored gradient that never came to be, since the compiled pass that made it failed.
void drop_poisoned(Tensor& gradient);

/// The autograd state of a leaf, made at the first call, of whichever thread.
LeafState& leaf_state(TensorImpl* leaf);

/// What TensorImpl::autograd points at, while other threads may be making the state of a leaf.
inline AutogradState* autograd_state(TensorImpl* t) {
  return std::atomic_ref(t->autograd).load(std::memory_order_acquire);
}

} // namespace weft
