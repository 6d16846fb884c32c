// Optimizers: change parameters in place by their gradients. Groups of parameters may have options
// of their own:
//
//     optim::AdamW opt(net.parameters(), {.lr = 1e-3});
//     optim::SGD two({{body.parameters(), {.lr = 0.01}}, {head.parameters(), {.lr = 0.1}}});
//     two.group(1).lr *= 0.5;
//
// Constructors throw Error (value) for options that the rule has not, and for parameters that are
// no leaves that require a gradient, each given once.
#pragma once

#include "weft/tensor.h"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weft::optim {

/// What all optimizers share: the parameters and the loop over them. State lies in tensors made at
/// construction, and counts of steps on the host, so that a compiled step runs the same ops each
/// time.
class Optimizer {
public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient, in place and without recording. Throws Error
  /// (value) where options were changed to what the rule has not.
  void step(Loc loc = Loc::current());
  /// Drops the parameters' gradients, or writes zeros into them.
  void zero_grad(bool set_to_none = true, Loc loc = Loc::current());
  /// Returns the parameters of all groups, one group after the other.
  const std::vector<Tensor>& parameters() const { return parameters_; }

  /// Returns the number of groups.
  size_t groups() const { return state_names_.size(); }
  /// Returns the rate of a group, which may be changed between steps.
  virtual double& rate(size_t group) = 0;
  /// Returns the share of the past that a step of a group keeps, momentum or the first beta; null
  /// where the rule has none.
  virtual double* momentum(size_t group) = 0;

  /// Returns the state by name: "0.exp_avg" for parameter 0, and "0.step", an i64 number.
  std::map<std::string, Tensor> state_dict() const;
  /// Copies state of the same names. Throws Error (value) where a name is missing or a shape
  /// differs.
  void load_state_dict(const std::map<std::string, Tensor>& state, Loc loc = Loc::current());

protected:
  using Names = std::span<const char* const>;

  Optimizer();
  /// Adds a group. Throws unless its parameters are leaves that require a gradient, each given
  /// once. The state tensors of these names have the parameters' shapes and start as `initial`.
  void add_parameters(const std::vector<Tensor>& parameters, Names state_names, double initial,
                      const Loc& loc);
  /// Throws where a group's options, which users may change, are none that the rule has.
  virtual void check_group(size_t group, const Loc& loc) const = 0;
  /// Returns the names of the state that a group's options need.
  virtual Names state_names_of(size_t group) const = 0;
  /// Throws "NAME: WHAT, got VALUE" unless `holds`.
  static void require(bool holds, const char* name, const char* what, double value, const Loc& loc);
  /// Updates parameter k, which is of this group. `step` counts from 1.
  virtual void update(size_t group, size_t k, const Tensor& parameter, const Tensor& gradient,
                      int64_t step) = 0;
  /// Returns state tensor `which` of parameter k.
  Tensor& state(size_t k, size_t which) { return state_[k][which]; }

private:
  void match_parameter(size_t k);

  std::vector<Tensor> parameters_;
  std::vector<size_t> group_of_;                // by parameter
  std::vector<Names> state_names_;              // by group
  std::vector<std::vector<Tensor>> state_;      // by parameter
  std::shared_ptr<std::vector<int64_t>> steps_; // shared with what undoes a step that fails
};

/// Parameters and their options.
template <class Options> struct ParameterGroup {
  std::vector<Tensor> parameters;
  Options options = {};
};

