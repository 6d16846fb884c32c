// FunctionCall: one call of a user's function (weft/autograd_function.h), as the tape keeps it.
// The call has a node whose edges lead to its inputs; each result has a node of its own that leads
// to that one and hands its gradient over.
#pragma once

#include "runtime/autograd/grad_node.h"
#include "weft/autograd_function.h"

#include <memory>
#include <string>
#include <vector>

namespace weft {

class FunctionCall {
public:
  FunctionCall(std::shared_ptr<autograd::detail::FunctionObject> object, const Loc& loc)
      : object_(std::move(object)), loc_(loc) {}
  ~FunctionCall() { release(); }
  FunctionCall(const FunctionCall&) = delete;
  FunctionCall& operator=(const FunctionCall&) = delete;

  std::string name() const { return object_->name(); }
  size_t output_count() const { return outputs_.size(); }

  /// Calls the user's backward with the results' gradients, of which undefined ones become zeros.
  /// Returns the gradients of the inputs, with their shapes and dtypes; undefined where none flows.
  std::vector<Tensor> backward(std::vector<Tensor> gradients);
  bool has_saved() const { return !saved_.empty(); }
  /// Lets go of the saved tensors.
  void release();

private:
  friend class autograd::Context;
  friend struct FunctionRun;
  struct Saved {
    TensorImpl* value; // a reference of the tape
    uint32_t version;
    GradEdge edge;   // to what made it; none for a result of the call itself
    int output = -1; // which result it is
  };
  Tensor unpack(size_t k);
  Tensor fit(size_t k, Tensor gradient) const;

  std::shared_ptr<autograd::detail::FunctionObject> object_;
  Loc loc_;
  GradNode* node_ = nullptr; // owns this
  std::vector<Meta> inputs_, outputs_;
  std::vector<uint8_t> needed_;          // inputs that require a gradient
  std::vector<Tensor> to_save_;          // while forward runs
  std::vector<Tensor> undifferentiable_; // likewise
  std::vector<Saved> saved_;
};

} // namespace weft
