// Functions with a backward of the user's own:
//
//     struct Cube : autograd::Function<Cube> {
//       Tensor forward(autograd::Context& ctx, const Tensor& x) {
//         ctx.save({x});
//         return x * x * x;
//       }
//       std::vector<Tensor> backward(autograd::Context& ctx, const std::vector<Tensor>& dy) {
//         return {dy[0] * 3.0 * ctx.saved()[0] * ctx.saved()[0]};
//       }
//     };
//     Tensor y = Cube::apply(x);
#pragma once

#include "weft/tensor.h"

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace weft {

class FunctionCall;

namespace autograd {

/// What forward and backward of one call share.
class Context {
public:
  explicit Context(FunctionCall& call) : call_(call) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Keeps tensors for backward: arguments, results or values in between. Writing into one in place
  /// before backward is an error there. To be called once, in forward.
  void save(std::vector<Tensor> tensors);
  /// Returns the saved tensors, in backward. Those that have a history have it here too, so that a
  /// backward that is made of ops can be differentiated.
  std::vector<Tensor> saved() const;
  /// Says in forward that no gradient goes through these results.
  void mark_non_differentiable(std::vector<Tensor> results);
  /// Says whether tensor argument k (counted among the tensors) requires a gradient.
  bool needs(size_t k) const;

private:
  FunctionCall& call_;
};

namespace detail {

struct FunctionObject {
  virtual ~FunctionObject() = default;
  virtual std::vector<Tensor> backward(Context& ctx, const std::vector<Tensor>& gradients) = 0;
  virtual std::string name() const = 0;
};

/// Returns a type's name as it is written in C++.
std::string type_name(const std::type_info& type);

/// Runs forward without recording, and records the call as one node over `inputs`.
std::vector<Tensor> call_function(std::shared_ptr<FunctionObject> object,
                                  const std::vector<Tensor>& inputs,
                                  const std::function<std::vector<Tensor>(Context&)>& forward,
                                  const Loc& loc);

inline void collect(std::vector<Tensor>& to, const Tensor& t) { to.push_back(t); }
inline void collect(std::vector<Tensor>& to, const std::vector<Tensor>& list) {
  to.insert(to.end(), list.begin(), list.end());
}
template <class T> void collect(std::vector<Tensor>&, const T&) {} // no tensor

template <class R> std::vector<Tensor> pack(R&& results) {
  if constexpr (std::is_same_v<std::decay_t<R>, Tensor>)
    return {std::forward<R>(results)};
  else if constexpr (std::is_same_v<std::decay_t<R>, std::vector<Tensor>>)
    return std::forward<R>(results);
  else
    return std::apply([](const auto&... t) { return std::vector<Tensor>{t...}; }, results);
}

template <class R> R unpack(std::vector<Tensor> results) {
  if constexpr (std::is_same_v<R, Tensor>) {
    return results[0];
  } else if constexpr (std::is_same_v<R, std::vector<Tensor>>) {
    return results;
  } else {
    R r;
    size_t k = 0;
    std::apply([&](auto&... t) { ((t = results[k++]), ...); }, r);
    return r;
  }
}

} // namespace detail

/// Base of a function with its own gradient. Derived has
/// - `forward(Context&, arguments...)`, which runs without recording and returns a Tensor, a
///   std::vector<Tensor>, or a pair or tuple of tensors; arguments are of any type, those that are
///   Tensor or std::vector<Tensor> may have gradients;
/// - `std::vector<Tensor> backward(Context&, const std::vector<Tensor>& gradients)`, which makes of
///   a gradient for each result one for each tensor argument, in order; an undefined one is none.
///
/// Each apply() makes an object of its own, which lives until backward is done: what backward needs
/// beside tensors can be members. In forward, tensors must not be changed in place. `static
/// constexpr const char* name` gives messages another name than the type's.
template <class Derived> class Function {
public:
  /// Calls forward with up to five arguments, and records the call where one of them has a history.
  template <class A> static auto apply(A&& a, Loc loc = Loc::current()) {
    return run(loc, std::forward<A>(a));
  }
  template <class A, class B> static auto apply(A&& a, B&& b, Loc loc = Loc::current()) {
    return run(loc, std::forward<A>(a), std::forward<B>(b));
  }
  template <class A, class B, class C>
  static auto apply(A&& a, B&& b, C&& c, Loc loc = Loc::current()) {
    return run(loc, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
  }
  template <class A, class B, class C, class D>
  static auto apply(A&& a, B&& b, C&& c, D&& d, Loc loc = Loc::current()) {
    return run(loc, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c), std::forward<D>(d));
  }
  template <class A, class B, class C, class D, class E>
  static auto apply(A&& a, B&& b, C&& c, D&& d, E&& e, Loc loc = Loc::current()) {
    return run(loc, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c), std::forward<D>(d),
               std::forward<E>(e));
  }

private:
  struct Object final : detail::FunctionObject {
    Derived function;
    std::vector<Tensor> backward(Context& ctx, const std::vector<Tensor>& gradients) override {
      return function.backward(ctx, gradients);
    }
    std::string name() const override {
      if constexpr (requires { Derived::name; })
        return Derived::name;
      else
        return detail::type_name(typeid(Derived));
    }
  };

  template <class... Args> static auto run(const Loc& loc, Args&&... args) {
    auto object = std::make_shared<Object>();
    std::vector<Tensor> inputs;
    (detail::collect(inputs, args), ...);
    using Result =
        std::decay_t<decltype(object->function.forward(std::declval<Context&>(), args...))>;
    return detail::unpack<Result>(detail::call_function(
        object, inputs,
        [&](Context& ctx) { return detail::pack(object->function.forward(ctx, args...)); }, loc));
  }
};

} // namespace autograd
} // namespace weft
