// What goes wrong inside a region goes wrong as in eager code: the same ops have been done, the
// same error is thrown, and the region lives on.

#include "region_util.h"

#include <thread>

using namespace region_test;

namespace {

Tensor classes(std::vector<int64_t> v) { return tensor(v, Shape{static_cast<int64_t>(v.size())}); }

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

struct CapScope {
  explicit CapScope(size_t room) {
    memory::trim();
    memory::set_cap(memory::stats().live + room);
  }
  ~CapScope() { memory::set_cap(0); }
};

struct Classifier : nn::Module {
  nn::Linear up = child("up", nn::Linear(4, 8)), down = child("down", nn::Linear(8, 3));
  Tensor forward(const Tensor& x) override { return down(relu(up(x))); }
};

/// Trains for some steps, of which one has a target out of range. Returns losses, parameters and
/// the optimizer's state.
std::vector<Tensor> train(bool compiled, int bad_step, int steps) {
  manual_seed(3);
  Classifier net;
  optim::AdamW opt(net.parameters(), {.lr = 1e-2});
  auto step = [&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  };
  auto fast = weft::compile(step);
  std::vector<Tensor> all;
  for (int k = 0; k < steps; k++) {
    const Tensor x = ramp({5, 4}, 0.1 * k);
    const Tensor y = classes({0, 1, k == bad_step ? 3 : 2, 1, 0});
    std::vector<std::vector<float>> before;
    for (const Tensor& p : net.parameters())
      before.push_back(p.to_vector<float>());
    if (k == bad_step) {
      CHECK_THROWS_AS(compiled ? fast(x, y) : step(x, y), Error);
      for (size_t i = 0; i < before.size(); i++)
        CHECK(net.parameters()[i].to_vector<float>() == before[i]);
    } else {
      all.push_back((compiled ? fast(x, y) : step(x, y)).detach());
    }
  }
  for (const Tensor& p : net.parameters())
    all.push_back(p.detach());
  for (const auto& [name, t] : opt.state_dict())
    all.push_back(t);
  return all;
}

} // namespace

TEST_CASE("a train step with a target out of range changes nothing", "[region]") {
  for (int bad_step : {0, 1, 2, 4}) {
    INFO("step " << bad_step);
    const auto eager = train(false, bad_step, 8), compiled = train(true, bad_step, 8);
    REQUIRE(eager.size() == compiled.size());
    for (size_t k = 0; k < eager.size(); k++)
      require_equal(compiled[k], eager[k], 1e-4);
  }
}

TEST_CASE("updates before a refused value are done, those behind it are not", "[region]") {
  struct State {
    Tensor p = ramp({4, 3}), q = ramp({3}), c = zeros({1}), i = classes({1, 2});
  };
  // Which of the updates could run before the check if only their data counted.
  auto body = [](State& s, const Tensor& x, const Tensor& t) {
    s.c.add_(1.0);
    s.i.add_(t);                            // data that the check reads
    Tensor checked = checked_index(s.i, 6); // refuses
    s.q.mul_(0.5);                          // independent of it
    s.p.sub_(x);
    s.c.add_(checked.to(f32).sum()); // dependent on it
    return s.q * 2.0;
  };
  State eager, compiled;
  auto f = compile([&](const Tensor& x, const Tensor& t) { return body(compiled, x, t); });
  int refused = 0;
  for (int k = 0; k < 9; k++) {
    INFO("call " << k);
    const Tensor x = ramp({4, 3}, 0.1 * k), t = classes({k % 3 == 2 ? 7 : 0, 0});
    const std::string want = message_of([&] { body(eager, x, t); });
    const std::string got = message_of([&] { f(x, t); });
    CHECK(want == got);
    refused += !want.empty();
    require_equal(compiled.c, eager.c);
    require_equal(compiled.i, eager.i);
    require_equal(compiled.p, eager.p);
    require_equal(compiled.q, eager.q);
    if (!want.empty()) eager.i.fill_(1), compiled.i.fill_(1);
  }
  CHECK(refused > 1);
}

TEST_CASE("a value nobody reads is checked too, each of its elements", "[region]") {
  auto unread = [](const Tensor& x, const Tensor& t) {
    checked_index(t, 3);
    return x + 1.0;
  };
  auto partly = [](const Tensor& x, const Tensor& t) {
    return slice(checked_index(t, 3), 0, 0, 2).to(f32) + slice(x, 0, 0, 2);
  };
  auto f = compile(unread);
  auto g = compile(partly);
  for (int k = 0; k < 5; k++) {
    INFO("call " << k);
    const Tensor x = ramp({4}), t = classes({0, 1, 2, k == 3 ? 9 : 1});
    CHECK(message_of([&] { f(x, t); }).empty() == (k != 3));
    CHECK(message_of([&] { g(x, t); }).empty() == (k != 3));
  }
}

TEST_CASE("of two refused values the first one in the program is reported", "[region]") {
  auto body = [](const Tensor& x, const Tensor& s, const Tensor& t) {
    Tensor a = checked_index(s, 3) + 1;
    Tensor b = checked_index(t, 5) + 2;
    return a.to(f32) * x + b.to(f32);
  };
  auto f = compile(body);
  const Tensor x = ramp({2}), good = classes({0, 1}), bad = classes({7, 1});
  for (auto [s, t] : {std::pair{good, good}, {good, good}, {bad, bad}, {good, bad}, {bad, good}})
    CHECK(message_of([&] { f(x, s, t); }) == message_of([&] { body(x, s, t); }));
}

