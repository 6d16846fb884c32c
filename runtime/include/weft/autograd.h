// Gradients beyond Tensor::backward: grad() and what is built on it, scopes, hooks, checkpoints,
// and pictures of the recorded graph. See also weft/autograd_function.h, and NoGrad in
// weft/tensor.h.
#pragma once

#include "weft/tensor.h"

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

//===--- Scopes -------------------------------------------------------------------------------===//

/// While one lives, ops record a tape, also inside of a NoGrad scope.
class EnableGrad {
public:
  /// Begins the scope, for this thread.
  EnableGrad();
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

private:
  bool previous_;
};

/// While one lives, ops record a tape or not, as its argument says.
class GradMode {
public:
  /// Begins the scope, for this thread.
  explicit GradMode(bool on);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

private:
  bool previous_;
};
/// Makes ops of this thread record a tape or not, until a scope around the call ends.
void set_grad_enabled(bool on);

/// Wraps a function so that nothing is recorded while it runs: `auto predict = no_grad(net);`.
template <class F> auto no_grad(F f) {
  return [f = std::move(f)]<class... Args>(Args&&... args) mutable -> decltype(auto) {
    NoGrad scope;
    return std::invoke(f, std::forward<Args>(args)...);
  };
}
/// Wraps a function so that a tape is recorded while it runs, also where the caller records none.
template <class F> auto enable_grad(F f) {
  return [f = std::move(f)]<class... Args>(Args&&... args) mutable -> decltype(auto) {
    EnableGrad scope;
    return std::invoke(f, std::forward<Args>(args)...);
  };
}

/// While one lives, a backward pass of this thread that makes a NaN throws an error that names the
/// op and line of the forward pass whose gradient it is. To look at each gradient ops must run one
/// by one: compiled functions run eagerly meanwhile.
class AnomalyMode {
public:
  /// Begins the scope, for this thread; with `on` false it undoes an outer one.
  explicit AnomalyMode(bool on = true);
  ~AnomalyMode();
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;

private:
  bool previous_;
};

//===--- Gradients of given inputs ------------------------------------------------------------===//

/// What a call of grad() keeps, records and bears.
struct GradOptions {
  bool retain_graph = false; // keep what the tape saved, for another pass over it
  bool create_graph = false; // record the backward pass; implies retain_graph
  bool allow_unused = false; // an input that no output depends on is no error: it gets no gradient
  bool materialize_grads = false; // such an input gets zeros
};

/// Returns the gradients of the sum of `outputs`, each weighted by its seed, by each of `inputs`,
/// which may be leaves or results. No leaf's grad() changes. A seed may be left out (or undefined)
/// for an output with one element.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& seeds = {}, GradOptions options = {},
                         Loc loc = Loc::current());
/// Returns the gradients of one output with one element.
inline std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs,
                                GradOptions options = {}, Loc loc = Loc::current()) {
  return grad(std::vector<Tensor>{output}, inputs, {}, options, loc);
}

/// A function of tensors to tensors, as the derivatives below take it. It is given the inputs
/// without their history; its results need not depend on all of them.
using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// What f gives, and a derivative of it.
struct Derivative {
  std::vector<Tensor> outputs, values;
};
/// Returns f(inputs) and v^T J: for each input the gradient of the outputs weighted by `v`, zeros
/// where none depends on it. With `create_graph` the values can be differentiated by the inputs.
Derivative vjp(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const std::vector<Tensor>& v, bool create_graph = false, Loc loc = Loc::current());
/// Returns f(inputs) and J v: for each output its derivative when the inputs move along `v`. It is
/// the gradient of vjp, which is linear in its weights, by them.
Derivative jvp(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const std::vector<Tensor>& v, bool create_graph = false, Loc loc = Loc::current());
/// Returns the derivatives of f's one output by its input: [output's shape..., input's shape...].
/// One backward pass for each element of the output.
Tensor jacobian(const std::function<Tensor(const Tensor&)>& f, const Tensor& input,
                bool create_graph = false, Loc loc = Loc::current());
/// Returns the derivatives of several outputs by several inputs: [k][i] of output k by input i.
std::vector<std::vector<Tensor>> jacobian(const TensorFunction& f,
                                          const std::vector<Tensor>& inputs,
                                          bool create_graph = false, Loc loc = Loc::current());
/// Returns the second derivatives of f, whose result has one element: [shape..., shape...].
Tensor hessian(const std::function<Tensor(const Tensor&)>& f, const Tensor& input,
               bool create_graph = false, Loc loc = Loc::current());
/// Returns the second derivatives for several inputs: [i][j] by inputs i and j.
std::vector<std::vector<Tensor>> hessian(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                                         const std::vector<Tensor>& inputs,
                                         bool create_graph = false, Loc loc = Loc::current());

//===--- Hooks --------------------------------------------------------------------------------===//

class HookList;

/// Takes a hook off again. It may outlive the tensor, and does nothing when it ends.
class HookHandle {
public:
  HookHandle() = default;
  HookHandle(std::weak_ptr<HookList> list, uint64_t id) : list_(std::move(list)), id_(id) {}
  /// Makes the hook not run any more. A second call does nothing.
  void remove();

private:
  std::weak_ptr<HookList> list_;
  uint64_t id_ = 0;
};

namespace detail {
using GradientHook = std::function<Tensor(const Tensor&)>;
HookHandle add_hook(const Tensor& t, GradientHook hook, const Loc& loc);
HookHandle add_after_hook(const Tensor& t, std::function<void(const Tensor&)> hook, const Loc& loc);
} // namespace detail

template <class Hook> HookHandle Tensor::register_hook(Hook hook, Loc loc) const {
  if constexpr (std::is_void_v<std::invoke_result_t<Hook&, const Tensor&>>)
    return detail::add_hook(
        *this,
        [hook = std::move(hook)](const Tensor& g) mutable {
          hook(g);
          return Tensor();
        },
        loc);
  else
    return detail::add_hook(*this, std::move(hook), loc);
}

template <class Hook>
HookHandle Tensor::register_post_accumulate_grad_hook(Hook hook, Loc loc) const {
  return detail::add_after_hook(*this, std::move(hook), loc);
}

//===--- Checkpoints --------------------------------------------------------------------------===//

/// Runs f(inputs) and keeps nothing of what its gradient reads: the backward pass runs f once more,
/// with the random numbers of the first time, when it gets there. f must do the same both times and
/// not change its inputs; it may use other tensors, such as a module's parameters.
std::vector<Tensor> checkpoint(const TensorFunction& f, const std::vector<Tensor>& inputs,
                               Loc loc = Loc::current());
/// Does the same for a function of one tensor.
Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& input,
                  Loc loc = Loc::current());

//===--- The graph as text --------------------------------------------------------------------===//

/// Returns the ops recorded behind a tensor as text, in the order of their calls, a line each:
/// result, op, operands, attributes, dtype and shape, and the user's file:line.
std::string print_graph(const Tensor& t);
/// Returns the same graph in Graphviz' dot language.
std::string dot_graph(const Tensor& t);

} // namespace weft
