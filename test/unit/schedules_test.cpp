// Schedules: rates of groups against PyTorch's, momenta, plateaus, errors.

#include "weft/ops.h"
#include "weft/schedules.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <map>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

struct Row {
  const char* name;
  size_t group;
  std::vector<double> rates;
};

const Row kRows[] = {
#include "test/oracle/schedules.inc"
};

/// Two groups, of the rates 0.1 and 0.4, under a schedule.
struct Run {
  std::unique_ptr<optim::Optimizer> optimizer;
  std::function<void(int step)> step;
};

template <class Rule, class Options> std::unique_ptr<optim::Optimizer> two(Options a) {
  Options b = a;
  a.lr = 0.1, b.lr = 0.4;
  return std::make_unique<Rule>(std::vector<typename Rule::Group>{
      {{zeros({1}).requires_grad_()}, a}, {{zeros({1}).requires_grad_()}, b}});
}
std::unique_ptr<optim::Optimizer> two() { return two<optim::SGD>(optim::SGDOptions{}); }

// What schedules.py calls a metric.
double metric(int step) { return step >= 20 && step < 35 ? 1 : 3.0 / (1 + std::min(step, 40) / 3); }

template <class S, class... Args>
Run run(std::unique_ptr<optim::Optimizer> optimizer, const Args&... args) {
  auto schedule = std::make_shared<S>(*optimizer, args...);
  return {std::move(optimizer), [schedule](int step) {
            if constexpr (requires { schedule->step(1.0); })
              schedule->step(metric(step));
            else
              schedule->step();
          }};
}

const std::map<std::string, Run (*)()> kRuns = {
    {"LambdaLR",
     [] {
       return run<optim::Schedule>(two(),
                                   optim::Factor([](int64_t k) { return std::pow(0.9, k) + 0.1; }));
     }},
    {"StepLR", [] { return run<optim::StepLR>(two(), 7); }},
    {"MultiStepLR",
     [] {
       return run<optim::MultiStepLR>(two(), std::vector<int64_t>{30, 4, 12}, 0.5);
     }},
    {"ExponentialLR", [] { return run<optim::ExponentialLR>(two(), 0.93); }},
    {"ConstantLR", [] { return run<optim::ConstantLR>(two()); }},
    {"LinearLR", [] { return run<optim::LinearLR>(two(), 1.0 / 3, 1.0, 9); }},
    {"PolynomialLR", [] { return run<optim::PolynomialLR>(two(), 20, 2.0); }},
    {"CosineAnnealingLR", [] { return run<optim::CosineAnnealingLR>(two(), 20, 0.01); }},
    {"CosineAnnealingWarmRestarts",
     [] { return run<optim::CosineAnnealingWarmRestarts>(two(), 11, 1, 0.02); }},
    {"CosineAnnealingWarmRestarts doubled",
     [] { return run<optim::CosineAnnealingWarmRestarts>(two(), 5, 2); }},
    {"warm-up, then cosine",
     [] {
       return run<optim::Schedule>(two(), optim::Factor([](int64_t k) {
                                     return k < 10 ? optim::linear_ramp(0.25, 1, 10)(k)
                                                   : optim::cosine_decay(40)(k - 10);
                                   }));
     }},
    {"OneCycleLR",
     [] {
       return run<optim::OneCycleLR>(two<optim::SGD>(optim::SGDOptions{.momentum = 0.9}),
                                     std::vector<double>{1, 2},
                                     optim::OneCycleOptions{.total_steps = 50});
     }},
    {"OneCycleLR three_phase",
     [] {
       return run<optim::OneCycleLR>(two<optim::Adam>(optim::AdamOptions{}), 0.5,
                                     optim::OneCycleOptions{.epochs = 5,
                                                            .steps_per_epoch = 11,
                                                            .pct_start = 0.4,
                                                            .anneal_strategy = "linear",
                                                            .base_momentum = 0.8,
                                                            .max_momentum = 0.9,
                                                            .div_factor = 10,
                                                            .final_div_factor = 100,
                                                            .three_phase = true});
     }},
    {"ReduceLROnPlateau",
     [] { return run<optim::ReduceLROnPlateau>(two(), optim::PlateauOptions{.patience = 3}); }},
    {"ReduceLROnPlateau abs",
     [] {
       return run<optim::ReduceLROnPlateau>(two(), optim::PlateauOptions{.factor = 0.5,
                                                                         .patience = 1,
                                                                         .threshold = 0.3,
                                                                         .threshold_mode = "abs",
                                                                         .cooldown = 4,
                                                                         .min_lr = 0.03});
     }},
    {"ReduceLROnPlateau max",
     [] {
       return run<optim::ReduceLROnPlateau>(
           two(), optim::PlateauOptions{.mode = "max", .factor = 0.7, .patience = 2});
     }},
};

void check_rates(const Row& row, const std::vector<double>& got) {
  REQUIRE(got.size() == row.rates.size());
  for (size_t k = 0; k < got.size(); k++) {
    INFO("step " << k);
    CHECK(got[k] == Approx(row.rates[k]).epsilon(1e-9).margin(1e-15));
  }
}

} // namespace

