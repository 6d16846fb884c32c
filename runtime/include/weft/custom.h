// Ops of a user's own, made at run time from an expression: a text in the language of the op
// records (docs/custom_ops.md) or a lambda over Value and Mask.
//
//     auto swish = custom::pointwise("swish", "x * sigmoid(beta * x)",
//                                    {.operands = {"x"}, .numbers = {"beta"}});
//     Tensor y = swish(x, 1.5);
#pragma once

#include "weft/tensor.h"

#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::custom {

namespace detail {

/// A node of an expression that a lambda makes; immutable and shared.
struct Term;
using TermPtr = std::shared_ptr<const Term>;
TermPtr number_term(double number);
TermPtr input_term();
TermPtr call_term(const char* function, std::initializer_list<TermPtr> operands);

} // namespace detail

/// A number in an expression: an operand's element, or what is computed from some.
class Value {
public:
  /// Makes a literal of a host number.
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) Value(T number)
      : term_(detail::number_term(static_cast<double>(number))) {}
  explicit Value(detail::TermPtr term) : term_(std::move(term)) {}
  const detail::TermPtr& term() const { return term_; }

private:
  detail::TermPtr term_;
};

/// A truth value in an expression, what a comparison gives. `where(mask, a, b)` makes a Value of
/// it.
class Mask {
public:
  explicit Mask(detail::TermPtr term) : term_(std::move(term)) {}
  const detail::TermPtr& term() const { return term_; }

private:
  detail::TermPtr term_;
};

#include "weft/gen/custom_values.inc" // + - * / < & and every pointwise op, over Value and Mask

namespace detail {

/// The parameters of a lambda: types and the call.
template <class M> struct Lambda;
template <class C, class R, class... A> struct Lambda<R (C::*)(A...) const> {
  using Result = R;
  static constexpr bool fits =
      ((std::is_same_v<std::decay_t<A>, Value> || std::is_same_v<std::decay_t<A>, Mask>)&&...);
  static std::vector<bool> masks() { return {std::is_same_v<std::decay_t<A>, Mask>...}; }
  template <class F> static R call(const F& f, const std::vector<TermPtr>& inputs) {
    return [&]<size_t... k>(std::index_sequence<k...>) { return f(std::decay_t<A>(inputs[k])...); }
    (std::index_sequence_for<A...>());
  }
};
template <class F>
concept ExpressionLambda = requires {
  &F::operator();
}
&&Lambda<decltype(&F::operator())>::fits;

} // namespace detail

/// What an op computes for one element.
class Expression {
public:
  Expression() = default; // none
  /// A text: names of operands and numbers, literals, calls of pointwise ops, operators, and
  /// definitions before the value, "s = sigmoid(x); s * (1 - s)".
  Expression(std::string text) : text_(std::move(text)) {}
  Expression(const char* text) : text_(text) {}
  /// A lambda whose parameters are Value or Mask, the inputs in their order; it may leave out the
  /// last ones. It is called once, here.
  template <detail::ExpressionLambda F> Expression(const F& lambda) {
    using L = detail::Lambda<decltype(&F::operator())>;
    masks_ = L::masks();
    for (size_t k = 0; k < masks_.size(); k++)
      inputs_.push_back(detail::input_term());
    if constexpr (std::is_same_v<typename L::Result, Mask>)
      root_ = L::call(lambda, inputs_).term();
    else
      root_ = Value(L::call(lambda, inputs_)).term();
  }

  /// Says whether there is a text or a lambda.
  bool defined() const { return root_ || !text_.empty(); }
  /// Returns the text; empty for a lambda.
  const std::string& text() const { return text_; }
  /// Returns what the lambda gave; null for a text.
  const detail::TermPtr& root() const { return root_; }
  /// Returns the lambda's parameters, in their order.
  const std::vector<detail::TermPtr>& inputs() const { return inputs_; }
  /// Says which of the lambda's parameters are masks.
  const std::vector<bool>& masks() const { return masks_; }

private:
  std::string text_;
  detail::TermPtr root_;
  std::vector<detail::TermPtr> inputs_;
  std::vector<bool> masks_;
};

