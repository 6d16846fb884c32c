// Optimizers: trajectories against PyTorch, state, parameters without gradient,
// errors.

#include "weft/autograd.h"
#include "weft/ops.h"
#include "weft/optim.h"
#include "weft/training.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>
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

using MakeRule = std::unique_ptr<optim::Optimizer> (*)(const std::vector<Tensor>& p);

template <class Rule, class Options>
std::unique_ptr<optim::Optimizer> rule(const std::vector<Tensor>& p, const Options& options) {
  return std::make_unique<Rule>(p, options);
}

const std::map<std::string, MakeRule> kRules = {
    {"sgd", [](auto& p) { return rule<optim::SGD, optim::SGDOptions>(p, {.lr = 0.1}); }},
    {"momentum",
     [](auto& p) { return rule<optim::SGD, optim::SGDOptions>(p, {.lr = 0.05, .momentum = 0.9}); }},
    {"nesterov",
     [](auto& p) {
       return rule<optim::SGD, optim::SGDOptions>(
           p, {.lr = 0.05, .momentum = 0.8, .weight_decay = 0.02, .nesterov = true});
     }},
    {"dampening",
     [](auto& p) {
       return rule<optim::SGD, optim::SGDOptions>(p,
                                                  {.lr = 0.05, .momentum = 0.7, .dampening = 0.4});
     }},
    {"maximize",
     [](auto& p) {
       return rule<optim::SGD, optim::SGDOptions>(p,
                                                  {.lr = 0.001, .momentum = 0.5, .maximize = true});
     }},
    {"adamw", [](auto& p) { return rule<optim::AdamW, optim::AdamWOptions>(p, {.lr = 0.05}); }},
    {"adamw_decay",
     [](auto& p) {
       return rule<optim::AdamW, optim::AdamWOptions>(
           p, {.lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.3});
     }},
    {"adamw_amsgrad",
     [](auto& p) {
       return rule<optim::AdamW, optim::AdamWOptions>(
           p, {.lr = 0.05, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true});
     }},
    {"adam",
     [](auto& p) {
       return rule<optim::Adam, optim::AdamOptions>(p, {.lr = 0.05, .weight_decay = 0.1});
     }},
    {"adam_amsgrad",
     [](auto& p) {
       return rule<optim::Adam, optim::AdamOptions>(
           p, {.lr = 0.05, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true, .maximize = true});
     }},
    {"adagrad",
     [](auto& p) { return rule<optim::Adagrad, optim::AdagradOptions>(p, {.lr = 0.2}); }},
    {"adagrad_decay",
     [](auto& p) {
       return rule<optim::Adagrad, optim::AdagradOptions>(p, {.lr = 0.3,
                                                              .lr_decay = 0.01,
                                                              .weight_decay = 0.1,
                                                              .initial_accumulator_value = 0.5,
                                                              .eps = 1e-8});
     }},
    {"rmsprop",
     [](auto& p) {
       return rule<optim::RMSprop, optim::RMSpropOptions>(p, {.lr = 0.02, .alpha = 0.9});
     }},
    {"rmsprop_momentum",
     [](auto& p) {
       return rule<optim::RMSprop, optim::RMSpropOptions>(
           p, {.lr = 0.01, .alpha = 0.95, .eps = 1e-6, .weight_decay = 0.05, .momentum = 0.7});
     }},
    {"rmsprop_centered",
     [](auto& p) {
       return rule<optim::RMSprop, optim::RMSpropOptions>(
           p, {.lr = 0.02, .alpha = 0.9, .centered = true});
     }},
    {"rmsprop_both",
     [](auto& p) {
       return rule<optim::RMSprop, optim::RMSpropOptions>(
           p, {.lr = 0.01, .alpha = 0.95, .momentum = 0.5, .centered = true});
     }},
    {"lion", [](auto& p) { return rule<optim::Lion, optim::LionOptions>(p, {.lr = 0.02}); }},
    {"lion_decay",
     [](auto& p) {
       return rule<optim::Lion, optim::LionOptions>(
           p, {.lr = 0.05, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1});
     }},
    {"groups",
     [](auto& p) -> std::unique_ptr<optim::Optimizer> {
       return std::make_unique<optim::Adam>(
           std::vector<optim::Adam::Group>{{{p[0]}, {.lr = 0.005}}, {{p[1]}, {.lr = 0.05}}});
     }},
};

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