TEST_CASE("schedules follow PyTorch's", "[optim]") {
  size_t compared = 0;
  for (const auto& [name, make] : kRuns) {
    CAPTURE(name);
    Run r = make();
    std::vector<double> rates[2], momenta;
    for (int step = 0; step <= 50; step++) {
      if (step) r.step(step);
      for (size_t g = 0; g < 2; g++)
        rates[g].push_back(r.optimizer->rate(g));
      momenta.push_back(*r.optimizer->momentum(0));
    }
    for (const Row& row : kRows) {
      if (row.name == name) check_rates(row, rates[row.group]);
      if (row.name == name + " momentum") check_rates(row, momenta);
      compared += row.name == name || row.name == name + " momentum";
    }
  }
  CHECK(compared == std::size(kRows));
}

TEST_CASE("schedules refuse what makes none", "[optim]") {
  using namespace optim;
  SGD sgd({zeros({1}).requires_grad_()});
  Adagrad adagrad({zeros({1}).requires_grad_()});
  CHECK_THROWS_WITH(OneCycleLR(sgd, 1, {.total_steps = 5}),
                    Contains("OneCycleLR: the optimizer must have a momentum or beta1 other than 0 "
                             "with cycle_momentum, got none"));
  CHECK_THROWS_WITH(OneCycleLR(adagrad, 1, {.total_steps = 5}), Contains("got none"));
  CHECK_THROWS_WITH(OneCycleLR(sgd, 1, {}),
                    Contains("total_steps, or epochs * steps_per_epoch, must be > 0, got 0"));
  CHECK_THROWS_WITH(OneCycleLR(sgd, {1, 2}, {.total_steps = 5}),
                    Contains("max_lr must be one a group, got 2 for 1"));
  CHECK(sgd.options.lr == 1e-3); // nothing was set
  OneCycleLR once(adagrad, 1, {.total_steps = 2, .cycle_momentum = false});
  once.step();
  once.step();
  double last = adagrad.options.lr;
  CHECK_THROWS_WITH(once.step(), Contains("OneCycleLR: there must be at most 2 steps, got 3"));
  CHECK(adagrad.options.lr == last);
  CHECK(once.last_step() == 2);
  CHECK_THROWS_WITH(CosineAnnealingLR(sgd, 0), Contains("CosineAnnealingLR: T_max must be > 0"));
  CHECK_THROWS_WITH(CosineAnnealingWarmRestarts(sgd, 4, 0), Contains("T_mult must be > 0, got 0"));
  CHECK_THROWS_WITH(ConstantLR(sgd, 2), Contains("ConstantLR: factor must be in 0 .. 1, got 2"));
  CHECK_THROWS_WITH(ReduceLROnPlateau(sgd, {.mode = "low"}),
                    Contains("ReduceLROnPlateau: mode must be \"min\" or \"max\", got \"low\""));
  CHECK_THROWS_WITH(ReduceLROnPlateau(sgd, {.factor = 1}), Contains("factor must be < 1, got 1"));
}

TEST_CASE("schedules that are refused name the user's line", "[optim]") {
  using namespace optim;
  SGD sgd({zeros({1}).requires_grad_()}, {.momentum = 0.9});
  OneCycleLR once(sgd, 1, {.total_steps = 1});
  once.step();
  uint32_t line = 0;
  const std::vector<std::function<void()>> calls = {
      [&] { line = __LINE__, StepLR(sgd, 0); },
      [&] { line = __LINE__, ConstantLR(sgd, 2); },
      [&] { line = __LINE__, LinearLR(sgd, 1, 1, 0); },
      [&] { line = __LINE__, PolynomialLR(sgd, 0); },
      [&] { line = __LINE__, CosineAnnealingLR(sgd, 0); },
      [&] { line = __LINE__, CosineAnnealingWarmRestarts(sgd, 0); },
      [&] { line = __LINE__, OneCycleLR(sgd, 1, {}); },
      [&] { line = __LINE__, ReduceLROnPlateau(sgd, {.factor = 1}); },
      [&] { line = __LINE__, once.step(); },
      [&] { line = __LINE__, once.set_step(-1); },
      [&] { line = __LINE__, with_warmup(-1, exponential_decay(0.5)); },
  };
  for (const auto& call : calls) {
    try {
      call();
      FAIL_CHECK("no error");
    } catch (const Error& e) {
      INFO(e.what());
      CHECK(e.location().line() == line);
      CHECK(std::string(e.location().file_name()) == __FILE__);
    }
  }
}

TEST_CASE("factors of rates", "[optim]") {
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

  SGD opt({zeros({1}).requires_grad_()}, {.lr = 0.4});
  Schedule schedule(opt.options.lr, exponential_decay(0.5));
  CHECK(opt.options.lr == 0.4);
  schedule.step();
  CHECK(opt.options.lr == 0.2);
  schedule.step();
  CHECK(opt.options.lr == 0.1);
  schedule.set_step(0);
  CHECK(opt.options.lr == 0.4);
  CHECK_THROWS_WITH(schedule.set_step(-1), Contains("set_step: the step must be >= 0, got -1"));
  CHECK(schedule.last_step() == 0);
}
