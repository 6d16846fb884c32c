// What ops in place destroy though gradients read it.
#pragma once

#include "runtime/autograd/tape.h"

namespace weft {

/// Copies of operands that an op in place is about to overwrite. The tape keeps them in their
/// place.
class OldValues {
public:
  static constexpr size_t kMost = 7; // operands that a gradient may read

  void add(const TensorImpl* operand, Tensor copy);
  /// The copy of `operand`, or null.
  TensorImpl* of(const TensorImpl* operand) const;

private:
  const TensorImpl* operands_[kMost] = {};
  Tensor copies_[kMost];
  size_t count_ = 0;
};

/// Returns which operands (bit k: operand k) the gradients of an op in place read though the op
/// writes into their memory.
unsigned overwritten_reads(const OpCall& call);

/// Does what record_tape does, for an op in place: `old` has the operands in overwritten_reads as
/// they were.
void record_in_place(const OpCall& call, const OldValues& old);

} // namespace weft
