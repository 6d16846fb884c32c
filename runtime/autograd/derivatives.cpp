// Derivatives of functions of tensors, all made of grad().

#include "runtime/core/op_info.h"
#include "weft/autograd.h"
#include "weft/ops.h"

#include <fmt/format.h>

namespace weft {

namespace {

using Tensors = std::vector<Tensor>;

/// One call of vjp, jvp, jacobian or hessian.
struct Call {
  const char* name;
  Loc loc;
  bool create_graph;

  Call(const char* name, bool create_graph, const Loc& at)
      : name(name), loc(LocScope::resolve(at)), create_graph(create_graph) {}

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorKind::autograd, fmt::format("{}: {}", name, message), loc);
  }

  // Inputs whose gradients are asked for; with a history of their own where results keep it.
  Tensors variables(const Tensors& inputs) const {
    Tensors r;
    for (size_t k = 0; k < inputs.size(); k++) {
      const Tensor& t = inputs[k];
      if (!t.defined() || !is_floating(t.dtype()))
        fail(fmt::format("input {} must be floating, got {}", k,
                         t.defined() ? describe(t.impl()->meta) : "none"));
      if (create_graph && t.requires_grad())
        r.push_back(t.view(t.shape()));
      else
        r.push_back(t.detach(loc).requires_grad_());
    }
    return r;
  }

  void check_like(const char* what, const Tensors& v, const Tensors& of) const {
    if (v.size() != of.size())
      fail(fmt::format("there must be a vector for each of the {} {}, got {}", of.size(), what,
                       v.size()));
    for (size_t k = 0; k < v.size(); k++)
      if (!v[k].defined() || v[k].shape() != of[k].shape() || v[k].dtype() != of[k].dtype())
        fail(fmt::format("vector {} must have the dtype and shape {}, got {}", k,
                         describe(of[k].impl()->meta),
                         v[k].defined() ? describe(v[k].impl()->meta) : "none"));
  }

  void check_outputs(const Tensors& outputs) const {
    for (size_t k = 0; k < outputs.size(); k++)
      if (!outputs[k].defined()) fail(fmt::format("output {} must be defined", k));
  }

  Tensor finished(const Tensor& t) const { return create_graph ? t : t.detach(loc); }
  Tensors finished(const Tensors& list) const {
    Tensors r;
    for (const Tensor& t : list)
      r.push_back(finished(t));
    return r;
  }
};

Tensor zeros_as(const Tensor& t) { return zeros(t.shape(), t.dtype()); }

// The gradients of those outputs that depend on something; zeros where nothing flows.
Tensors weighted_gradients(const Tensors& outputs, const Tensors& inputs, const Tensors& weights,
                           GradOptions options) {
  options.allow_unused = true;
  Tensors roots, seeds, result(inputs.size());
  for (size_t k = 0; k < outputs.size(); k++)
    if (outputs[k].requires_grad()) {
      roots.push_back(outputs[k]);
      seeds.push_back(weights[k]);
    }
  if (!roots.empty()) result = grad(roots, inputs, seeds, options);
  for (size_t k = 0; k < inputs.size(); k++)
    if (!result[k].defined()) result[k] = zeros_as(inputs[k]);
  return result;
}

Tensor one_at(const Tensor& like, int64_t position) {
  std::vector<float> v(static_cast<size_t>(like.numel()));
  v[static_cast<size_t>(position)] = 1;
  return tensor(v, like.shape()).to(like.dtype());
}

Shape join(const Shape& a, const Shape& b, const Call& call) {
  if (a.size() + b.size() > kMaxRank)
    call.fail(fmt::format("the output's and the input's dims must be {} together at most, got {} "
                          "and {}",
                          kMaxRank, a.str(), b.str()));
  Shape r = a;
  for (int64_t s : b)
    r.push_back(s);
  return r;
}

