#include "weft/schedules.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/region_hook.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weft::optim {

namespace {

// Inside of step() the line is the caller's, which set_step names.
[[noreturn]] void refuse(const std::string& message, const Loc& loc = {}) {
  fail_at(ErrorKind::value, message, loc);
}

void require_positive(const char* what, int64_t value, const Loc& loc) {
  if (value < 1) refuse(fmt::format("{} must be > 0, got {}", what, value), loc);
}

// Half a cosine from one number to another; share: 0 .. 1.
double along_cosine(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

double share_of(int64_t step, int64_t steps) {
  return static_cast<double>(step) / static_cast<double>(steps);
}

Factor constant(double factor, int64_t total, const Loc& loc) {
  if (!(factor >= 0 && factor <= 1))
    refuse(fmt::format("ConstantLR: factor must be in 0 .. 1, got {}", factor), loc);
  return [=](int64_t step) { return step < total ? factor : 1; };
}

Factor polynomial(int64_t total, double power, const Loc& loc) {
  require_positive("PolynomialLR: total_iters", total, loc);
  return [=](int64_t step) { return std::pow(1 - share_of(std::min(step, total), total), power); };
}

using RateAt = std::function<double(double first, int64_t step)>;

RateAt annealed(int64_t T_max, double eta_min, const Loc& loc) {
  require_positive("CosineAnnealingLR: T_max", T_max, loc);
  return [=](double first, int64_t step) {
    return along_cosine(first, eta_min, share_of(step, T_max));
  };
}

RateAt restarting(int64_t T_0, int64_t T_mult, double eta_min, const Loc& loc) {
  require_positive("CosineAnnealingWarmRestarts: T_0", T_0, loc);
  require_positive("CosineAnnealingWarmRestarts: T_mult", T_mult, loc);
  return [=](double first, int64_t step) {
    int64_t length = T_0, since = T_mult == 1 ? step % T_0 : step;
    for (; since >= length; length *= T_mult)
      since -= length;
    return along_cosine(first, eta_min, share_of(since, length));
  };
}

} // namespace

ConstantLR::ConstantLR(Optimizer& optimizer, double factor, int64_t total_iters, Loc loc)
    : Schedule(optimizer, constant(factor, total_iters, loc), loc) {}

PolynomialLR::PolynomialLR(Optimizer& optimizer, int64_t total_iters, double power, Loc loc)
    : Schedule(optimizer, polynomial(total_iters, power, loc), loc) {}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, int64_t T_max, double eta_min, Loc loc)
    : Schedule(of_rates(optimizer, annealed(T_max, eta_min, loc)), loc) {}

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0,
                                                         int64_t T_mult, double eta_min, Loc loc)
    : Schedule(of_rates(optimizer, restarting(T_0, T_mult, eta_min, loc)), loc) {}

//===--- One cycle ----------------------------------------------------------------------------===//

namespace {

/// A stretch of a cycle that ends at a step, which need not be whole.
struct Phase {
  double end, from, to;
};

double at_step(const std::vector<Phase>& phases, bool is_cosine, int64_t step, int64_t total) {
  if (step > total)
    refuse(fmt::format("OneCycleLR: there must be at most {} steps, got {}", total, step));
  double start = 0, at = static_cast<double>(step);
  for (size_t k = 0;; start = phases[k++].end) {
    const Phase& p = phases[k];
    if (at > p.end && k + 1 < phases.size()) continue;
    double share = (at - start) / (p.end - start);
    return is_cosine ? along_cosine(p.from, p.to, share) : p.from + (p.to - p.from) * share;
  }
}

// Steps where a cycle turns. `low`, `high`, `last`: at the start, at the top, at the end.
std::vector<Phase> cycle(const OneCycleOptions& o, int64_t total, double low, double high,
                         double last) {
  double n = static_cast<double>(total), top = o.pct_start * n - 1;
  if (!o.three_phase) return {{top, low, high}, {n - 1, high, last}};
  return {{top, low, high}, {2 * top, high, low}, {n - 1, low, last}};
}

int64_t check_one_cycle(const Optimizer& optimizer, const std::vector<double>& max_lr,
                        const OneCycleOptions& o, const Loc& loc) {
  if (max_lr.size() != optimizer.groups())
    refuse(fmt::format("OneCycleLR: max_lr must be one a group, got {} for {}", max_lr.size(),
                       optimizer.groups()),
           loc);
  if (o.anneal_strategy != "cos" && o.anneal_strategy != "linear")
    refuse(fmt::format("OneCycleLR: anneal_strategy must be \"cos\" or \"linear\", got \"{}\"",
                       o.anneal_strategy),
           loc);
  if (!(o.pct_start >= 0 && o.pct_start <= 1))
    refuse(fmt::format("OneCycleLR: pct_start must be in 0 .. 1, got {}", o.pct_start), loc);
  int64_t total = o.total_steps ? o.total_steps : o.epochs * o.steps_per_epoch;
  require_positive("OneCycleLR: total_steps, or epochs * steps_per_epoch,", total, loc);
  return total;
}

} // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, const std::vector<double>& max_lr,
                       const OneCycleOptions& options, Loc loc)
    : Schedule(courses(optimizer, max_lr, options, loc), loc) {}

