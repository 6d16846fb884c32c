// Functions with a gradient of the user's own: recording a call, saved tensors, calling backward.

#include "runtime/autograd/function_call.h"

#include "runtime/autograd/node_extra.h"
#include "runtime/autograd/recipe.h"
#include "runtime/autograd/vjp_context.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace weft {

namespace {

uint32_t version_of(const TensorImpl* t) {
  return t->storage->version.load(std::memory_order_relaxed);
}

Meta meta_of(const Tensor& t) { return t.defined() ? t.impl()->meta : Meta{}; }

// A node that stands for no op, with edges to what made `operands`. `result` is what it prints as.
GradNode* make_node(std::span<TensorImpl* const> operands, const Meta& result, const Loc& loc,
                    std::span<const int64_t> structure = {}) {
  OpCall call;
  call.op = kNoOp;
  call.operands = operands;
  call.structure = structure;
  call.loc = &loc;
  return make_plain_node(call, result);
}

// What made result `k` of the call that `node` stands for.
GradNode* make_output_node(GradNode* node, const Meta& result, int64_t k) {
  // Its operand is the call, which is no tensor: the edge is put there by hand.
  TensorImpl* no_tensor[] = {nullptr};
  const int64_t structure[] = {k};
  GradNode* output = make_node(no_tensor, result, node->loc, structure);
  output->operands()[0].edge = GradEdge::to(node);
  output->region = node->region;
  output->sequence = std::max(output->sequence, node->sequence + 1); // it may be another thread's
  return output;
}

} // namespace

/// One apply(): forward, then the nodes.
struct FunctionRun {
  FunctionCall& call;
  const std::vector<Tensor>& inputs;

  [[noreturn]] void fail(ErrorKind kind, const std::string& message) const {
    throw Error(kind, call.name() + ": " + message, call.loc_);
  }

  // Says whether any argument requires a gradient.
  bool find_needed() {
    bool any = false;
    for (const Tensor& t : inputs) {
      const bool needed = grad_mode && t.requires_grad();
      call.needed_.push_back(needed);
      any |= needed;
    }
    return any;
  }

  std::vector<uint32_t> versions() const {
    std::vector<uint32_t> r;
    for (const Tensor& t : inputs)
      r.push_back(t.defined() ? version_of(t.impl()) : 0);
    return r;
  }

  void check_outputs(const std::vector<Tensor>& outputs,
                     const std::vector<uint32_t>& before) const {
    for (size_t k = 0; k < outputs.size(); k++)
      if (!outputs[k].defined())
        fail(ErrorKind::autograd, fmt::format("result {} must be defined", k));
    const std::vector<uint32_t> after = versions();
    for (size_t k = 0; k < inputs.size(); k++)
      if (after[k] != before[k])
        fail(ErrorKind::autograd,
             fmt::format("forward must not change its arguments in place, got tensor argument {}, "
                         "{}, changed; clone() it first",
                         k, describe(inputs[k].impl()->meta)));
  }

  // A result that is an argument, or has a history or a gradient of its own, gets an alias.
  void separate(std::vector<Tensor>& outputs) const {
    for (size_t k = 0; k < outputs.size(); k++) {
      Tensor& t = outputs[k];
      bool is_known = t.requires_grad() || autograd_state(t.impl());
      for (const Tensor& x : inputs)
        is_known |= t.is_same(x);
      for (size_t j = 0; j < k; j++)
        is_known |= t.is_same(outputs[j]);
      if (is_known) t = t.detach(call.loc_);
    }
  }

  bool is_differentiable(const Tensor& output) const {
    if (!is_floating(output.dtype())) return false;
    for (const Tensor& t : call.undifferentiable_)
      if (t.is_same(output)) return false;
    return true;
  }

  void keep_saved(const std::vector<Tensor>& outputs, const std::vector<Tensor>& originals) {
    for (const Tensor& t : call.to_save_) {
      FunctionCall::Saved saved{nullptr, 0, {}, -1};
      for (size_t k = 0; k < originals.size() && saved.output < 0; k++)
        if (t.is_same(originals[k]) && !is_input(t) && is_differentiable(t))
          saved.output = static_cast<int>(k);
      if (TensorImpl* value =
              saved.output < 0 ? t.impl() : outputs[static_cast<size_t>(saved.output)].impl()) {
        value->retain_tape();
        saved.value = value;
        saved.version = version_of(value);
        if (saved.output < 0) saved.edge = GradEdge::to(value);
      }
      call.saved_.push_back(saved);
    }
  }

  bool is_input(const Tensor& t) const {
    for (const Tensor& x : inputs)
      if (x.is_same(t)) return true;
    return false;
  }

  // Hands the call over to its node, and hangs a node on each result.
  void record(std::unique_ptr<FunctionCall> owned, std::vector<Tensor>& outputs) {
    const std::vector<Tensor> originals = outputs;
    separate(outputs);
    std::vector<TensorImpl*> operands;
    for (const Tensor& t : inputs) {
      operands.push_back(t.impl());
      call.inputs_.push_back(meta_of(t));
    }
    for (const Tensor& t : outputs)
      call.outputs_.push_back(meta_of(t));
    GradNode* node =
        make_node(operands, call.outputs_.empty() ? Meta{} : call.outputs_[0], call.loc_);
    call.node_ = node;
    node_extra(*node).function = std::move(owned);
    keep_saved(outputs, originals);
    for (size_t k = 0; k < outputs.size(); k++)
      if (is_differentiable(originals[k]))
        attach_node(outputs[k].impl(),
                    make_output_node(node, call.outputs_[k], static_cast<int64_t>(k)));
    call.to_save_.clear();
    call.undifferentiable_.clear();
    node->release(); // the results keep it
  }
};

