// One op as a program of its own, for eager calls on a device. Sizes and strides are arguments, and
// dims are merged first, so that a few programs serve all calls of an op in a dtype: operands that
// lie without gaps, or any strides at a rank of 2, 4 or 8.
#pragma once

#include "runtime/core/op_info.h"
#include "runtime/device/backend.h"
#include "runtime/program/segment.h"

#include <optional>
#include <string>
#include <vector>

namespace weft::device {

/// A call in its merged form: the segment's structure, and what a run of its program brings.
struct OneOp {
  struct Leaf {
    Address address;
    Meta meta; // real sizes and strides
  };
  std::vector<Leaf> leaves;
  std::vector<int32_t> operands; // a leaf, or -1 - k for scalar k
  std::vector<int64_t> structure, sizes;
  bool in_place = false; // into leaf 0
  Meta result;           // of the merged form, where it is not in place
  Address output = nullptr;

  /// Text that is equal for calls that share a program.
  std::string key(const OpCall& call) const;
  Segment segment(const OpCall& call) const;
};

/// Merges a call whose tensors all lie on one device; `result` has its memory (in place: operand
/// 0). Nothing where the op has no such form.
std::optional<OneOp> merge_call(const OpCall& call, const TensorImpl& result);

} // namespace weft::device
