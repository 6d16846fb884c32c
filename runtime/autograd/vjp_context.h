// VjpContext: what the gradient of one op sees: saved operands, attributes, the result's gradient.
// Gradients are written over the public ops, so that they are differentiable and can be captured.
#pragma once

#include "runtime/autograd/grad_node.h"
#include "weft/ops.h"

#include <memory>

namespace weft {

/// Sums a broadcast gradient back to `shape`; returns `g` itself where the shapes are equal.
Tensor reduce_to(const Tensor& g, const Shape& shape);

class BackwardPass;

class VjpContext {
public:
  VjpContext(GradNode& node, Tensor dy);
  VjpContext(const VjpContext&) = delete;
  VjpContext& operator=(const VjpContext&) = delete;

  /// Makes dy(), result() and operand() give f32 for bf16 and f16: a gradient of several ops then
  /// rounds once, in set(), as the op itself did.
  void widen();
  /// The gradient of the op's result; it has the result's shape and dtype.
  const Tensor& dy() const { return dy_; }
  /// The op's own result. Only where the record says that it is saved.
  const Tensor& result();
  /// Operand k: the saved tensor, or the number that the call gave.
  Arg operand(int k);
  /// Operand k where it cannot be a number. Only where the record says that it is saved.
  const Tensor& tensor(int k);
  /// Operand k's dtype, sizes and strides at the time of the call; also where it was not saved.
  const Meta& operand_meta(int k);
  int operand_count() const { return static_cast<int>(node_.operand_count); }
  bool is_scalar(int k) const { return node_.operands()[k].meta == GradOperand::kNumber; }

  /// Returns t * factor; t itself where that is 1 and no region follows the ops.
  static Tensor scaled(const Tensor& t, const Scalar& factor);

  /// Scalar attribute i (scalar operands are not counted).
  Scalar scalar(int i) const;
  int64_t structure(int i) const { return structure()[static_cast<size_t>(i)]; }
  int64_t size(int i) const { return sizes()[static_cast<size_t>(i)]; }
  std::span<const int64_t> structure() const { return {node_.structure(), node_.structure_count}; }
  std::span<const int64_t> sizes() const { return {node_.sizes(), node_.size_count}; }

  /// Says whether anything waits for operand k's gradient; false for numbers.
  bool needs(int k) const { return slots_[k].wanted; }
  /// Gives operand k's gradient: summed to the operand's shape and cast to its dtype.
  void set(int k, Tensor gradient);
  /// The user's line of the op.
  const Loc& loc() const { return node_.loc; }

private:
  friend class BackwardPass;
  struct Slot {
    Tensor value;    // unpacked operand
    Tensor gradient; // set by the op
    bool wanted = false;
  };
  void attach(TensorImpl* t, GradNode* source);
  const Tensor& widened(Tensor& t) const;
  [[noreturn]] void refuse_changed(const TensorImpl* t, uint32_t saved,
                                   const std::string& what) const;
  /// Says whether nothing else can hold gradient k's memory: decided by what the op did, never by
  /// counting references, so that a region sees the same ops in each call.
  bool is_fresh(int k) const;

  GradNode& node_;
  Tensor dy_;
  Tensor result_;
  bool wide_ = false;
  std::optional<Meta> meta_; // of the last operand_meta() that had to be made
  Slot inline_slots_[3];
  std::unique_ptr<Slot[]> more_slots_;
  Slot* slots_ = inline_slots_;
};

/// Returns x with all dims but the last as one.
Tensor as_matrix(const Tensor& x);

} // namespace weft
