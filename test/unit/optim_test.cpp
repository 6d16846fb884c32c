// Optimizers: trajectories against an independent script, state, parameters without gradient,
// errors.

#include "weft/autograd.h"
#include "weft/ops.h"
#include "weft/optim.h"
#include "weft/training.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <memory>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

struct Row {
  const char* name;
  int step;
  double values[4];
};

const Row kRows[] = {
#include "test/oracle/optim_trajectories.inc"
};

// One of each rule, and its rate for a change between steps.
struct Rule {
  std::unique_ptr<optim::Optimizer> optimizer;
  double* lr;
};

Rule make_rule(const std::string& name, const std::vector<Tensor>& p) {
  if (name.rfind("adamw", 0) == 0) {
    optim::AdamWOptions options{.lr = 0.05};
    if (name == "adamw_decay")
      options = {.lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.3};
    auto adamw = std::make_unique<optim::AdamW>(p, options);
    double* lr = &adamw->options.lr;
    return {std::move(adamw), lr};
  }
  if (name == "adam") {
    auto adam =
        std::make_unique<optim::Adam>(p, optim::AdamOptions{.lr = 0.05, .weight_decay = 0.1});
    double* lr = &adam->options.lr;
    return {std::move(adam), lr};
  }
  if (name.rfind("rmsprop", 0) == 0) {
    optim::RMSpropOptions options{.lr = 0.02, .alpha = 0.9};
    if (name == "rmsprop_momentum")
      options = {.lr = 0.01, .alpha = 0.95, .eps = 1e-6, .weight_decay = 0.05, .momentum = 0.7};
    auto rmsprop = std::make_unique<optim::RMSprop>(p, options);
    double* lr = &rmsprop->options.lr;
    return {std::move(rmsprop), lr};
  }
  optim::SGDOptions options{.lr = 0.1};
  if (name == "momentum") options = {.lr = 0.05, .momentum = 0.9};
  if (name == "nesterov")
    options = {.lr = 0.05, .momentum = 0.8, .weight_decay = 0.02, .nesterov = true};
  auto sgd = std::make_unique<optim::SGD>(p, options);
  double* lr = &sgd->options.lr;
  return {std::move(sgd), lr};
}

Tensor start() { return tensor(std::vector<double>{0.0, 0.3, -2.0, 1.0}, {4}).requires_grad_(); }

void run_step(const Tensor& p, optim::Optimizer& optimizer, int step) {
  Tensor a = tensor(std::vector<double>{0.5, 1.0, 2.0, 0.01}, {4});
  Tensor t = tensor(std::vector<double>{1.0, -1.0, 0.5, 20.0}, {4});
  optimizer.zero_grad();
  Tensor d = p - t;
  sum(a * d * d + p * std::sin(static_cast<double>(step))).backward();
  optimizer.step();
}

} // namespace

TEST_CASE("fifty steps follow PyTorch's formulas", "[optim]") {
  for (const char* name : {"sgd", "momentum", "nesterov", "adamw", "adamw_decay"}) {
    CAPTURE(name);
    Tensor p = start();
    Rule rule = make_rule(name, {p});
    int compared = 0;
    for (int step = 1; step <= 50; step++) {
      if (step == 26) *rule.lr /= 2;
      run_step(p, *rule.optimizer, step);
      for (const Row& row : kRows) {
        if (row.name != std::string(name) || row.step != step) continue;
        std::vector<double> got = p.to_vector<double>();
        for (size_t k = 0; k < 4; k++)
          CHECK(got[k] == Approx(row.values[k]).epsilon(1e-11).margin(1e-11));
        compared++;
      }
    }
    CHECK(compared == 4);
  }
}

TEST_CASE("a step changes parameters in place and records nothing", "[optim]") {
  Tensor p = start();
  Tensor alias = p.detach();
  optim::AdamW optimizer({p});
  sum(p * p).backward();
  uint32_t version = p.version();
  optimizer.step();
  CHECK(p.is_leaf());
  CHECK(p.version() > version);
  CHECK(alias.to_vector<double>() == p.to_vector<double>());
  CHECK(grad_enabled());
}

