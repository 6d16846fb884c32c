// PyTorch's schedules of rates (torch.optim.lr_scheduler) under their names, with their arguments
// and defaults. Each sets the rates of all groups when it is made, and at step(), once a step or
// once an epoch as its numbers mean. training.h has the factors that most of them are made of.
// Constructors throw Error (value) for numbers that the schedule does not have.
#pragma once

#include "weft/training.h"

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace weft::optim {

/// Multiplies the first rates by gamma^(step / step_size), the exponent rounded down.
class StepLR : public Schedule {
public:
  StepLR(Optimizer& optimizer, int64_t step_size, double gamma = 0.1, Loc loc = Loc::current())
      : Schedule(optimizer, step_decay(step_size, gamma, loc), loc) {}
};
/// Multiplies the first rates by gamma for each milestone that has been reached.
class MultiStepLR : public Schedule {
public:
  MultiStepLR(Optimizer& optimizer, const std::vector<int64_t>& milestones, double gamma = 0.1,
              Loc loc = Loc::current())
      : Schedule(optimizer, milestone_decay(milestones, gamma), loc) {}
};
/// Multiplies the first rates by gamma^step.
class ExponentialLR : public Schedule {
public:
  ExponentialLR(Optimizer& optimizer, double gamma, Loc loc = Loc::current())
      : Schedule(optimizer, exponential_decay(gamma), loc) {}
};
/// Multiplies the first rates by `factor` for total_iters steps, then by 1.
class ConstantLR : public Schedule {
public:
  explicit ConstantLR(Optimizer& optimizer, double factor = 1.0 / 3, int64_t total_iters = 5,
                      Loc loc = Loc::current());
};
/// Multiplies the first rates by a factor that goes from start_factor to end_factor in equal steps:
/// warm-up.
class LinearLR : public Schedule {
public:
  explicit LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1,
                    int64_t total_iters = 5, Loc loc = Loc::current())
      : Schedule(optimizer, linear_ramp(start_factor, end_factor, total_iters, loc), loc) {}
};
/// Multiplies the first rates by (1 - step / total_iters)^power, then by 0.
class PolynomialLR : public Schedule {
public:
  explicit PolynomialLR(Optimizer& optimizer, int64_t total_iters = 5, double power = 1,
                        Loc loc = Loc::current());
};

/// Goes from the first rate to eta_min in T_max steps along half a cosine, then back, and so on
/// (Loshchilov and Hutter, SGDR, ICLR 2017).
class CosineAnnealingLR : public Schedule {
public:
  CosineAnnealingLR(Optimizer& optimizer, int64_t T_max, double eta_min = 0,
                    Loc loc = Loc::current());
};
/// Goes the same way down, again and again from the first rate: in T_0 steps, then T_mult times as
/// many each time.
class CosineAnnealingWarmRestarts : public Schedule {
public:
  CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0, int64_t T_mult = 1,
                              double eta_min = 0, Loc loc = Loc::current());
};

/// The shape of a cycle. Give total_steps, or both epochs and steps_per_epoch.
struct OneCycleOptions {
  int64_t total_steps = 0; // 0: epochs * steps_per_epoch
  int64_t epochs = 0, steps_per_epoch = 0;
  double pct_start = 0.3;              // share of the steps on the way up
  std::string anneal_strategy = "cos"; // or "linear"
  bool cycle_momentum = true;          // moves the momentum, or beta1, the other way
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25;        // the rate starts at max_lr / div_factor
  double final_div_factor = 1e4; // and ends at that divided by this
  bool three_phase = false;      // as fast down as up, then to the end
};
/// Goes up to max_lr and down again (Smith and Topin, Super-convergence, 2019). step() throws Error
/// (value) beyond total_steps.
class OneCycleLR : public Schedule {
public:
  /// Takes max_lr of all groups.
  OneCycleLR(Optimizer& optimizer, double max_lr, const OneCycleOptions& options,
             Loc loc = Loc::current())
      : OneCycleLR(optimizer, std::vector<double>(optimizer.groups(), max_lr), options, loc) {}
  /// Takes max_lr by group.
  OneCycleLR(Optimizer& optimizer, const std::vector<double>& max_lr,
             const OneCycleOptions& options, Loc loc = Loc::current());

private:
  static std::vector<Course> courses(Optimizer& optimizer, const std::vector<double>& max_lr,
                                     const OneCycleOptions& options, const Loc& loc);
};

/// What counts as better, and what a plateau does to the rates.
struct PlateauOptions {
  std::string mode = "min"; // of a metric that is to fall; "max": to rise
  double factor = 0.1;
  int64_t patience = 10; // steps without a better metric that are borne
  double threshold = 1e-4;
  std::string threshold_mode = "rel"; // better by a share of the best; "abs": by a difference
  int64_t cooldown = 0;               // steps after a cut that do not count
  double min_lr = 0;
  double eps = 1e-8; // a lesser change is not made
};
/// Multiplies the rates by a factor when a metric has stopped getting better.
class ReduceLROnPlateau {
public:
  /// Leaves the rates as they are; the optimizer must outlive the schedule.
  explicit ReduceLROnPlateau(Optimizer& optimizer, const PlateauOptions& options = {},
                             Loc loc = Loc::current());
  /// Hears of the metric after an epoch.
  void step(double metric);
  /// Returns the best metric so far.
  double best() const { return state_->best; }
  /// Returns how many steps had none better, since the best one or the last cut.
  int64_t num_bad_epochs() const { return state_->bad; }

private:
  struct State {
    double best;
    int64_t bad = 0, cooldown = 0;
  };
  bool is_better(double metric) const;
  void cut();

  Optimizer& optimizer_;
  PlateauOptions options_;
  std::shared_ptr<State> state_; // shared with what undoes a step that fails
};

} // namespace weft::optim
