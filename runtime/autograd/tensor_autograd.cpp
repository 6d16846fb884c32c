// The autograd half of Tensor's methods, and grad().

#include "runtime/autograd/backward.h"
#include "runtime/autograd/node_extra.h"
#include "runtime/autograd/view_history.h"
#include "runtime/core/fail_at.h"
#include "runtime/core/profile.h"
#include "runtime/core/region_hook.h"
#include "weft/autograd.h"

#include <fmt/format.h>

namespace weft {

namespace {

Tensor checked_seed(const char* op, const Tensor& t, const Tensor& seed, const Loc& loc) {
  const Meta& meta = t.impl()->meta;
  if (!seed.defined()) {
    if (meta.numel() != 1)
      fail_at(ErrorKind::autograd,
              fmt::format("{}: a tensor of more than one element needs a seed, got {} without", op,
                          describe(meta)),
              loc);
    return full(meta.shape(), 1.0, meta.dtype, meta.device);
  }
  const Meta& given = seed.impl()->meta;
  if (given.dtype != meta.dtype || given.shape() != meta.shape())
    fail_at(ErrorKind::autograd,
            fmt::format("{}: the seed must have the tensor's dtype and shape, {}, got {}", op,
                        describe(meta), describe(given)),
            loc);
  return seed;
}

TensorImpl* require(TensorImpl* t, const char* what, const Loc& loc) {
  if (!t) fail_at(ErrorKind::value, fmt::format("{}: the tensor must be defined", what), loc);
  return t;
}

void check_root(const char* op, const Tensor& t, const Loc& loc) {
  if (!t.defined())
    fail_at(ErrorKind::autograd, fmt::format("{}: the tensor must be defined", op), loc);
  if (!t.requires_grad())
    fail_at(ErrorKind::autograd,
            fmt::format("{}: {} must require a gradient, or come from tensors that do", op,
                        describe(t.impl()->meta)),
            loc);
  // Only its own thread knows what such a history still lacks.
  const RegionSession* session = t.impl()->session;
  if (session && session != current_session)
    fail_at(ErrorKind::autograd,
            fmt::format("{}: the tensor must not be pending in another thread's compiled "
                        "region",
                        op),
            loc);
}

} // namespace

bool Tensor::requires_grad() const {
  if (impl_ && impl_->is_view) refresh_view(impl_);
  return impl_ && impl_->meta.requires_grad;
}

bool Tensor::is_leaf(Loc loc) const {
  if (require(impl_, "is_leaf", loc)->is_view) refresh_view(impl_);
  return impl_->is_leaf;
}

Tensor& Tensor::requires_grad_(bool on, Loc loc) {
  require(impl_, "requires_grad_", loc);
  if (on && !is_floating(impl_->meta.dtype))
    fail_at(
        ErrorKind::autograd,
        fmt::format("requires_grad_: the dtype must be floating, got {}", describe(impl_->meta)),
        loc);
  if (!on && !is_leaf())
    fail_at(ErrorKind::autograd,
            fmt::format("requires_grad_: {} must be a leaf to stop requiring a gradient; use "
                        "detach()",
                        describe(impl_->meta)),
            loc);
  impl_->meta.requires_grad = on;
  return *this;
}

const Tensor& Tensor::retain_grad(Loc loc) const {
  if (!defined()) fail_at(ErrorKind::autograd, "retain_grad: the tensor must be defined", loc);
  if (!requires_grad())
    fail_at(ErrorKind::autograd,
            fmt::format("retain_grad: {} must require a gradient", describe(impl_->meta)), loc);
  if (!impl_->is_leaf) node_extra(*node_of(impl_)).retain_gradient();
  return *this;
}

bool Tensor::retains_grad(Loc loc) const {
  require(impl_, "retains_grad", loc);
  if (is_leaf()) return false;
  const GradNode* node = node_of(impl_);
  return node->extra && node->extra->retains();
}

void drop_poisoned(Tensor& gradient) {
  if (gradient.defined() && gradient.impl()->storage->poison) gradient = {};
}

Tensor Tensor::grad(Loc loc) const {
  require(impl_, "grad", loc);
  const bool leaf = is_leaf();
  if (!autograd_state(impl_)) return {};
  if (!leaf) {
    const GradNode* node = node_of(impl_);
    return node->extra ? node->extra->retained() : Tensor();
  }
  LeafState& state = leaf_state(impl_);
  std::lock_guard lock(state.mutex);
  drop_poisoned(state.grad);
  return state.grad;
}

void Tensor::set_grad(const Tensor& g, Loc loc) const {
  require(impl_, "set_grad", loc);
  if (!is_leaf() && !retains_grad())
    fail_at(ErrorKind::autograd,
            fmt::format("set_grad: {} must be a leaf, or a result that retain_grad() was called on",
                        describe(impl_->meta)),
            loc);
  if (!g.defined() && !autograd_state(impl_)) return;
  if (g.defined() && (g.dtype() != dtype() || g.shape() != shape()))
    fail_at(ErrorKind::autograd,
            fmt::format("set_grad: the gradient must have the tensor's dtype and shape, {}, got {}",
                        describe(impl_->meta), describe(g.impl()->meta)),
            loc);
  if (!impl_->is_leaf) return node_of(impl_)->extra->set_retained(g);
  LeafState& state = leaf_state(impl_);
  Tensor old = g; // freed outside of the lock
  std::lock_guard lock(state.mutex);
  old.swap(state.grad);
}

void Tensor::backward(const Tensor& seed, bool retain_graph, bool create_graph, Loc loc) const {
  check_root("backward", *this, loc);
  const profile::Span span(profile::Kind::backward, "backward", profile::Place(loc));
  BackwardPass pass(retain_graph, create_graph);
  {
    LocScope scope(loc);
    NoGrad no_grad;
    pass.add_root(*this, checked_seed("backward", *this, seed, loc));
  }
  pass.run();
}

Tensor Tensor::detach(Loc loc) const {
  LocScope scope(loc);
  NoGrad no_grad;
  Dims same_order;
  for (int k = 0; k < rank(); k++)
    same_order.push_back(k);
  Tensor alias = weft::permute(*this, same_order);
  alias.impl()->detached = true;
  return alias;
}

const Tensor& Tensor::detach_(Loc loc) const {
  if (!defined()) fail_at(ErrorKind::autograd, "detach_: the tensor must be defined", loc);
  if (impl_->is_view && !impl_->detached)
    fail_at(ErrorKind::autograd,
            fmt::format("detach_: {} must not be a view, whose history is that of its base; "
                        "use detach()",
                        describe(impl_->meta)),
            loc);
  if (impl_->is_leaf)
    impl_->meta.requires_grad = 0;
  else
    impl_->clear_autograd();
  return *this;
}

void set_data(const Tensor& t, const Tensor& source, const Loc& loc) {
  if (current_session) current_session->flush("set_data", loc);
  TensorImpl *to = t.impl(), *from = source.impl();
  materialize(to, "set_data", loc);
  materialize(from, "set_data", loc);
  before_write(*to->storage);
  from->storage->retain();
  std::exchange(to->storage, from->storage)->release();
  if (to->is_view) unlink_view(to);
  to->offset = from->offset;
  to->is_view = from->is_view;
  to->detached = from->detached;
  uint8_t requires_grad = to->meta.requires_grad;
  to->meta = from->meta;
  to->meta.requires_grad = requires_grad;
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& seeds, GradOptions options, Loc loc) {
  if (!seeds.empty() && seeds.size() != outputs.size())
    fail_at(ErrorKind::autograd,
            fmt::format("grad: there must be a seed for each of the {} outputs, got {}",
                        outputs.size(), seeds.size()),
            loc);
  if (outputs.empty()) fail_at(ErrorKind::autograd, "grad: there must be an output, got none", loc);
  const profile::Span span(profile::Kind::backward, "grad", profile::Place(loc));
  BackwardPass pass(options.retain_graph, options.create_graph);
  for (const Tensor& t : inputs) {
    check_root("grad", t, loc);
    pass.add_input(t.impl());
  }
  {
    LocScope scope(loc);
    NoGrad no_grad;
    for (size_t k = 0; k < outputs.size(); k++) {
      check_root("grad", outputs[k], loc);
      pass.add_root(outputs[k],
                    checked_seed("grad", outputs[k], seeds.empty() ? Tensor() : seeds[k], loc));
    }
  }
  if (!inputs.empty()) pass.run();
  std::vector<Tensor> result;
  for (size_t k = 0; k < inputs.size(); k++) {
    result.push_back(pass.gradient_of(inputs[k].impl()));
    if (!result.back().defined() && options.materialize_grads)
      result.back() = full(inputs[k].shape(), 0, inputs[k].dtype(), inputs[k].device(), loc);
    if (!result.back().defined() && !options.allow_unused)
      fail_at(ErrorKind::autograd,
              fmt::format("grad: input {}, {}, must be used by the outputs; set allow_unused "
                          "where it need not",
                          k, describe(inputs[k].impl()->meta)),
              loc);
  }
  return result;
}

} // namespace weft
