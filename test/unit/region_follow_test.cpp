// Following: operands by slot, leaves by metadata, segments under one root, branches, boundaries.

#include "region_util.h"

#include <future>
#include <thread>

using namespace region_test;

TEST_CASE("a straight region follows and equals eager", "[region]") {
  const Tensor a = ramp({4, 5}), b = ramp({5}, 0.5);
  const auto s = compare([&](int k) { return gelu(a * b + a) * (1.0 + k); });
  CHECK(s.calls == 5);
  CHECK(s.divergences == 0);
  CHECK(s.programs == 1);
  CHECK(s.ops_recorded > 0);
  CHECK(s.ops_followed == 4 * s.ops_recorded);
}

TEST_CASE("x * x follows itself; x * y is matched by x * x but not the other way", "[region]") {
  const Tensor x = ramp({7}), y = ramp({7}, 0.25);
  SECTION("recorded with two tensors") {
    auto f = compile([](const Tensor& p, const Tensor& q) { return p * q; });
    f(x, y);
    require_equal(f(x, x), x * x);
    require_equal(f(x, y), x * y);
    CHECK(f.stats().divergences == 0);
    CHECK(f.stats().segments == 1);
  }
  SECTION("recorded with one") {
    auto f = compile([](const Tensor& p, const Tensor& q) { return p * q; });
    f(x, x);
    require_equal(f(x, y), x * y);
    require_equal(f(x, x), x * x);
    CHECK(f.stats().segments == 2);
  }
}

TEST_CASE("leaves match by slot: swapped and fresh tensors follow the same path", "[region]") {
  Tensor w[3] = {ramp({6}), ramp({6}, 0.1), ramp({6}, 0.7)};
  const auto s = compare(
      [&](int k) {
        Tensor x = ramp({6}, 0.01 * k); // a fresh tensor each call
        for (int i = 0; i < 3; i++)
          x = x * w[(i + k) % 3] + 1.0;
        return x;
      },
      9);
  CHECK(s.divergences == 0);
  CHECK(s.segments == 1);
}

TEST_CASE("a leaf of another dtype, rank or layout takes another path", "[region]") {
  auto f = compile([](const Tensor& x) { return x + x; });
  const Tensor a = ramp({4, 3});
  for (int round = 0; round < 3; round++) {
    require_equal(f(a), a + a);
    require_equal(f(a.to(f64)), a.to(f64) + a.to(f64));
    require_equal(f(transpose(a, 0, 1)), transpose(a, 0, 1) + transpose(a, 0, 1));
    require_equal(f(ramp({12})), ramp({12}) + ramp({12}));
  }
  CHECK(f.stats().segments == 4);
}

TEST_CASE("a loop of any trip count needs a bounded number of segments", "[region]") {
  auto f = compile([](const Tensor& x0, float limit) {
    Tensor x = x0;
    int steps = 0;
    while (sum(x * x).item<float>() > limit) {
      x = x * 0.5;
      steps++;
    }
    return std::pair(x, steps);
  });
  for (float limit : {10.0f, 0.1f, 1e-3f, 1e-5f, 3.0f, 1e-6f}) {
    Tensor x = ramp({9});
    int steps = 0;
    while (sum(x * x).item<float>() > limit)
      x = x * 0.5, steps++;
    auto [got, got_steps] = f(ramp({9}), limit);
    CHECK(got_steps == steps);
    require_equal(got, x);
  }
  CHECK(f.stats().segments <= 4);
}

TEST_CASE("hot branches become boundaries, so that recording ends", "[region]") {
  unsigned state = 1;
  auto bits = [&] { return (state = state * 1664525u + 1013904223u) >> 16; };
  auto body = [&](unsigned b) {
    Tensor x = ramp({8});
    for (int layer = 0; layer < 12; layer++, b >>= 1)
      x = (b & 1) ? relu(x + 0.25) : x * 0.5;
    return x;
  };
  auto f = compile(body);
  int64_t recorded = 0;
  for (int call = 0; call < 400; call++) {
    const unsigned b = bits();
    const Tensor want = body(b);
    require_equal(f(b), want);
    if (call == 199) recorded = f.stats().ops_recorded;
  }
  CHECK(f.stats().ops_recorded == recorded); // nothing new in the second half
  CHECK(f.stats().segments < 64);
}

TEST_CASE("host values and branches on them are never baked in", "[region]") {
  int counter = 0;
  auto f = compile([&](const Tensor& x) {
    counter++;
    Tensor y = x + static_cast<double>(counter);
    if (max(y).item<float>() > 4.0f) return y * 2.0;
    return y - 1.0;
  });
  const Tensor x = ramp({5});
  for (int k = 1; k <= 6; k++) {
    Tensor y = x + static_cast<double>(k);
    const Tensor want = max(y).item<float>() > 4.0f ? y * 2.0 : y - 1.0;
    require_equal(f(x), want);
  }
  CHECK(counter == 6);
}

TEST_CASE("a segment has a length cap", "[region]") {
  CompileOptions options;
  options.max_segment_ops = 16;
  const auto s = compare(
      [](int) {
        Tensor x = ramp({3});
        for (int k = 0; k < 100; k++)
          x = x * 0.99;
        return x;
      },
      4, 0, options);
  CHECK(s.segments == 2); // of 16 ops, six times, and of 4
  CHECK(s.divergences == 0);
}

