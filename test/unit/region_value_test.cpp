// Sizes, scalars, random numbers, liveness, exceptions, nesting, threads.

#include "region_util.h"

#include <thread>

using namespace region_test;

TEST_CASE("sizes that differ run the size-generic form; 1 is structure", "[region]") {
  auto body = [](const Tensor& x, const Tensor& y) {
    return softmax(x * y + 1.0, -1) + relu(y).sum(Dims(0), true);
  };
  auto f = compile(body);
  for (int64_t n : {3, 5, 1, 0, 4, 1, 0, 2, 3, 7, 31}) {
    INFO("n = " << n);
    const Tensor x = ramp({n, 6}), y = ramp({n, 6}, 0.3);
    require_equal(f(x, y), body(x, y), 1e-6);
  }
  CHECK(f.stats().generic_calls > 0);
  CHECK(f.stats().segments <= 4);
}

TEST_CASE("size attributes are arguments", "[region]") {
  auto body = [](const Tensor& x, int64_t start, int64_t stop) {
    return slice(x * 2.0, 0, start, stop) + 1.0;
  };
  auto f = compile(body);
  const Tensor x = ramp({16, 3});
  for (auto [a, b] : {std::pair<int64_t, int64_t>{0, 8}, {1, 9}, {2, 5}, {0, 16}, {3, 4}, {4, 5}})
    require_equal(f(x, a, b), body(x, a, b));
}

TEST_CASE("a user's shape error is the eager one, and the region lives on", "[region]") {
  auto f = compile([](const Tensor& x, const Tensor& y) { return x * 2.0 + y; });
  f(ramp({4}), ramp({4}));
  f(ramp({4}), ramp({4}));
  std::string eager, compiled;
  try {
    (void)(ramp({4}) * 2.0 + ramp({3}));
  } catch (const Error& e) {
    eager = e.what();
  }
  try {
    f(ramp({4}), ramp({3}));
  } catch (const Error& e) {
    compiled = e.what();
  }
  CHECK(eager.substr(0, eager.find(" (at")) == compiled.substr(0, compiled.find(" (at")));
  CHECK(!compiled.empty());
  require_equal(f(ramp({4}), ramp({4})), ramp({4}) * 2.0 + ramp({4}));
}

TEST_CASE("numbers are run-time arguments: no new program", "[region]") {
  const auto s = compare([](int k) { return ramp({5}) * (0.1 * k) + (k - 2.0); }, 8);
  CHECK(s.programs == 1);
  CHECK(s.segments == 1);
}

TEST_CASE("random numbers are one stream in every gear", "[region]") {
  auto body = [](int) { return rand({5}) + randn({5}) * 0.5; };
  manual_seed(7);
  std::vector<Tensor> want;
  for (int k = 0; k < 5; k++)
    want.push_back(body(k));
  manual_seed(7);
  auto f = compile(body);
  for (int k = 0; k < 5; k++)
    require_equal(f(k), want[static_cast<size_t>(k)]);
}

TEST_CASE("a dead random op still takes its number", "[region]") {
  auto body = [](bool use) {
    Tensor noise = rand({3});
    Tensor x = rand({3});
    return use ? x + noise : x;
  };
  manual_seed(3);
  std::vector<Tensor> want = {body(false), body(true), body(false), body(false)};
  manual_seed(3);
  auto f = compile(body);
  for (size_t k = 0; k < 4; k++)
    require_equal(f(k == 1), want[k]);
}

TEST_CASE("a program whose outputs are a superset serves", "[region]") {
  Tensor kept;
  auto f = compile([&](const Tensor& x, bool keep) {
    Tensor y = exp(x);
    if (keep) kept = y;
    return y * 2.0;
  });
  const Tensor x = ramp({6});
  f(x, false);
  f(x, false);
  f(x, true);
  require_equal(kept, exp(x));
  f(x, true);
  kept = {};
  f(x, false);
  require_equal(f(x, true), exp(x) * 2.0);
  require_equal(kept, exp(x));
  CHECK(f.stats().programs == 2);
}

TEST_CASE("recording keeps nothing alive that eager lets go", "[region]") {
  auto body = [](const Tensor& x0) {
    Tensor x = x0;
    for (int k = 0; k < 200; k++)
      x = x * 0.999;
    return x;
  };
  const Tensor x = ramp({1 << 14});
  memory::reset_peak();
  const auto before = memory::stats().live;
  body(x);
  const auto eager = memory::stats().peak - before;
  memory::reset_peak();
  auto f = compile(body);
  f(x);
  CHECK(memory::stats().peak - before <= eager + (1 << 16));
}

