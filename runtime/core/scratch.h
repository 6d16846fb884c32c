// What routines share: scratch memory, and operands and results in the form that kernels want.
#pragma once

#include "runtime/core/allocator.h"
#include "runtime/core/execute.h"
#include "runtime/core/tensor_impl.h"

#include <cstring>

namespace weft {

/// Memory of the allocator that lives as long as the object.
class Scratch {
public:
  Scratch(int64_t bytes, const Loc& loc)
      : bytes_(static_cast<size_t>(bytes)), data_(allocate_bytes(bytes_, loc)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { free_bytes(data_, bytes_); }
  void* data() const { return data_; }

private:
  size_t bytes_;
  void* data_;
};

/// An operand without gaps, in the dtype that is computed in: itself, or a copy.
struct CompactOperand {
  Tensor copy;
  const char* data;

  CompactOperand(const View& v, DType computed, const Loc& loc) : data(v.as<char>()) {
    if (v.meta->contiguous && v.meta->dtype == computed) return;
    copy = Tensor::adopt(make_tensor(make_meta(v.meta->shape(), computed), loc));
    copy_elements(v, copy.impl()->view());
    data = copy.impl()->view().as<char>();
  }
};

/// A result in the dtype that is computed in; finish() rounds it into the call's own.
struct WideResult {
  Tensor wide;
  View view;
  const View own;

  WideResult(const View& v, DType computed, const Loc& loc) : view(v), own(v) {
    if (v.meta->dtype == computed) return;
    wide = Tensor::adopt(make_tensor(make_meta(v.meta->shape(), computed), loc));
    view = wide.impl()->view();
  }
  char* data() const { return view.as<char>(); }
  void clear() const { std::memset(view.data, 0, view.meta->nbytes()); }
  void finish() const {
    if (wide.defined()) copy_elements(view, own);
  }
};

} // namespace weft