TEST_CASE("past its budget a region runs eagerly and says so", "[region]") {
  CompileOptions options;
  options.max_segments = 3;
  auto body = [](int k) {
    Tensor x = ramp({4});
    for (int i = 0; i <= k; i++)
      x = i % 2 ? relu(x) : exp(x * 0.1);
    return x;
  };
  auto f = compile(body, options);
  for (int round = 0; round < 3; round++)
    for (int k = 0; k < 10; k++)
      require_equal(f(k), body(k));
  CHECK(f.stats().segments <= 3);
  CHECK(f.stats().unrecorded > 0);
  CHECK(f.explain().find("budget") != std::string::npos);
}

TEST_CASE("explain names segments, flushes, divergences and lines", "[region]") {
  bool flip = false;
  auto f = compile([&](const Tensor& x) {
    Tensor y = x * 2.0;
    return (flip ? tanh(y) : exp(y)).sum();
  });
  f(ramp({4}));
  f(ramp({4}));
  flip = true;
  f(ramp({4}));
  const std::string text = f.explain();
  INFO(text);
  CHECK(text.find("region_follow_test.cpp:") != std::string::npos);
  CHECK(text.find("segment 0") != std::string::npos);
  CHECK(text.find("end of the region") != std::string::npos);
  CHECK(text.find("3 calls: ") != std::string::npos);
  CHECK(text.find(", 1 divergence, ") != std::string::npos);
  CHECK(text.find("divergence (1 time)") != std::string::npos);
  CHECK(f.explain_json().front() == '{');
}

TEST_CASE("explain counts repeated ops and ends a long list after a whole word", "[region]") {
  auto f = compile([](Tensor x) {
    x = x * 2.0 * 3.0;
    for (int k = 0; k < 60; k++)
      x = k % 2 ? tanh(x) : exp(x * 0.1);
    return x;
  });
  f(ramp({4}));
  const std::string text = f.explain();
  INFO(text);
  CHECK(text.find("1 call: 0 ops followed, 92 recorded; 1 flush, ") != std::string::npos);
  CHECK(text.find("  1 segment, 0 programs, ") != std::string::npos);
  const size_t list = text.find("ops: mul*3 exp tanh mul exp tanh");
  REQUIRE(list != std::string::npos);
  const std::string line = text.substr(list, text.find('\n', list) - list);
  CHECK(line.size() < 180);
  const std::string last = line.substr(0, line.find(" and "));
  CHECK((last.ends_with(" mul") || last.ends_with(" exp") || last.ends_with(" tanh")));
  CHECK(line.substr(line.size() - 5) == " more");
}

TEST_CASE("a program that is compiled in the background comes in when it is there", "[region]") {
  auto body = [](const Tensor& x) { return exp(x) * 2.0 + sum(x); };
  CompileOptions options;
  options.background = true;
  auto f = compile(body, options);
  const Tensor x = ramp({31});
  for (int k = 0; k < 3; k++)
    require_equal(f(x), body(x), 1e-6);
  wait_for_compiles();
  CHECK(f.explain().find("is being compiled") == std::string::npos);
  const int64_t kernels = f.stats().kernels;
  require_equal(f(x), body(x), 1e-6);
  CHECK(f.stats().kernels > kernels);
  CHECK(f.stats().programs == 1);
  CHECK(f.stats().compile_seconds > 0);
}

TEST_CASE("a region may end while its program is compiled", "[region]") {
  CompileOptions options;
  options.background = true;
  for (int k = 1; k < 6; k++) {
    auto f = compile([k](const Tensor& x) { return tanh(x) * (x + 0.25 * k); }, options);
    for (int call = 0; call < 2; call++)
      f(ramp({17, k}));
  }
  wait_for_compiles();
}

TEST_CASE("explain says where the time of a call goes, and why kernels are apart", "[region]") {
  auto f = compile([](const Tensor& x) { return max(softmax(x, 1)) + 1; });
  Tensor x = ramp({64, 100});
  for (int k = 0; k < 100; k++)
    f(x);
  const RegionStats s = f.stats();
  CHECK(s.timed_calls == 4); // the first one recorded
  CHECK(s.timed_seconds > s.timed_run_seconds);
  CHECK(s.timed_run_seconds > 0);
  const std::string text = f.explain();
  CHECK_THAT(text, Catch::Contains("of it in the body (mean of 4 calls)") &&
                       Catch::Contains("a launch takes ") && Catch::Contains("apart: max ("));
}

TEST_CASE("a call follows what another thread recorded after it began") {
  for (bool deterministic : {false, true}) {
    std::promise<void> begun, recorded;
    CompileOptions options;
    options.deterministic = deterministic;
    auto body = [&](const Tensor& x, bool waits) {
      if (waits) {
        begun.set_value();
        recorded.get_future().wait();
      }
      Tensor y = x;
      for (int k = 0; k < 300; k++)
        y = k % 3 ? sin(y) : y * x + x.size(0);
      return y;
    };
    auto f = compile(body, options);
    Tensor x = ramp({5}), got;
    std::thread early([&] { got = f(x, true); });
    begun.get_future().wait();
    const Tensor want = f(x, false);
    recorded.set_value();
    early.join();
    require_equal(got, want, 1e-6);
  }
}
