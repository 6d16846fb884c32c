// Optimizers: change parameters in place by their gradients.
#pragma once

#include "weft/tensor.h"

#include <map>
#include <memory>
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

  /// Updates every parameter that has a gradient, in place and without recording.
  void step(Loc loc = Loc::current());
  /// Drops the parameters' gradients, or writes zeros into them.
  void zero_grad(bool set_to_none = true, Loc loc = Loc::current());
  const std::vector<Tensor>& parameters() const { return parameters_; }

  /// Returns the state by name: "0.exp_avg" for parameter 0, and "0.step", an i64 number.
  std::map<std::string, Tensor> state_dict() const;
  /// Copies state of the same names; throws where a name is missing or a shape differs.
  void load_state_dict(const std::map<std::string, Tensor>& state, Loc loc = Loc::current());

protected:
  /// Throws unless parameters are leaves that require a gradient, each given once.
  Optimizer(std::vector<Tensor> parameters, std::vector<std::string> state_names, const Loc& loc);
  /// Throws where the options, which users may change, are none that the rule has.
  virtual void check_options(const Loc&) const {}
  /// Throws "NAME: WHAT, got VALUE" unless `holds`.
  static void require(bool holds, const char* name, const char* what, double value, const Loc& loc);
  /// Updates parameter k. `step` counts from 1.
  virtual void update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) = 0;
  /// State tensor `which` of parameter k: zeros at first, with the parameter's shape and dtype.
  Tensor& state(size_t k, size_t which) { return state_[k * state_names_.size() + which]; }

private:
  void match_parameter(size_t k);

  std::vector<Tensor> parameters_;
  std::vector<std::string> state_names_;
  std::vector<Tensor> state_;
  std::shared_ptr<std::vector<int64_t>> steps_; // shared with what undoes a step that fails
};

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double weight_decay = 0; // adds weight_decay * p to the gradient
  bool nesterov = false;
};

/// Stochastic gradient descent with momentum (Sutskever et al., ICML 2013, in PyTorch's form).
class SGD : public Optimizer {
public:
  explicit SGD(std::vector<Tensor> parameters, SGDOptions options = {}, Loc loc = Loc::current());
  /// May be changed between steps.
  SGDOptions options;

private:
  void check_options(const Loc& loc) const override;
  void update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) override;
};

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2; // decoupled: p shrinks by lr * weight_decay a step
};

/// Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
class AdamW : public Optimizer {
public:
  explicit AdamW(std::vector<Tensor> parameters, AdamWOptions options = {},
                 Loc loc = Loc::current());
  /// May be changed between steps.
  AdamWOptions options;

private:
  void check_options(const Loc& loc) const override;
  void update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) override;
};

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0; // adds weight_decay * p to the gradient
};

/// Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015.
class Adam : public Optimizer {
public:
  explicit Adam(std::vector<Tensor> parameters, AdamOptions options = {}, Loc loc = Loc::current());
  /// May be changed between steps.
  AdamOptions options;

private:
  void check_options(const Loc& loc) const override;
  void update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) override;
};

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99; // share of the average of squares that a step keeps
  double eps = 1e-8;
  double weight_decay = 0; // adds weight_decay * p to the gradient
  double momentum = 0;
};

/// Hinton, Neural networks for machine learning, lecture 6e, 2012, in PyTorch's form.
class RMSprop : public Optimizer {
public:
  explicit RMSprop(std::vector<Tensor> parameters, RMSpropOptions options = {},
                   Loc loc = Loc::current());
  /// May be changed between steps; momentum must stay 0 or other than 0.
  RMSpropOptions options;

private:
  void check_options(const Loc& loc) const override;
  void update(size_t k, const Tensor& parameter, const Tensor& gradient, int64_t step) override;
};

} // namespace weft::optim