TEST_CASE("parameters without a gradient stay as they are", "[optim]") {
  Tensor p = start(), idle = start();
  optim::SGD optimizer({idle, p}, {.lr = 0.1, .momentum = 0.9});
  sum(p * p).backward();
  optimizer.step();
  CHECK(idle.to_vector<double>() == start().to_vector<double>());
  CHECK(p.to_vector<double>() != start().to_vector<double>());
  optimizer.zero_grad();
  CHECK_FALSE(p.grad().defined());
  sum(p * p).backward();
  optimizer.zero_grad(false);
  CHECK(p.grad().to_vector<double>() == std::vector<double>(4, 0.0));
}

TEST_CASE("training continues from a saved state", "[optim]") {
  Tensor p = start();
  optim::AdamW optimizer({p}, {.lr = 0.05});
  for (int step = 1; step <= 5; step++)
    run_step(p, optimizer, step);
  std::map<std::string, Tensor> saved;
  for (auto& [name, t] : optimizer.state_dict())
    saved[name] = t.clone();
  CHECK(saved.size() == 3);
  CHECK(saved.at("0.step").item<int64_t>() == 5);

  Tensor q = p.detach().clone().requires_grad_();
  optim::AdamW other({q}, {.lr = 0.05});
  other.load_state_dict(saved);
  for (int step = 6; step <= 10; step++) {
    run_step(p, optimizer, step);
    run_step(q, other, step);
  }
  CHECK(p.to_vector<double>() == q.to_vector<double>());
  Tensor count = saved.at("0.step");
  saved["0.step"] = tensor(-1);
  CHECK_THROWS_WITH(other.load_state_dict(saved),
                    Contains("load_state_dict: \"0.step\" must not be negative, got -1"));
  saved["0.step"] = count;
  saved.erase("0.exp_avg");
  CHECK_THROWS_WITH(other.load_state_dict(saved),
                    Contains("\"0.exp_avg\" must be given with shape [4], got none"));
}

TEST_CASE("optimizers take leaves that require a gradient, once each", "[optim]") {
  Tensor p = start();
  CHECK_THROWS_WITH(optim::SGD({p, p}),
                    Contains("optimizer: parameter 1 must differ from parameter 0"));
  CHECK_THROWS_WITH(optim::SGD({p * 2.0}),
                    Contains("parameter 0 must be a leaf that requires a gradient"));
  CHECK_THROWS_WITH(optim::AdamW({tensor({1.0})}), Contains("parameter 0 must be a leaf"));
  CHECK_THROWS_WITH(optim::AdamW({Tensor()}), Contains("parameter 0 must be defined"));
}

TEST_CASE("options out of range are refused at construction, and at a step", "[optim]") {
  const double nan = std::nan("");
  auto sgd = [](optim::SGDOptions o) { optim::SGD({start()}, o); };
  auto adamw = [](optim::AdamWOptions o) { optim::AdamW({start()}, o); };
  CHECK_THROWS_WITH(sgd({.lr = -1}), Contains("SGD: lr must be >= 0, got -1 (at "));
  CHECK_THROWS_WITH(sgd({.lr = nan}), Contains("SGD: lr must be >= 0, got nan"));
  CHECK_THROWS_WITH(sgd({.momentum = -0.5}), Contains("SGD: momentum must be >= 0, got -0.5"));
  CHECK_THROWS_WITH(sgd({.weight_decay = -2}), Contains("SGD: weight_decay must be >= 0, got -2"));
  CHECK_THROWS_WITH(sgd({.nesterov = true}),
                    Contains("SGD: momentum must be > 0 with nesterov, got 0"));
  CHECK_THROWS_WITH(adamw({.lr = -0.1}), Contains("AdamW: lr must be >= 0, got -0.1"));
  CHECK_THROWS_WITH(adamw({.beta1 = 1}), Contains("AdamW: beta1 must be in [0, 1), got 1"));
  CHECK_THROWS_WITH(adamw({.beta2 = nan}), Contains("AdamW: beta2 must be in [0, 1), got nan"));
  CHECK_THROWS_WITH(adamw({.eps = -1}), Contains("AdamW: eps must be >= 0, got -1"));
  CHECK_THROWS_WITH(adamw({.weight_decay = -1}),
                    Contains("AdamW: weight_decay must be >= 0, got -1"));
  CHECK_NOTHROW(adamw({.lr = 0, .beta1 = 0, .eps = 0, .weight_decay = 0}));
  Tensor p = start();
  optim::SGD optimizer({p});
  sum(p).backward();
  optimizer.options.lr = nan;
  CHECK_THROWS_WITH(optimizer.step(), Contains("SGD: lr must be >= 0, got nan"));
  CHECK(p.to_vector<double>() == start().to_vector<double>());
}