// [output, input]: the derivatives of one output by each input.
Tensors rows_of(const Call& call, const Tensor& output, const Tensors& inputs) {
  std::vector<Tensors> rows(inputs.size());
  for (int64_t i = 0; i < output.numel(); i++) {
    const Tensors g = weighted_gradients({output}, inputs, {one_at(output, i)},
                                         {.retain_graph = true, .create_graph = call.create_graph});
    for (size_t k = 0; k < inputs.size(); k++)
      rows[k].push_back(reshape(g[k], {1, -1}));
  }
  Tensors r;
  for (size_t k = 0; k < inputs.size(); k++) {
    const Shape shape = join(output.shape(), inputs[k].shape(), call);
    const bool is_empty = output.numel() == 0 || inputs[k].numel() == 0;
    r.push_back(is_empty ? zeros(shape, inputs[k].dtype())
                         : call.finished(reshape(concatenate(rows[k], 0), shape)));
  }
  return r;
}

std::vector<Tensors> jacobian_of(const Call& call, const TensorFunction& f, const Tensors& inputs) {
  LocScope scope(call.loc);
  EnableGrad record;
  const Tensors x = call.variables(inputs);
  const Tensors outputs = f(x);
  call.check_outputs(outputs);
  std::vector<Tensors> r;
  for (const Tensor& y : outputs)
    r.push_back(rows_of(call, y, x));
  return r;
}

} // namespace

Derivative vjp(const TensorFunction& f, const Tensors& inputs, const Tensors& v, bool create_graph,
               Loc at) {
  const Call call("vjp", create_graph, at);
  LocScope scope(call.loc);
  EnableGrad record;
  const Tensors x = call.variables(inputs);
  const Tensors outputs = f(x);
  call.check_outputs(outputs);
  call.check_like("outputs", v, outputs);
  const Tensors g = weighted_gradients(outputs, x, v, {.create_graph = create_graph});
  return {call.finished(outputs), call.finished(g)};
}

Derivative jvp(const TensorFunction& f, const Tensors& inputs, const Tensors& v, bool create_graph,
               Loc at) {
  const Call call("jvp", create_graph, at);
  LocScope scope(call.loc);
  EnableGrad record;
  const Tensors x = call.variables(inputs);
  call.check_like("inputs", v, x);
  const Tensors outputs = f(x);
  call.check_outputs(outputs);
  Tensors weights;
  for (const Tensor& y : outputs)
    weights.push_back(zeros_as(y).requires_grad_());
  const Tensors g = weighted_gradients(outputs, x, weights, {.create_graph = true});
  const Tensors along = weighted_gradients(g, weights, v, {.create_graph = create_graph});
  return {call.finished(outputs), call.finished(along)};
}

std::vector<Tensors> jacobian(const TensorFunction& f, const Tensors& inputs, bool create_graph,
                              Loc loc) {
  return jacobian_of(Call("jacobian", create_graph, loc), f, inputs);
}

Tensor jacobian(const std::function<Tensor(const Tensor&)>& f, const Tensor& input,
                bool create_graph, Loc loc) {
  const TensorFunction list = [&](const Tensors& x) { return Tensors{f(x[0])}; };
  return jacobian_of(Call("jacobian", create_graph, loc), list, {input})[0][0];
}

std::vector<Tensors> hessian(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs,
                             bool create_graph, Loc loc) {
  const Call call("hessian", create_graph, loc);
  const TensorFunction gradient = [&](const Tensors& x) {
    const Tensor y = f(x);
    call.check_outputs({y});
    if (y.numel() != 1)
      call.fail("the function's result must have one element, got " + describe(y.impl()->meta));
    return weighted_gradients({y}, x, {ones(y.shape(), y.dtype())}, {.create_graph = true});
  };
  return jacobian_of(call, gradient, inputs);
}

Tensor hessian(const std::function<Tensor(const Tensor&)>& f, const Tensor& input,
               bool create_graph, Loc loc) {
  return hessian([&](const Tensors& x) { return f(x[0]); }, Tensors{input}, create_graph,
                 loc)[0][0];
}

} // namespace weft