/// The inputs of a pointwise op, and gradients that are not those of its expression.
struct PointwiseOptions {
  /// Names of the operands, in the order of calls. A lambda needs none.
  std::vector<std::string> operands = {};
  /// Those of the operands that a text takes as masks. A lambda says so by its parameters' types.
  std::vector<std::string> masks = {};
  /// Names of the numbers, which follow the operands in calls. A number of a call is an argument of
  /// a compiled kernel, never a constant of it. (Operands may be numbers too; what must not be a
  /// tensor, as the slope of leaky_relu, has to be declared here.)
  std::vector<std::string> numbers = {};
  /// The gradient of each operand, over operands, numbers, the result `y` and its gradient `dy`;
  /// "" is none. Empty: the gradients are those of the expression.
  std::vector<Expression> gradients = {};
};

namespace detail {
struct PointwiseOp;
struct ReductionOp;
} // namespace detail

/// A pointwise op. It computes what its expression computes typed by hand: the same ops with the
/// same promotion, bits, gradients and kernels. Copies share; calls from several threads are safe.
class Pointwise {
public:
  explicit Pointwise(std::shared_ptr<const detail::PointwiseOp> op) : op_(std::move(op)) {}
  Pointwise(const Pointwise&) = default; // no moves: an op that was moved from would be none
  Pointwise& operator=(const Pointwise&) = default;

  /// Calls the op: operands, broadcast, then numbers. Throws what its ops throw, with its name.
  Tensor operator()(const Arg& a) const { return call({&a}); }
  Tensor operator()(const Arg& a, const Arg& b) const { return call({&a, &b}); }
  Tensor operator()(const Arg& a, const Arg& b, const Arg& c) const { return call({&a, &b, &c}); }
  Tensor operator()(const Arg& a, const Arg& b, const Arg& c, const Arg& d) const {
    return call({&a, &b, &c, &d});
  }
  Tensor operator()(const Arg& a, const Arg& b, const Arg& c, const Arg& d, const Arg& e) const {
    return call({&a, &b, &c, &d, &e});
  }
  Tensor operator()(const Arg& a, const Arg& b, const Arg& c, const Arg& d, const Arg& e,
                    const Arg& f) const {
    return call({&a, &b, &c, &d, &e, &f});
  }
  /// Returns the name that messages and tools give the op.
  const std::string& name() const;

private:
  Tensor call(std::initializer_list<const Arg*> arguments) const;
  std::shared_ptr<const detail::PointwiseOp> op_;
};

/// Makes a pointwise op. Throws Error (value) where the expression has a mistake: one line and, for
/// a text, a caret below the place.
Pointwise pointwise(std::string name, const Expression& value, PointwiseOptions options = {},
                    Loc loc = Loc::current());

/// What a reduction makes of each element, of two, and of the last.
struct ReductionOptions {
  /// How an element `x` enters, over x and the numbers.
  Expression map = "x";
  /// An associative expression of `a` and `b`. a + b, a * b, max, min, & and | are the reductions
  /// of the library, which are fused with what is around them; any other combines neighbours in
  /// log2(n) rounds, for which the order of elements is kept.
  Expression combine = {};
  /// What leaves every number as it is, the result for no elements; where there is none, reducing
  /// no elements is refused.
  std::optional<double> identity = std::nullopt;
  /// The result, over the combination `a`, the number `n` of elements, and the numbers.
  Expression finish = "a";
  /// Names of the numbers, which follow in calls.
  std::vector<std::string> numbers = {};
};

/// A reduction over any dims. Halves are computed in f32, and the result rounded once.
class Reduction {
public:
  explicit Reduction(std::shared_ptr<const detail::ReductionOp> op) : op_(std::move(op)) {}
  Reduction(const Reduction&) = default;
  Reduction& operator=(const Reduction&) = default;

  /// Reduces `dims`, none meaning all. `numbers` are those that the op declares. Throws Error
  /// (shape) where there are no elements and the op has no identity.
  Tensor operator()(const Arg& x, const Dims& dims = {}, bool keepdim = false,
                    const std::vector<Scalar>& numbers = {}) const;
  /// Returns the name that messages and tools give the op.
  const std::string& name() const;

private:
  std::shared_ptr<const detail::ReductionOp> op_;
};

/// Makes a reduction. Throws Error (value) where an expression has a mistake, where `combine` of
/// sample numbers is not associative, or where `identity` changes one.
Reduction reduction(std::string name, const ReductionOptions& options, Loc loc = Loc::current());

} // namespace weft::custom