TEST_CASE("gradients are clipped by the norm of all of them") {
  Tensor a = zeros({2}).requires_grad_(), b = zeros({1}).requires_grad_(),
         c = zeros({1}).requires_grad_();
  auto set = [&] {
    a.set_grad(tensor({3.f, 0.f}));
    b.set_grad(tensor({-4.f}));
  };
  set();
  CHECK(nn::clip_grad_norm_({a, b, c}, 1).item<float>() == 5);
  CHECK(a.grad()[0].item<float>() == Approx(0.6));
  CHECK(b.grad()[0].item<float>() == Approx(-0.8));
  CHECK_FALSE(c.grad().defined());
  set();
  CHECK(nn::clip_grad_norm_({a, b}, 10).item<float>() == 5);
  CHECK(a.grad()[0].item<float>() == 3);
  CHECK(nn::clip_grad_norm_({a, b}, 2, INFINITY).item<float>() == 4);
  CHECK(b.grad()[0].item<float>() == Approx(-2));
  set();
  CHECK(nn::clip_grad_norm_({a, b}, 3.5, 1).item<float>() == 7);
  CHECK(b.grad()[0].item<float>() == Approx(-2));
  set();
  nn::clip_grad_value_({a, b, c}, 3.5);
  CHECK(a.grad()[0].item<float>() == 3);
  CHECK(b.grad()[0].item<float>() == -3.5f);
  CHECK(nn::clip_grad_norm_({c}, 1).item<float>() == 0);
  a.set_grad(tensor({NAN, 0.f}));
  CHECK_THROWS_WITH(nn::clip_grad_norm_({a}, 1, 2, true),
                    Contains("the norm of the gradients must be finite, got nan"));
  CHECK_THROWS_WITH(nn::clip_grad_norm_({a}, -1), Contains("max_norm must be >= 0, got -1"));
}

TEST_CASE("schedules") {
  using namespace optim;
  Factor steps = step_decay(3), milestones = milestone_decay({5, 2}, 0.5),
         linear = linear_ramp(0.5, 1, 4), cosine = cosine_decay(10, 0.2),
         warm = with_warmup(4, cosine_decay(10));
  CHECK(steps(2) == 1);
  CHECK(steps(3) == Approx(0.1));
  CHECK(steps(8) == Approx(0.01));
  CHECK(milestones(1) == 1);
  CHECK(milestones(2) == 0.5);
  CHECK(milestones(9) == 0.25);
  CHECK(exponential_decay(0.5)(3) == 0.125);
  CHECK(linear(0) == 0.5);
  CHECK(linear(2) == 0.75);
  CHECK(linear(9) == 1);
  CHECK(cosine(0) == 1);
  CHECK(cosine(5) == Approx(0.6));
  CHECK(cosine(99) == Approx(0.2));
  CHECK(warm(0) == 0.25);
  CHECK(warm(3) == 1);
  CHECK(warm(4) == 1);
  CHECK(warm(9) == Approx(0.5));
  CHECK_THROWS_WITH(cosine_decay(0), Contains("steps must be > 0, got 0"));

  SGD opt({start()}, {.lr = 0.4});
  Schedule schedule(opt.options.lr, exponential_decay(0.5));
  CHECK(opt.options.lr == 0.4);
  schedule.step();
  CHECK(opt.options.lr == 0.2);
  schedule.step();
  CHECK(opt.options.lr == 0.1);
  schedule.set_step(0);
  CHECK(opt.options.lr == 0.4);
  CHECK(schedule.last_step() == 0);
}

TEST_CASE("averages of parameters") {
  Tensor p = zeros({2}).requires_grad_();
  optim::ExponentialAverage average({p}, 0.75);
  for (int k = 1; k <= 2; k++) {
    {
      NoGrad no_grad;
      p.fill_(k);
    }
    average.update();
  }
  CHECK(average.averages()[0][0].item<float>() == 0.6875f); // 0.25, then 0.1875 + 0.5
  average.copy_to_tensors();
  CHECK(p[1].item<float>() == 0.6875f);
  CHECK_FALSE(average.averages()[0].requires_grad());
  CHECK_THROWS_WITH(optim::ExponentialAverage({p}, 1.5), Contains("decay must be in 0 .. 1"));
}