/// An optimizer whose rule has such options, which a rule derives from.
template <class Options> class OptimizerOf : public Optimizer {
public:
  using Group = ParameterGroup<Options>;

  /// The options of group 0. They may be changed between steps, but for what decides which state is
  /// kept (a momentum of 0 or not, amsgrad, centered).
  Options options;
  /// Returns the options of any group. Throws Error (value) where there is no such group.
  Options& group(size_t k, Loc loc = Loc::current()) {
    require(k < groups(), "group", "the number must be one of a group", static_cast<double>(k),
            loc);
    return at(k);
  }
  /// Adds parameters as a group of their own, whose state starts anew.
  void add_param_group(const std::vector<Tensor>& parameters, const Options& of_group,
                       Loc loc = Loc::current()) {
    check_options(of_group, loc);
    add_parameters(parameters, state_names(of_group), initial_state(of_group), loc);
    if (groups() == 1)
      options = of_group;
    else
      others_.push_back(std::make_unique<Options>(of_group));
  }

  double& rate(size_t group) override { return at(group).lr; }
  double* momentum(size_t group) override {
    if constexpr (requires { options.momentum; })
      return &at(group).momentum;
    else if constexpr (requires { options.beta1; })
      return &at(group).beta1;
    else
      return nullptr;
  }

protected:
  /// Adds all groups of a constructor, at least one.
  void add_groups(const std::vector<Group>& all, const Loc& loc) {
    for (const Group& g : all)
      add_param_group(g.parameters, g.options, loc);
    require(groups() > 0, "optimizer", "there must be a group of parameters", 0, loc);
  }
  /// Throws where the rule has no such options.
  virtual void check_options(const Options& o, const Loc& loc) const = 0;
  /// Returns the names of the state that these options need.
  virtual Names state_names(const Options& o) const = 0;
  /// Returns the number that all state starts as.
  virtual double initial_state(const Options&) const { return 0; }
  using Optimizer::update;
  /// Updates parameter k by these options. `step` counts from 1.
  virtual void update(const Options& o, size_t k, const Tensor& parameter, const Tensor& gradient,
                      int64_t step) = 0;

private:
  Options& at(size_t k) { return k ? *others_[k - 1] : options; }
  const Options& at(size_t k) const { return k ? *others_[k - 1] : options; }
  void check_group(size_t k, const Loc& loc) const override { check_options(at(k), loc); }
  Names state_names_of(size_t k) const override { return state_names(at(k)); }
  void update(size_t group, size_t k, const Tensor& parameter, const Tensor& gradient,
              int64_t step) override {
    update(at(group), k, parameter, gradient, step);
  }

  std::vector<std::unique_ptr<Options>> others_; // a schedule keeps addresses of rates
};

/// Options of SGD.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double weight_decay = 0; // adds weight_decay * p to the gradient
  bool nesterov = false;   // looks ahead along the momentum
  double dampening = 0;  // share of a gradient that the momentum leaves out, but for the first one
  bool maximize = false; // goes along the gradient
};

/// Steps against the gradient g with momentum: b = momentum b + (1 - dampening) g, p = p - lr b
/// (Sutskever et al., ICML 2013, in PyTorch's form).
class SGD : public OptimizerOf<SGDOptions> {
public:
  explicit SGD(const std::vector<Tensor>& parameters, SGDOptions o = {}, Loc loc = Loc::current());
  explicit SGD(const std::vector<Group>& all, Loc loc = Loc::current());

private:
  void check_options(const SGDOptions& o, const Loc& loc) const override;
  Names state_names(const SGDOptions& o) const override;
  void update(const SGDOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
              int64_t step) override;
};

/// Options of Adam.
struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999; // shares of the averages m and v that a step keeps
  double eps = 1e-8;                 // added to the root of v
  double weight_decay = 0;           // adds weight_decay * p to the gradient
  bool amsgrad = false;              // divides by the greatest average of squares so far
  bool maximize = false;
};

/// Steps against m / (sqrt(v) + eps), averages of the gradient and its square that are freed from
/// their start at 0 (Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015; with
/// amsgrad Reddi et al., ICLR 2018).
class Adam : public OptimizerOf<AdamOptions> {
public:
  explicit Adam(const std::vector<Tensor>& parameters, AdamOptions o = {},
                Loc loc = Loc::current());
  explicit Adam(const std::vector<Group>& all, Loc loc = Loc::current());

private:
  void check_options(const AdamOptions& o, const Loc& loc) const override;
  Names state_names(const AdamOptions& o) const override;
  void update(const AdamOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
              int64_t step) override;
};