std::string autograd::detail::type_name(const std::type_info& type) {
  int status = 0;
  char* text = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string name = text ? text : type.name();
  std::free(text);
  const std::string unnamed = "(anonymous namespace)::";
  for (size_t at; (at = name.find(unnamed)) != std::string::npos;)
    name.erase(at, unnamed.size());
  return name;
}

std::vector<Tensor> autograd::detail::call_function(
    std::shared_ptr<FunctionObject> object, const std::vector<Tensor>& inputs,
    const std::function<std::vector<Tensor>(Context&)>& forward, const Loc& loc) {
  auto call = std::make_unique<FunctionCall>(std::move(object), LocScope::resolve(loc));
  FunctionRun run{*call, inputs};
  const bool needs = run.find_needed();
  const std::vector<uint32_t> before = run.versions();
  std::vector<Tensor> outputs;
  {
    NoGrad no_grad;
    Context context(*call);
    outputs = forward(context);
  }
  run.check_outputs(outputs, before);
  if (needs) run.record(std::move(call), outputs);
  return outputs;
}

std::vector<Tensor> FunctionCall::backward(std::vector<Tensor> gradients) {
  if (!saved_.empty() && node_->released)
    throw Error(ErrorKind::autograd,
                fmt::format("backward: the graph must be kept by retain_graph for a second pass; "
                            "what {} saved is gone",
                            name()),
                loc_);
  for (size_t k = 0; k < gradients.size(); k++)
    if (!gradients[k].defined())
      gradients[k] = full(outputs_[k].shape(), 0, outputs_[k].dtype, outputs_[k].device, loc_);
  autograd::Context context(*this);
  std::vector<Tensor> given = object_->backward(context, gradients);
  if (given.size() != inputs_.size())
    throw Error(ErrorKind::autograd,
                fmt::format("{}: backward must return a gradient for each of the {} tensor "
                            "arguments, got {}",
                            name(), inputs_.size(), given.size()),
                loc_);
  for (size_t k = 0; k < given.size(); k++)
    if (given[k].defined()) given[k] = needed_[k] ? fit(k, std::move(given[k])) : Tensor();
  return given;
}

// A gradient may be broadcast along the argument's dims, as those of ops may.
Tensor FunctionCall::fit(size_t k, Tensor gradient) const {
  LocOverride user_line(loc_);
  const Shape wanted = inputs_[k].shape(), got = gradient.shape();
  bool fits = got.size() >= wanted.size();
  for (int d = 1; fits && d <= wanted.size(); d++) {
    const int64_t want = wanted[wanted.size() - d];
    fits = want == 1 || want == got[got.size() - d];
  }
  if (!fits || !is_floating(gradient.dtype()))
    throw Error(ErrorKind::autograd,
                fmt::format("{}: backward's gradient {} must have the argument's shape, {}, got {}",
                            name(), k, describe(inputs_[k]), describe(gradient.impl()->meta)),
                loc_);
  return reduce_to(gradient, wanted).to(inputs_[k].dtype);
}

void FunctionCall::release() {
  for (Saved& s : saved_) {
    if (TensorImpl* t = std::exchange(s.value, nullptr)) t->release_tape();
    s.edge.release();
  }
}

Tensor FunctionCall::unpack(size_t k) {
  const Saved& s = saved_[k];
  if (!s.value) return {};
  if (version_of(s.value) != s.version)
    throw Error(ErrorKind::autograd,
                fmt::format("{}: saved tensor {}, {}, must not be changed in place before "
                            "backward, which reads it; it was saved at version {} and is at "
                            "version {}",
                            name(), k, describe(s.value->meta), s.version, version_of(s.value)),
                loc_);
  Tensor t = unpack_saved(s.value);
  if (!grad_mode || t.impl()->autograd) return t;
  if (s.output >= 0) {
    attach_node(t.impl(), make_output_node(node_, s.value->meta, s.output));
  } else if (GradNode* source = s.edge.node()) {
    source->retain();
    attach_node(t.impl(), source);
  }
  return t;
}

namespace autograd {

void Context::save(std::vector<Tensor> tensors) { call_.to_save_ = std::move(tensors); }

std::vector<Tensor> Context::saved() const {
  std::vector<Tensor> r;
  for (size_t k = 0; k < call_.saved_.size(); k++)
    r.push_back(call_.unpack(k));
  return r;
}

void Context::mark_non_differentiable(std::vector<Tensor> results) {
  call_.undifferentiable_ = std::move(results);
}

bool Context::needs(size_t k) const {
  if (k >= call_.needed_.size())
    throw Error(ErrorKind::index,
                fmt::format("{}: needs takes the number of a tensor argument, of which there are "
                            "{}, got {}",
                            call_.name(), call_.needed_.size(), k),
                call_.loc_);
  return call_.needed_[k] != 0;
}

} // namespace autograd

} // namespace weft