TEST_CASE("values from before a failure are real, those behind it say why they are not",
          "[region]") {
  Tensor before, behind;
  auto f = compile([&](const Tensor& x, const Tensor& t) {
    before = x * 2.0;
    Tensor i = checked_index(t, 3);
    behind = i + 1;
    return behind;
  });
  for (int k = 0; k < 3; k++)
    f(ramp({3}), classes({0, 1}));
  behind = {};
  const std::string why = message_of([&] { f(ramp({3}, 5), classes({0, 3})); });
  CHECK_THAT(why, Catch::Contains("checked_index: every element must be in range"));
  CHECK_THAT(why, Catch::Contains("region_failure_test.cpp"));
  require_equal(before, ramp({3}, 5) * 2.0);
  CHECK_THAT(message_of([&] { (void)behind.to_vector<int64_t>(); }),
             Catch::StartsWith("to_vector: checked_index: every element"));
  CHECK_THAT(message_of([&] { (void)(behind + 1); }),
             Catch::StartsWith("add: checked_index: every element"));
  auto g = compile([](const Tensor& x) { return x + 1; });
  for (int k = 0; k < 3; k++)
    CHECK_THAT(message_of([&] { g(behind); }), Catch::Contains("checked_index: every element"));
  require_equal(g(classes({4})), classes({5}));
}

TEST_CASE("a failure where a path divides, and at a boundary between segments", "[region]") {
  CompileOptions options;
  options.hot_branch_segments = 1;
  auto body = [](const Tensor& x, const Tensor& t, Tensor& count, int path) {
    Tensor y = x;
    for (int i = 0; i < 6; i++) {
      count.add_(1.0);
      y = (path >> i & 1) ? y + 1.0 : y * 0.5;
      y = y + checked_index(t, 3).to(f32);
    }
    return y;
  };
  Tensor eager = zeros({1}), compiled = zeros({1});
  auto f = compile(
      [&](const Tensor& x, const Tensor& t, int path) { return body(x, t, compiled, path); },
      options);
  int refused = 0;
  for (int k = 0; k < 80; k++) {
    INFO("call " << k);
    const Tensor x = ramp({2 + k % 3}), t = classes({k % 7 == 6 ? 9 : 1});
    const int path = k * 11 % 64;
    Tensor want, got;
    const std::string expected = message_of([&] { want = body(x, t, eager, path); });
    CHECK(message_of([&] { got = f(x, t, path); }).empty() == expected.empty());
    refused += !expected.empty();
    require_equal(got, want);
    require_equal(compiled, eager);
  }
  CHECK(refused == 11);
}

TEST_CASE("a user's error in one call leaves nothing behind for the next", "[region]") {
  auto f = compile([](const Tensor& x, const Tensor& y) { return x * 2.0 + y; });
  for (int k = 0; k < 200; k++) {
    const Tensor x = ramp({4}), y = ramp({k % 3 == 2 ? 3 : 4}, 0.01 * k);
    if (k % 3 == 2)
      CHECK_THROWS_WITH(f(x, y), Catch::StartsWith("add: shapes must broadcast"));
    else
      require_equal(f(x, y), x * 2.0 + y);
  }
}

TEST_CASE("too little memory is one error, with the updates that eager code has done", "[region]") {
  auto body = [](Tensor& state, const Tensor& x) {
    state.add_(1.0);
    Tensor y = concatenate({x, x, x, x}, 0) * 2.0;
    state.mul_(0.5);
    return y;
  };
  Tensor eager = ramp({64}), compiled = ramp({64});
  const Tensor x = ramp({512, 512});
  auto f = compile([&](const Tensor& t) { return body(compiled, t); });
  for (int k = 0; k < 3; k++)
    f(x), body(eager, x);
  {
    CapScope cap(size_t{1} << 20);
    CHECK_THAT(message_of([&] { body(eager, x); }), Catch::Contains("must fit in memory"));
    CHECK_THAT(message_of([&] { f(x); }), Catch::Contains("must fit in memory"));
  }
  require_equal(compiled, eager);
  require_equal(f(x), body(eager, x));
  require_equal(compiled, eager);
}

TEST_CASE("an object that was moved from says so", "[region]") {
  auto f = compile([](const Tensor& x) { return x + 1.0; });
  f(ramp({2}));
  auto g = std::move(f);
  require_equal(g(ramp({2})), ramp({2}) + 1.0);
  const auto refusal = Catch::StartsWith("compile: a compiled object must not be used after");
  CHECK_THROWS_WITH(f(ramp({2})), refusal);
  CHECK_THROWS_WITH(f.explain(), refusal);
  CHECK_THROWS_WITH(f.stats(), refusal);
}

TEST_CASE("an exception may carry a deferred tensor out of its region", "[region]") {
  struct Found {
    Tensor value;
  };
  auto f = compile([](const Tensor& x, bool fail) {
    Tensor y = x + 1.0;
    if (fail) throw Found{y};
    return y * 2.0;
  });
  for (bool fail : {false, false, true, false, true})
    try {
      require_equal(f(ramp({3}), fail), (ramp({3}) + 1.0) * 2.0);
      CHECK(!fail);
    } catch (const Found& found) {
      CHECK(fail);
      require_equal(found.value, ramp({3}) + 1.0);
    }
}
