// Modules: named parameters, buffers and children behind a shared handle, and the common layers.
#pragma once

#include "weft/tensor.h"

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft {

struct CompileOptions;

namespace nn {

/// Tensors by their dotted names, such as "up.weight".
using StateDict = std::map<std::string, Tensor>;

/// The names that only one side has: a saved state, or the module that it is loaded into.
struct StateDifference {
  std::vector<std::string> missing;    // the module's
  std::vector<std::string> unexpected; // the state's
};

/// A part of a network. A module is a handle: copies share parameters, children and mode. Derive
/// from it, register what it holds as members are initialised, and override forward:
///
///     struct Net : nn::Module {
///       nn::Linear up = child("up", nn::Linear(64, 128));
///       Tensor scale = parameter("scale", ones({128}));
///       Tensor forward(const Tensor& x) override { return up(x) * scale; }
///     };
///
/// Members that are no handles, such as an int, are copied with the handle that holds them.
class Module {
public:
  Module();
  virtual ~Module();
  // A moved-from module stays a handle to the same state, so there is no move.
  Module(const Module&) = default;
  Module& operator=(const Module&) = default;

  /// Computes the module's result. Call the module itself, net(x), never forward. Throws Error
  /// (unsupported) unless overridden.
  virtual Tensor forward(const Tensor& x);
  /// Runs forward; errors inside name the caller's line.
  Tensor operator()(const Tensor& x, Loc loc = Loc::current());

  /// Returns the parameters of this module and its children, each once, in order of registration.
  std::vector<Tensor> parameters() const;
  /// Returns them with their dotted names, such as "up.weight".
  std::vector<std::pair<std::string, Tensor>> named_parameters() const;
  /// Returns the tensors that are saved but not trained, likewise.
  std::vector<std::pair<std::string, Tensor>> named_buffers() const;
  /// Returns the direct children as handles that can be called.
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children() const;

  /// Converts floating parameters, buffers and gradients; every handle to them sees the change.
  /// Throws Error (dtype) where the dtype is not floating.
  Module& to(DType dtype, Loc loc = Loc::current());
  /// Moves parameters, buffers and gradients; every handle to them sees the change.
  Module& to(Device device, Loc loc = Loc::current());

  /// Returns parameters and buffers without history; they share memory with the module's.
  StateDict state_dict() const;
  /// Copies values into parameters and buffers of the same names. Throws where shapes differ and,
  /// unless `strict` is off, where names are missing or unknown; the message lists all of them, and
  /// nothing is copied then.
  StateDifference load_state_dict(const StateDict& state, bool strict = true,
                                  Loc loc = Loc::current());

  /// Sets the mode of the module and its children: layers such as Dropout differ in training.
  Module& train(bool on = true);
  /// Ends training mode.
  Module& eval() { return train(false); }
  /// Says whether the module is in training mode, as it is when it is made.
  bool is_training() const;
  /// Drops gradients, or writes zeros into them.
  void zero_grad(bool set_to_none = true);

  /// Makes every call of this module, through any handle, run compiled kernels from now on.
  void compile(Loc loc = Loc::current());
  /// The same with options (weft/compile.h).
  void compile(const CompileOptions& options, Loc loc = Loc::current());

  /// Something that runs a call's body, such as a compiled region; calls go through it while set.
  using Runner = std::function<void(const std::function<void()>& body)>;
  /// Sets what calls go through; an empty one ends that.
  void set_runner(Runner runner);

  /// Says whether two handles refer to the same module.
  bool is_same(const Module& o) const { return state_ == o.state_; }

protected:
  // Names must be new among the module's own and have no dot; else each of these throws Error
  // (value).

  /// Registers a tensor that is trained, and returns it requiring a gradient. Throws Error
  /// (autograd) for the result of an op.
  Tensor parameter(const std::string& name, const Tensor& value, Loc loc = Loc::current());
  /// Registers a tensor that is saved with the parameters, but not trained.
  Tensor buffer(const std::string& name, const Tensor& value, Loc loc = Loc::current());
  /// Makes a parameter a buffer of the same name: it is saved as before, but not trained.
  void freeze(const std::string& name, Loc loc = Loc::current());
  /// Registers a part and returns a handle to it.
  template <std::derived_from<Module> M>
  M child(const std::string& name, const M& module, Loc loc = Loc::current()) {
    add_child(name, std::make_shared<M>(module), loc);
    return module;
  }
  /// Registers a part that is a shared object.
  void add_child(const std::string& name, std::shared_ptr<Module> module, const Loc& loc);
  /// Returns what calls go through; empty where nothing was set.
  const Runner& runner() const;

private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Hears of the calls of modules in its thread while it lives, as summary() does; runners are left
/// out then.
class CallWatcher {
public:
  /// Begins to hear, in place of an outer one.
  CallWatcher();
  virtual ~CallWatcher();
  CallWatcher(const CallWatcher&) = delete;
  CallWatcher& operator=(const CallWatcher&) = delete;
  /// Hears of a call before it runs.
  virtual void enter(const Module& module) = 0;
  /// Hears of a call that did not throw, and of the tensors that it returned.
  virtual void leave(const Module& module, const std::vector<Tensor>& results) = 0;
  /// Returns the innermost one of this thread, or null.
  static CallWatcher* current();

private:
  CallWatcher* outer_;
};

namespace detail {
inline void collect_results(std::vector<Tensor>& to, const Tensor& t) { to.push_back(t); }
inline void collect_results(std::vector<Tensor>& to, const std::vector<Tensor>& list) {
  to.insert(to.end(), list.begin(), list.end());
}
template <class A, class B>
void collect_results(std::vector<Tensor>& to, const std::pair<A, B>& results) {
  collect_results(to, results.first);
  collect_results(to, results.second);
}
template <class T> void collect_results(std::vector<Tensor>&, const T&) {} // no tensor
} // namespace detail

/// A module with any other signature: `struct Attention : nn::ModuleOf<Attention>` has a public
/// forward(q, k, v) of its own, and is called as attention(q, k, v).
template <class Derived> class ModuleOf : public Module {
public:
  /// Runs forward with up to five arguments; errors inside name the caller's line.
  auto operator()(Loc loc = Loc::current()) { return call(loc); }
  template <class A> auto operator()(A&& a, Loc loc = Loc::current()) {
    return call(loc, std::forward<A>(a));
  }
  template <class A, class B> auto operator()(A&& a, B&& b, Loc loc = Loc::current()) {
    return call(loc, std::forward<A>(a), std::forward<B>(b));
  }
  template <class A, class B, class C>
  auto operator()(A&& a, B&& b, C&& c, Loc loc = Loc::current()) {
    return call(loc, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
  }
  template <class A, class B, class C, class D>
  auto operator()(A&& a, B&& b, C&& c, D&& d, Loc loc = Loc::current()) {
    return call(loc, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                std::forward<D>(d));
  }
  template <class A, class B, class C, class D, class E>
  auto operator()(A&& a, B&& b, C&& c, D&& d, E&& e, Loc loc = Loc::current()) {
    return call(loc, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c), std::forward<D>(d),
                std::forward<E>(e));
  }

private:
  using Module::forward;
  template <class Body> auto watch(CallWatcher& watcher, const Body& body) {
    watcher.enter(*this);
    auto result = body();
    std::vector<Tensor> tensors;
    detail::collect_results(tensors, result);
    watcher.leave(*this, tensors);
    return result;
  }
  template <class... Args> auto call(const Loc& loc, Args&&... args) {
    LocScope scope(loc);
    auto body = [&] { return static_cast<Derived*>(this)->forward(std::forward<Args>(args)...); };
    CallWatcher* watcher = CallWatcher::current();
    if (!watcher && !runner()) return body();
    if constexpr (std::is_void_v<decltype(body())>) {
      if (!watcher) return runner()(body);
      watcher->enter(*this);
      body();
      watcher->leave(*this, {});
    } else {
      if (watcher) return watch(*watcher, body);
      std::optional<decltype(body())> result;
      runner()([&] { result.emplace(body()); });
      return std::move(*result);
    }
  }
};

/// Computes x W^T + b: x [..., in] gives [..., out], with W [out, in] and b [out]. Both start
/// uniform in +-1/sqrt(in) (He et al., ICCV 2015, with the slope sqrt(5) that PyTorch uses).
class Linear : public Module {
public:
  /// Makes a layer of random weights. Throws Error (value) where a size is negative.
  Linear(int64_t in, int64_t out, bool with_bias = true, DType dtype = f32,
         Loc loc = Loc::current());
  Tensor weight, bias; // bias is undefined without one
  Tensor forward(const Tensor& x) override;

  /// Keeps the weight as codes of 8 or 4 bits with a scale for each block of inputs
  /// (weft::quantize), in every handle. `weight`, the codes, and `scales` are buffers from then on;
  /// `in` must be a multiple of the block.
  void quantize(int64_t bits = 8, int64_t block = 32, Loc loc = Loc::current());
  /// Returns the scales of a quantised weight, else an undefined tensor.
  Tensor scales() const { return *scales_; }

private:
  std::shared_ptr<Tensor> scales_ = std::make_shared<Tensor>(); // of all handles
};

/// Normalises the last dims, those of `shape`, to mean 0 and variance 1, then scales and, with a
/// bias, shifts (Ba et al., Layer normalization, 2016).
class LayerNorm : public Module {
public:
  /// Makes a layer of ones and zeros; `eps` is added to the variance.
  explicit LayerNorm(const Shape& shape, double eps = 1e-5, bool affine = true,
                     bool with_bias = true, DType dtype = f32, Loc loc = Loc::current());
  Tensor weight, bias; // both undefined unless affine
  Tensor forward(const Tensor& x) override;

private:
  Shape shape_;
  double eps_;
};

/// Calls its parts one after the other; they are named "0", "1", ...
class Sequential : public Module {
public:
  /// Takes the parts in their order.
  template <std::derived_from<Module>... Parts> explicit Sequential(const Parts&... parts) {
    (add(parts), ...);
  }
  /// Adds a part behind the others.
  template <std::derived_from<Module> M> Sequential& add(const M& part) {
    child(std::to_string(parts_++), part);
    return *this;
  }
  Tensor forward(const Tensor& x) override;

private:
  int parts_ = 0;
};

/// Computes max(x, 0).
class ReLU : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes x times the probability that a normally distributed number lies below x (Hendrycks and
/// Gimpel, Gaussian error linear units, 2016).
class GELU : public Module {
public:
  /// `approximate` is "none" or "tanh".
  explicit GELU(const std::string& approximate = "none") : approximate_(approximate) {}
  Tensor forward(const Tensor& x) override;

private:
  std::string approximate_;
};
/// Computes x sigmoid(x).
class SiLU : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes tanh(x).
class Tanh : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes 1 / (1 + exp(-x)).
class Sigmoid : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes exp(x) divided by its sum along a dim.
class Softmax : public Module {
public:
  explicit Softmax(int64_t dim = -1) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
};

} // namespace nn
} // namespace weft
