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

/// Clamps each element of the gradients to -clip_value .. clip_value.
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value,
                      Loc loc = Loc::current());

} // namespace weft::nn

namespace weft::optim {

/// Returns the factor of a rate at a step, which counts from 0.
using Factor = std::function<double(int64_t step)>;

/// gamma^(step / step_size), rounded down: PyTorch's StepLR.
Factor step_decay(int64_t step_size, double gamma = 0.1);
/// gamma for each of `milestones` that has been reached: MultiStepLR.
Factor milestone_decay(std::vector<int64_t> milestones, double gamma = 0.1);
/// gamma^step: ExponentialLR.
Factor exponential_decay(double gamma);
/// From `start` to `end` in equal steps, then `end`: LinearLR.
Factor linear_ramp(double start, double end, int64_t steps);
/// lowest + (1 - lowest) (1 + cos(pi step / steps)) / 2, then `lowest`: CosineAnnealingLR without
/// its way back up (Loshchilov and Hutter, SGDR, ICLR 2017).
Factor cosine_decay(int64_t steps, double lowest = 0);
/// `warmup` equal steps up from 1 / warmup, then another factor, which counts from there.
Factor with_warmup(int64_t warmup, Factor then);

/// Sets rates to their first values times a factor, as PyTorch's LambdaLR does:
///
///     optim::Schedule schedule(opt, optim::with_warmup(100, optim::cosine_decay(1000)));
///     for (...) { opt.step(); schedule.step(); }
///
/// The optimizer, or the rate, must outlive the schedule. schedules.h has PyTorch's by name.
class Schedule {
public:
  /// Sets every group's rate of step 0.
  Schedule(Optimizer& optimizer, const Factor& factor);
  /// The same for one number, such as `options.lr` of an optimizer.
  Schedule(double& rate, const Factor& factor);
  /// Sets the rates of the next step.
  void step() { set_step(*step_ + 1); }
  /// Sets the rates of a step, to go on where a checkpoint stopped.
  void set_step(int64_t step);
  int64_t last_step() const { return *step_; }

protected:
  /// A number that a schedule sets, and what it is at a step.
  struct Course {
    double* number;
    std::function<double(int64_t step)> at;
  };
  explicit Schedule(std::vector<Course> courses);
  /// Courses of all groups' rates: `at(first, step)`, given a group's first rate.
  static std::vector<Course> of_rates(Optimizer& optimizer,
                                      const std::function<double(double first, int64_t step)>& at);

private:
  std::vector<Course> courses_;
  std::shared_ptr<int64_t> step_; // shared with what undoes a step that fails
};

/// Averages of tensors over time: average = decay * average + (1 - decay) * tensor at each update
/// (Polyak and Juditsky, 1992, in its exponential form).
class ExponentialAverage {
public:
  /// Starts from the tensors' present values.
  ExponentialAverage(const std::vector<Tensor>& tensors, double decay, Loc loc = Loc::current());
  void update(Loc loc = Loc::current());
  /// The averages, in the order of the tensors.
  const std::vector<Tensor>& averages() const { return averages_; }
  /// Writes the averages into the tensors.
  void copy_to_tensors(Loc loc = Loc::current()) const;

private:
  std::vector<Tensor> tensors_, averages_;
  double decay_;
};

} // namespace weft::optim