/// Options of AdamW; as for Adam, but for weight_decay.
struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2; // decoupled: p shrinks by lr * weight_decay a step
  bool amsgrad = false;
  bool maximize = false;
};

/// Steps as Adam does, and shrinks the parameters apart from the gradient (Loshchilov and
/// Hutter, Decoupled weight decay regularization, ICLR 2019).
class AdamW : public OptimizerOf<AdamWOptions> {
public:
  explicit AdamW(const std::vector<Tensor>& parameters, AdamWOptions o = {},
                 Loc loc = Loc::current());
  explicit AdamW(const std::vector<Group>& all, Loc loc = Loc::current());

private:
  void check_options(const AdamWOptions& o, const Loc& loc) const override;
  Names state_names(const AdamWOptions& o) const override;
  void update(const AdamWOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
              int64_t step) override;
};

/// Options of Adagrad.
struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;                  // the rate of step n is lr / (1 + (n - 1) lr_decay)
  double weight_decay = 0;              // adds weight_decay * p to the gradient
  double initial_accumulator_value = 0; // what the sum of squares starts as
  double eps = 1e-10;                   // added to its root
  bool maximize = false;
};

/// Steps against the gradient divided by the root of the sum of its squares so far (Duchi et al.,
/// Adaptive subgradient methods for online learning and stochastic optimization, JMLR 2011).
class Adagrad : public OptimizerOf<AdagradOptions> {
public:
  explicit Adagrad(const std::vector<Tensor>& parameters, AdagradOptions o = {},
                   Loc loc = Loc::current());
  explicit Adagrad(const std::vector<Group>& all, Loc loc = Loc::current());

private:
  void check_options(const AdagradOptions& o, const Loc& loc) const override;
  Names state_names(const AdagradOptions& o) const override;
  double initial_state(const AdagradOptions& o) const override;
  void update(const AdagradOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
              int64_t step) override;
};

/// Options of RMSprop.
struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;     // share of the average of squares that a step keeps
  double eps = 1e-8;       // added to its root
  double weight_decay = 0; // adds weight_decay * p to the gradient
  double momentum = 0;
  bool centered = false; // divides by the deviation from the average gradient
  bool maximize = false;
};

/// Steps against the gradient divided by the root of the average of its squares (Hinton, Neural
/// networks for machine learning, lecture 6e, 2012, in PyTorch's form; centered as in Graves,
/// Generating sequences with recurrent neural networks, 2013).
class RMSprop : public OptimizerOf<RMSpropOptions> {
public:
  explicit RMSprop(const std::vector<Tensor>& parameters, RMSpropOptions o = {},
                   Loc loc = Loc::current());
  explicit RMSprop(const std::vector<Group>& all, Loc loc = Loc::current());

private:
  void check_options(const RMSpropOptions& o, const Loc& loc) const override;
  Names state_names(const RMSpropOptions& o) const override;
  void update(const RMSpropOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
              int64_t step) override;
};

/// Options of Lion.
struct LionOptions {
  double lr = 1e-4;
  double beta1 = 0.9;      // share of the average in the direction of a step
  double beta2 = 0.99;     // share of the average that a step keeps
  double weight_decay = 0; // decoupled: p shrinks by lr * weight_decay a step
  bool maximize = false;
};

/// Takes steps of equal size against the sign of an average of the gradient (Chen et al., Symbolic
/// discovery of optimization algorithms, NeurIPS 2023).
class Lion : public OptimizerOf<LionOptions> {
public:
  explicit Lion(const std::vector<Tensor>& parameters, LionOptions o = {},
                Loc loc = Loc::current());
  explicit Lion(const std::vector<Group>& all, Loc loc = Loc::current());

private:
  void check_options(const LionOptions& o, const Loc& loc) const override;
  Names state_names(const LionOptions& o) const override;
  void update(const LionOptions& o, size_t k, const Tensor& parameter, const Tensor& gradient,
              int64_t step) override;
};

} // namespace weft::optim
