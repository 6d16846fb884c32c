// Programs that are slower than their ops one by one: found by a trial, and not run again.

#include "region_util.h"

#include "frontend/trial.h"
#include "runtime/program/compile_service.h"

#include <nlohmann/json.hpp>

using namespace weft;
using Catch::Contains;
using region_test::ramp;
using region_test::require_equal;

namespace {

/// Feeds a trial until it is over; returns how many runs of the ops it asked for.
int run(Trial& trial, double program, double ops) {
  int asked = 0;
  for (int k = 0; k < 100 && !trial.is_over(); k++)
    if (trial.wants_ops()) {
      trial.ops_took(ops);
      asked++;
    } else {
      trial.program_took(program);
    }
  REQUIRE(trial.is_over());
  return asked;
}

} // namespace

TEST_CASE("a program that is clearly faster than its ops were is tried once") {
  Trial trial;
  trial.begin(1e6);
  trial.program_took(4e5);
  CHECK(trial.is_over());
  CHECK(trial.slower_by() == 0);
}

TEST_CASE("a short program is not tried") {
  Trial trial;
  trial.begin(100);
  trial.program_took(5'000);
  CHECK(trial.is_over());
  CHECK(trial.slower_by() == 0);
}

TEST_CASE("a program that takes suspiciously long is compared with its ops, in turns") {
  for (double recorded : {0.0, 1.5e5}) {
    Trial slow, fast, alike;
    for (Trial* t : {&slow, &fast, &alike})
      t->begin(recorded);
    CHECK(run(slow, 2e5, 1e5) == 3);
    CHECK(slow.slower_by() == 2);
    CHECK(run(fast, 1e5, 2e5) == 3);
    CHECK(fast.slower_by() == 0);
    CHECK(run(alike, 1.05e5, 1e5) == 3);
    CHECK(alike.slower_by() == 0);
  }
}

TEST_CASE("one slow run does not decide a trial") {
  Trial trial;
  trial.begin(1e5);
  trial.program_took(9e6); // cold
  CHECK(run(trial, 1e5, 1.2e5) == 3);
  CHECK(trial.slower_by() == 0);
}

TEST_CASE("a program that lost its trial is not run again, nor in a later process") {
  auto body = [](const Tensor& x) { return exp(x) * 3 + cos(x * 0.731); };
  Tensor x = ramp({3, 5});
  std::string key;
  {
    auto f = compile(body);
    f(x), f(x);
    key = nlohmann::json::parse(f.explain_json())["segments"][0]["programs"][0]["key"];
    CompileReport report;
    REQUIRE(key.size() == 32);
  }
  auto store = program_store();
  REQUIRE(store);
  {
    auto f = compile(body);
    for (int k = 0; k < 3; k++)
      f(x);
    CHECK(f.stats().kernels > 0);
  }
  keep_verdict(key, 1.5);
  for (bool later : {false, true}) {
    if (later) forget_programs(); // as a new process would
    auto f = compile(body);
    for (int k = 0; k < 4; k++)
      require_equal(f(x), body(x));
    CHECK(f.stats().kernels == 0);
    CHECK_THAT(f.explain(), Contains("not run: it took 1.50 times as long"));
    CompileOptions options;
    options.deterministic = true; // which does not choose by time
    auto g = compile(body, options);
    g(x);
    CHECK(g.stats().kernels > 0);
  }
  keep_verdict(key, 0);
}

TEST_CASE("a pure function whose program lost its trial runs its body") {
  int bodies = 0;
  auto body = [&](const Tensor& x) {
    bodies++;
    return exp(x) * 5 + cos(x * 0.377);
  };
  auto f = compile(body, {.pure = true});
  Tensor x = ramp({3, 5});
  for (int k = 0; k < 5; k++)
    f(x);
  const int before = bodies;
  f(x);
  CHECK(bodies == before);
  const std::string key =
      nlohmann::json::parse(f.explain_json())["segments"][0]["programs"][0]["key"];
  keep_verdict(key, 1.5);
  for (int k = 0; k < 3; k++)
    require_equal(f(x), exp(x) * 5 + cos(x * 0.377));
  CHECK(bodies == before + 3);
  keep_verdict(key, 0);
}
