// GradNode: one recorded op. A node and all it keeps lie in one block from a thread-local free
// list.
#pragma once

#include "runtime/autograd/tape.h"

#include <mutex>

namespace weft {

class BackwardPass;

/// The accumulated gradient of a leaf. Backward passes of several threads may meet in it.
struct LeafState : AutogradState {
  std::mutex mutex;
  Tensor grad;
};

/// Where the gradient of an operand goes: nowhere, to the node that made it, or to a leaf. An edge
/// owns a reference to its node, or one of the tape's references to its leaf.
class GradEdge {
public:
  GradEdge() = default;
  /// Makes the edge to what made `t`; no edge where `t` requires no gradient.
  static GradEdge to(TensorImpl* t);
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

struct GradNode : AutogradState {
  std::atomic<uint32_t> refs{1};
  Op op{};
  bool in_place = false;
  bool saved = false;       // holds or held values
  bool released = false;    // backward has let go of them
  DType dtype = DType::f32; // of the result
  uint8_t rank = 0;
  uint8_t size_class = 0;
  uint32_t operand_count = 0;
  uint16_t meta_count = 0, scalar_count = 0, structure_count = 0, size_count = 0;
  uint32_t result_version = 0;
  uint32_t view_history = 0;    // Storage::history when a view was made
  uint32_t region = 0;          // number of the compiled region that the op ran in
  uint64_t sequence = 0;        // greater than that of every node its edges lead to
  Loc loc;                      // the user's line
  TensorImpl* result = nullptr; // a reference of the tape, where the gradient reads the result
  std::atomic<BackwardPass*> pass{nullptr}; // the backward pass that has a gradient waiting here
  Tensor pending;                           // that gradient
  GradNode* next = nullptr;                 // while waiting to be freed

  // The variable part, in this order. sizes() holds the result's sizes before the call's.
  GradOperand* operands() { return reinterpret_cast<GradOperand*>(this + 1); }
  Meta* metas() { return reinterpret_cast<Meta*>(operands() + operand_count); }
  Scalar* scalars() { return reinterpret_cast<Scalar*>(metas() + meta_count); }
  int64_t* structure() { return reinterpret_cast<int64_t*>(scalars() + scalar_count); }
  int64_t* sizes() { return structure() + structure_count; }
  int64_t* result_sizes() { return sizes() + size_count; }
  Shape result_shape() { return {result_sizes(), rank}; }

  /// Makes a node with room for the call's variable part, all of it default-constructed.
  static GradNode* make(const OpCall& call, const Meta& result, int meta_count);
  void retain() { refs.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) bury(this);
  }
  /// Lets go of saved operands and of the result.
  void release_saved();

private:
  /// Frees the node and every node that only it kept alive, without recursion.
  static void bury(GradNode* node);
  void destroy();
};
static_assert(alignof(Meta) <= 8 && alignof(Scalar) <= 8 && alignof(GradOperand) <= 8);

/// The autograd state of a leaf, made at the first call.
LeafState& leaf_state(TensorImpl* leaf);

} // namespace weft
