// What goes around a training step: clipping of gradients, schedules of rates, averages of
// parameters. All of it may run inside a compiled step.
#pragma once

#include "weft/optim.h"

#include <functional>
#include <limits>
#include <memory>
#include <vector>

namespace weft::nn {

/// Scales all gradients so that their norm, taken over all of them together, is at most `max_norm`:
/// each is multiplied by min(1, max_norm / (norm + 1e-6)), as PyTorch does. Parameters without a
/// gradient are left out. Returns the norm before, as a 0-d tensor: the host waits for nothing.
/// With `error_if_nonfinite` it waits, and throws Error (value) where the norm is NaN or infinite.
Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2,
                       bool error_if_nonfinite = false, Loc loc = Loc::current());

/// Limits each element of the gradients to -clip_value .. clip_value. Throws Error (value) where
/// clip_value is negative.
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value,
                      Loc loc = Loc::current());

} // namespace weft::nn

namespace weft::optim {

/// The factor of a rate at a step, which counts from 0.
using Factor = std::function<double(int64_t step)>;

// Each of these throws Error (value) for a number of steps that is not positive.

/// Returns gamma^(step / step_size), the exponent rounded down: PyTorch's StepLR.
Factor step_decay(int64_t step_size, double gamma = 0.1, Loc loc = Loc::current());
/// Returns a product with gamma for each of `milestones` that has been reached: MultiStepLR.
Factor milestone_decay(std::vector<int64_t> milestones, double gamma = 0.1);
/// Returns gamma^step: ExponentialLR.
Factor exponential_decay(double gamma);
/// Goes from `start` to `end` in equal steps, then stays there: LinearLR.
Factor linear_ramp(double start, double end, int64_t steps, Loc loc = Loc::current());
/// Returns lowest + (1 - lowest) (1 + cos(pi step / steps)) / 2, then `lowest`: CosineAnnealingLR
/// without its way back up (Loshchilov and Hutter, SGDR, ICLR 2017).
Factor cosine_decay(int64_t steps, double lowest = 0, Loc loc = Loc::current());
/// Goes up from 1 / warmup in `warmup` equal steps, then follows another factor, which counts from
/// there.
Factor with_warmup(int64_t warmup, Factor then, Loc loc = Loc::current());

/// Sets rates to their first values times a factor, as PyTorch's LambdaLR does:
///
///     optim::Schedule schedule(opt, optim::with_warmup(100, optim::cosine_decay(1000)));
///     for (...) { opt.step(); schedule.step(); }
///
/// The optimizer, or the rate, must outlive the schedule. schedules.h has PyTorch's by name.
class Schedule {
public:
  /// Sets every group's rate of step 0.
  Schedule(Optimizer& optimizer, const Factor& factor, Loc loc = Loc::current());
  /// Sets one number, such as `options.lr` of an optimizer, likewise.
  Schedule(double& rate, const Factor& factor, Loc loc = Loc::current());
  /// Sets the rates of the next step.
  void step(Loc loc = Loc::current()) { set_step(*step_ + 1, loc); }
  /// Sets the rates of a step, to go on where a checkpoint stopped. Throws Error (value) where it
  /// is negative.
  void set_step(int64_t step, Loc loc = Loc::current());
  /// Returns the step whose rates are set.
  int64_t last_step() const { return *step_; }

protected:
  /// A number that a schedule sets, and what it is at a step.
  struct Course {
    double* number;
    std::function<double(int64_t step)> at;
  };
  Schedule(std::vector<Course> courses, const Loc& loc);
  /// Returns courses of all groups' rates: `at(first, step)`, given a group's first rate.
  static std::vector<Course> of_rates(Optimizer& optimizer,
                                      const std::function<double(double first, int64_t step)>& at);

private:
  std::vector<Course> courses_;
  std::shared_ptr<int64_t> step_; // shared with what undoes a step that fails
};

/// Averages tensors over time: average = decay * average + (1 - decay) * tensor at each update
/// (Polyak and Juditsky, 1992, in its exponential form).
class ExponentialAverage {
public:
  /// Starts from the tensors' present values. Throws Error (value) unless decay is in 0 .. 1.
  ExponentialAverage(const std::vector<Tensor>& tensors, double decay, Loc loc = Loc::current());
  /// Takes the tensors' present values into the averages. Integers are copied.
  void update(Loc loc = Loc::current());
  /// Returns the averages, in the order of the tensors.
  const std::vector<Tensor>& averages() const { return averages_; }
  /// Writes the averages into the tensors.
  void copy_to_tensors(Loc loc = Loc::current()) const;

private:
  std::vector<Tensor> tensors_, averages_;
  double decay_;
};

} // namespace weft::optim
