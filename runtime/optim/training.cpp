#include "weft/training.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/region_hook.h"
#include "weft/autograd.h"
#include "weft/ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weft {

namespace {

std::vector<Tensor> gradients_of(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> all;
  for (const Tensor& p : parameters)
    if (Tensor g = p.grad(); g.defined()) all.push_back(g);
  return all;
}

void require(bool holds, const char* what, double value, const Loc& loc) {
  if (!holds) fail_at(ErrorKind::value, fmt::format("{}, got {}", what, value), loc);
}

// The norm of norms is the norm of all elements; halves are summed in f32.
Tensor norm_of_all(const std::vector<Tensor>& tensors, double p) {
  std::vector<Tensor> norms;
  for (const Tensor& t : tensors)
    norms.push_back(vector_norm(is_half(t.dtype()) ? t.to(f32) : t, p).to(tensors[0].device()));
  return vector_norm(stack(norms), p);
}

} // namespace

namespace nn {

Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite, Loc loc) {
  LocScope scope(loc);
  NoGrad no_grad;
  require(max_norm >= 0, "clip_grad_norm_: max_norm must be >= 0", max_norm, loc);
  std::vector<Tensor> gradients = gradients_of(parameters);
  if (gradients.empty()) return zeros({});
  Tensor norm = norm_of_all(gradients, norm_type);
  if (error_if_nonfinite) {
    double value = norm.item<double>();
    require(std::isfinite(value), "clip_grad_norm_: the norm of the gradients must be finite",
            value, loc);
  }
  Tensor scale = minimum(max_norm / (norm + 1e-6), 1.0);
  for (const Tensor& g : gradients)
    g.mul_(scale.to(g.dtype()).to(g.device()));
  return norm;
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value, Loc loc) {
  LocScope scope(loc);
  NoGrad no_grad;
  require(clip_value >= 0, "clip_grad_value_: clip_value must be >= 0", clip_value, loc);
  for (const Tensor& g : gradients_of(parameters))
    g.clamp_(-clip_value, clip_value);
}

} // namespace nn

namespace optim {

Factor step_decay(int64_t step_size, double gamma, Loc loc) {
  require(step_size > 0, "step_decay: step_size must be > 0", static_cast<double>(step_size), loc);
  return [=](int64_t step) { return std::pow(gamma, static_cast<double>(step / step_size)); };
}

Factor milestone_decay(std::vector<int64_t> milestones, double gamma) {
  std::sort(milestones.begin(), milestones.end());
  return [=](int64_t step) {
    auto reached = std::upper_bound(milestones.begin(), milestones.end(), step);
    return std::pow(gamma, static_cast<double>(reached - milestones.begin()));
  };
}

Factor exponential_decay(double gamma) {
  return [=](int64_t step) { return std::pow(gamma, static_cast<double>(step)); };
}

Factor linear_ramp(double start, double end, int64_t steps, Loc loc) {
  require(steps > 0, "linear_ramp: steps must be > 0", static_cast<double>(steps), loc);
  return [=](int64_t step) {
    double share = std::min(1.0, static_cast<double>(step) / static_cast<double>(steps));
    return start + (end - start) * share;
  };
}

Factor cosine_decay(int64_t steps, double lowest, Loc loc) {
  require(steps > 0, "cosine_decay: steps must be > 0", static_cast<double>(steps), loc);
  return [=](int64_t step) {
    double share = std::min(1.0, static_cast<double>(step) / static_cast<double>(steps));
    return lowest + (1 - lowest) * (1 + std::cos(std::numbers::pi * share)) / 2;
  };
}

Factor with_warmup(int64_t warmup, Factor then, Loc loc) {
  require(warmup >= 0, "with_warmup: warmup must be >= 0", static_cast<double>(warmup), loc);
  return [warmup, then = std::move(then)](int64_t step) {
    if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
    return then(step - warmup);
  };
}

std::vector<Schedule::Course>
Schedule::of_rates(Optimizer& optimizer,
                   const std::function<double(double first, int64_t step)>& at) {
  std::vector<Course> courses;
  for (size_t g = 0; g < optimizer.groups(); g++) {
    double& rate = optimizer.rate(g);
    courses.push_back({&rate, [at, first = rate](int64_t step) { return at(first, step); }});
  }
  return courses;
}

Schedule::Schedule(Optimizer& optimizer, const Factor& factor, Loc loc)
    : Schedule(of_rates(optimizer,
                        [factor](double first, int64_t step) { return first * factor(step); }),
               loc) {}

Schedule::Schedule(double& rate, const Factor& factor, Loc loc)
    : Schedule(std::vector<Course>{{&rate, [factor, first = rate](
                                               int64_t step) { return first * factor(step); }}},
               loc) {}

Schedule::Schedule(std::vector<Course> courses, const Loc& loc)
    : courses_(std::move(courses)), step_(std::make_shared<int64_t>(0)) {
  set_step(0, loc);
}

void Schedule::set_step(int64_t step, Loc loc) {
  LocScope scope(loc);
  require(step >= 0, "set_step: the step must be >= 0", static_cast<double>(step), loc);
  std::vector<double> next; // first all that may throw
  for (const Course& c : courses_)
    next.push_back(c.at(step));
  // A region finds out at its flush that an op before this throws: then the step was not made.
  if (current_session)
    for (const Course& c : courses_)
      current_session->on_failure([number = c.number, before = *c.number] { *number = before; });
  if (current_session)
    current_session->on_failure([count = step_, last = *step_] { *count = last; });
  *step_ = step;
  for (size_t k = 0; k < courses_.size(); k++)
    *courses_[k].number = next[k];
}

ExponentialAverage::ExponentialAverage(const std::vector<Tensor>& tensors, double decay, Loc loc)
    : tensors_(tensors), decay_(decay) {
  LocScope scope(loc);
  NoGrad no_grad;
  require(decay >= 0 && decay <= 1, "ExponentialAverage: decay must be in 0 .. 1", decay, loc);
  for (const Tensor& t : tensors)
    averages_.push_back(t.detach().clone());
}

void ExponentialAverage::update(Loc loc) {
  LocScope scope(loc);
  NoGrad no_grad;
  for (size_t k = 0; k < tensors_.size(); k++)
    if (is_floating(averages_[k].dtype()))
      averages_[k].lerp_(tensors_[k].to(averages_[k].dtype()).to(averages_[k].device()),
                         1 - decay_);
    else
      averages_[k].copy_(tensors_[k]); // counts have no average
}

void ExponentialAverage::copy_to_tensors(Loc loc) const {
  LocScope scope(loc);
  NoGrad no_grad;
  for (size_t k = 0; k < tensors_.size(); k++)
    tensors_[k].copy_(averages_[k]);
}

} // namespace optim
} // namespace weft