TEST_CASE("in-place work before an exception is done, and the region goes on", "[region]") {
  Tensor state = ramp({4}), mirror = ramp({4});
  auto f = compile([&](const Tensor& x, bool fail) {
    state.add_(x);
    if (fail) throw std::runtime_error("user");
    return state * 2.0;
  });
  const Tensor x = ramp({4}, 0.5);
  for (bool fail : {false, false, true, false, true, true, false}) {
    mirror.add_(x);
    if (fail)
      CHECK_THROWS_WITH(f(x, fail), "user");
    else
      require_equal(f(x, fail), mirror * 2.0);
    require_equal(state, mirror);
  }
}

TEST_CASE("nested and recursive regions become part of the outer one", "[region]") {
  auto inner = compile([](const Tensor& x) { return tanh(x) + 1.0; });
  auto outer = [&](int) { return inner(inner(ramp({5})) * 2.0); };
  compare(outer, 5);
  std::function<Tensor(const Tensor&, int)> deep;
  auto recursive =
      compile([&](const Tensor& x, int n) { return n == 0 ? x : deep(x * 0.5 + 1.0, n - 1); });
  deep = [&](const Tensor& x, int n) { return recursive(x, n); };
  for (int round = 0; round < 3; round++)
    for (int n : {0, 1, 4}) {
      Tensor want = ramp({5});
      for (int k = 0; k < n; k++)
        want = want * 0.5 + 1.0;
      require_equal(recursive(ramp({5}), n), want);
    }
}

TEST_CASE("a branch first taken by a call of other sizes has the sizes of each call", "[region]") {
  auto body = [](const Tensor& x, bool branch) {
    const Tensor y = x * 2.0, z = y + y;
    return branch ? exp(z) + y : relu(z);
  };
  auto f = compile(body);
  const int64_t sizes[] = {3, 3, 4, 3, 4, 3, 5};
  for (int k = 0; k < 7; k++) {
    INFO("call " << k);
    const Tensor x = ramp({sizes[k], 2});
    require_equal(f(x, k >= 2), body(x, k >= 2));
  }
}

TEST_CASE("concurrent calls of one compiled object", "[region]") {
  const Tensor w = ramp({8, 8});
  auto body = [&](const Tensor& x) { return relu(matmul(x, w)) + x.sum(Dims(1), true); };
  auto f = compile(body);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; t++)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 50; k++) {
        const Tensor x = ramp({3 + (t + k) % 3, 8}, 0.01 * k);
        const auto got = f(x).template to_vector<float>(),
                   want = body(x).template to_vector<float>();
        for (size_t i = 0; i < got.size(); i++)
          if (!(std::abs(got[i] - want[i]) <= 1e-4f)) wrong++;
      }
    });
  for (auto& t : threads)
    t.join();
  CHECK(wrong == 0);
}

TEST_CASE("another thread that touches a deferred tensor gets an error", "[region]") {
  std::string message;
  auto f = compile([&](const Tensor& x, bool touch) {
    Tensor y = x + 1.0;
    if (touch)
      std::thread([&] {
        try {
          (void)y.item<float>();
        } catch (const Error& e) {
          message = e.what();
        }
      }).join();
    return y;
  });
  const Tensor x = ramp({1});
  f(x, false);
  f(x, false);
  require_equal(f(x, true), x + 1.0);
  CHECK(message.find("another thread") != std::string::npos);
}

TEST_CASE("recorded results may end in another thread while the region records on", "[region]") {
  // Each body is new to the region, which makes room for more and more values.
  auto f = compile([](const Tensor& x, int64_t ops) {
    std::vector<Tensor> made = {x + 1.0};
    std::thread other([&, ending = std::vector<Tensor>(200, made[0])]() mutable {
      for (Tensor& t : ending)
        t = {};
    });
    for (int64_t k = 0; k < ops; k++)
      made.push_back(made.back() + static_cast<double>(k));
    other.join();
    std::thread([&] { made.erase(made.begin(), made.end() - 1); }).join();
    return made.back() * 2.0;
  });
  const Tensor x = ramp({3});
  for (int64_t ops : {1, 40, 300, 5, 300}) {
    Tensor want = x + 1.0;
    for (int64_t k = 0; k < ops; k++)
      want = want + static_cast<double>(k);
    require_equal(f(x, ops), want * 2.0);
  }
}

TEST_CASE("options that make no sense are refused by name", "[region]") {
  auto body = [] { return ones({2}); };
  CHECK_THROWS_WITH(compile(body, {.max_segment_ops = 0}),
                    Catch::StartsWith("compile: max_segment_ops must be at least 1, got 0"));
  CHECK_THROWS_WITH(compile(body, {.verify = -1}),
                    Catch::StartsWith("compile: verify must be at least 0, got -1"));
}