std::vector<Schedule::Course> OneCycleLR::courses(Optimizer& optimizer,
                                                  const std::vector<double>& max_lr,
                                                  const OneCycleOptions& o, const Loc& loc) {
  int64_t total = check_one_cycle(optimizer, max_lr, o, loc);
  std::vector<Course> all;
  auto add = [&](double& number, const std::vector<Phase>& phases) {
    all.push_back({&number, [phases, total, is_cosine = o.anneal_strategy == "cos"](int64_t step) {
                     return at_step(phases, is_cosine, step, total);
                   }});
  };
  for (size_t g = 0; g < optimizer.groups(); g++) {
    double first = max_lr[g] / o.div_factor;
    add(optimizer.rate(g), cycle(o, total, first, max_lr[g], first / o.final_div_factor));
    if (!o.cycle_momentum) continue;
    double* momentum = optimizer.momentum(g);
    if (!momentum || *momentum == 0)
      refuse("OneCycleLR: the optimizer must have a momentum or beta1 other than 0 with "
             "cycle_momentum, got none",
             loc);
    add(*momentum, cycle(o, total, o.max_momentum, o.base_momentum, o.max_momentum));
  }
  return all;
}

//===--- Plateaus -----------------------------------------------------------------------------===//

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const PlateauOptions& options, Loc loc)
    : optimizer_(optimizer), options_(options), state_(std::make_shared<State>()) {
  const PlateauOptions& o = options_;
  if (!(o.factor < 1))
    refuse(fmt::format("ReduceLROnPlateau: factor must be < 1, got {}", o.factor), loc);
  if (o.mode != "min" && o.mode != "max")
    refuse(fmt::format("ReduceLROnPlateau: mode must be \"min\" or \"max\", got \"{}\"", o.mode),
           loc);
  if (o.threshold_mode != "rel" && o.threshold_mode != "abs")
    refuse(fmt::format("ReduceLROnPlateau: threshold_mode must be \"rel\" or \"abs\", got \"{}\"",
                       o.threshold_mode),
           loc);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  state_->best = o.mode == "min" ? kInfinity : -kInfinity;
}

bool ReduceLROnPlateau::is_better(double metric) const {
  bool falls = options_.mode == "min", is_share = options_.threshold_mode == "rel";
  double by = falls ? -options_.threshold : options_.threshold;
  double bar = is_share ? state_->best * (1 + by) : state_->best + by;
  return falls ? metric < bar : metric > bar;
}

void ReduceLROnPlateau::step(double metric) {
  // A region finds out at its flush that an op before this throws: then the step was not made.
  if (current_session)
    current_session->on_failure([state = state_, before = *state_] { *state = before; });
  State& s = *state_;
  if (is_better(metric)) {
    s.best = metric;
    s.bad = 0;
  } else {
    s.bad++;
  }
  if (s.cooldown > 0) {
    s.cooldown--;
    s.bad = 0;
  }
  if (s.bad <= options_.patience) return;
  cut();
  s.cooldown = options_.cooldown;
  s.bad = 0;
}

void ReduceLROnPlateau::cut() {
  for (size_t g = 0; g < optimizer_.groups(); g++) {
    double& rate = optimizer_.rate(g);
    double next = std::max(rate * options_.factor, options_.min_lr);
    if (rate - next <= options_.eps) continue;
    if (current_session)
      current_session->on_failure([number = &rate, before = rate] { *number = before; });
    rate = next;
  }
}

} // namespace weft::optim