TEST_CASE("fifty steps follow PyTorch", "[optim]") {
  for (const auto& [name, make] : kRules) {
    CAPTURE(name);
    std::vector<Tensor> p = {slice(start(), 0, 0, 2).detach().clone().requires_grad_(),
                             slice(start(), 0, 2, 4).detach().clone().requires_grad_()};
    Tensor a = tensor({0.5, 1.0, 2.0, 0.01}), t = tensor({1.0, -1.0, 0.5, 20.0});
    std::unique_ptr<optim::Optimizer> optimizer = make(p);
    int compared = 0;
    for (int step = 1; step <= 50; step++) {
      for (size_t g = 0; step == 26 && g < optimizer->groups(); g++)
        optimizer->rate(g) /= 2;
      optimizer->zero_grad();
      Tensor x = concatenate(p), d = x - t;
      sum(a * d * d + x * std::sin(static_cast<double>(step))).backward();
      optimizer->step();
      for (const Row& row : kRows) {
        if (row.name != name || row.step != step) continue;
        std::vector<double> got = concatenate(p).to_vector<double>();
        for (size_t k = 0; k < 4; k++)
          CHECK(got[k] == Approx(row.values[k]).epsilon(1e-10).margin(1e-10));
        compared++;
      }
    }
    CHECK(compared == 6);
  }
  for (const Row& row : kRows)
    CHECK(kRules.count(row.name) == 1);
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
  CHECK_THROWS_WITH(sgd({.momentum = 0.5, .nesterov = true, .dampening = 0.1}),
                    Contains("SGD: dampening must be 0 with nesterov, got 0.1"));
  CHECK_THROWS_WITH(optim::Adagrad({start()}, {.lr_decay = -1}),
                    Contains("Adagrad: lr_decay must be >= 0, got -1"));
  CHECK_THROWS_WITH(optim::Lion({start()}, {.beta2 = 1}),
                    Contains("Lion: beta2 must be in [0, 1), got 1"));
  CHECK_NOTHROW(adamw({.lr = 0, .beta1 = 0, .eps = 0, .weight_decay = 0}));
  Tensor p = start();
  optim::SGD optimizer({p});
  sum(p).backward();
  optimizer.options.lr = nan;
  CHECK_THROWS_WITH(optimizer.step(), Contains("SGD: lr must be >= 0, got nan"));
  CHECK(p.to_vector<double>() == start().to_vector<double>());
}

TEST_CASE("groups have options and state of their own", "[optim]") {
  Tensor p = start(), q = start();
  optim::SGD optimizer({{{p}, {.lr = 0.1}}, {{q}, {.lr = 1, .momentum = 0.9}}});
  CHECK(optimizer.groups() == 2);
  CHECK(optimizer.parameters()[1].is_same(q));
  CHECK(optimizer.state_dict().count("0.momentum_buffer") == 0);
  CHECK(optimizer.state_dict().count("1.momentum_buffer") == 1);
  CHECK(&optimizer.group(0) == &optimizer.options);
  sum(p + q).backward();
  optimizer.group(1).lr = 2;
  optimizer.step();
  CHECK(p[1].item<double>() == Approx(0.3 - 0.1));
  CHECK(q[1].item<double>() == Approx(0.3 - 2));
  Tensor r = start();
  optimizer.add_param_group({r}, {.lr = 3});
  sum(r).backward();
  optimizer.step();
  CHECK(r[1].item<double>() == Approx(0.3 - 3));
  CHECK(optimizer.state_dict().at("2.step").item<int64_t>() == 1);
  CHECK_THROWS_WITH(optimizer.add_param_group({p}, {}),
                    Contains("parameter 3 must differ from parameter 0"));
  CHECK_THROWS_WITH(optimizer.add_param_group({start()}, {.lr = -1}),
                    Contains("SGD: lr must be >= 0, got -1"));
  CHECK(optimizer.groups() == 3);
  CHECK_THROWS_WITH(optimizer.group(3),
                    Contains("group: the number must be one of a group, got 3"));
  CHECK_THROWS_WITH(optim::SGD(std::vector<optim::SGD::Group>{}),
                    Contains("optimizer: there must be a group of parameters"));
  optimizer.group(1).lr = -1;
  CHECK_THROWS_WITH(optimizer.step(), Contains("SGD: lr must be >= 0, got -1"));
}

TEST_CASE("options that need other state than was made are refused at a step", "[optim]") {
  Tensor p = start();
  optim::SGD sgd({p}, {.lr = 0.1});
  optim::Adam adam({p}, {.amsgrad = true});
  sum(p).backward();
  sgd.options.momentum = 0.9;
  CHECK_THROWS_WITH(sgd.step(), Contains("step: options must need the state that they needed at "
                                         "construction, [], got [momentum_buffer]"));
  adam.options.amsgrad = false;
  CHECK_THROWS_WITH(adam.step(), Contains("[exp_avg, exp_avg_sq, max_exp_avg_sq], got [exp_avg, "
                                          "exp_avg_sq]"));
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
