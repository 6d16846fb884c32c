// CompileOptions::deterministic: no call depends on those before it.

#include "region_util.h"

using namespace weft;
using Catch::Contains;
using region_test::ramp;
using region_test::require_equal;

namespace {

CompileOptions deterministic() { return {.deterministic = true}; }

} // namespace

TEST_CASE("the first call of a deterministic region runs the program") {
  auto body = [](const Tensor& x) { return softmax(x * 3, 1).sum(0); };
  auto f = compile(body, deterministic());
  Tensor x = ramp({40, 333});
  const auto first = f(x).to_vector<float>();
  CHECK(f.stats().kernels > 0);
  CHECK(f.stats().eager_segments == 0);
  for (int k = 0; k < 4; k++)
    REQUIRE(f(x).to_vector<float>() == first);
  require_equal(f(x), body(x), 1e-5);
}

TEST_CASE("equal calls of deterministic regions give equal bits, whatever ran before") {
  auto body = [](const Tensor& x, bool keeps_more) {
    Tensor e = exp(x - mean(x, -1, true)), s = sum(e, -1), kept;
    if (keeps_more) kept = e;
    Tensor r = log(s) * 2;
    return std::pair(r, kept);
  };
  auto a = compile(body, deterministic()), b = compile(body, deterministic());
  Tensor x = ramp({17, 301}), y = ramp({5, 1030}), z = ramp({64, 64});
  for (const Tensor& t : {y, z, x, y})
    a(t, true), a(t, false);
  for (const Tensor& t : {x, z, y})
    for (bool more : {false, true})
      REQUIRE(a(t, more).first.to_vector<float>() == b(t, more).first.to_vector<float>());
}

TEST_CASE("training steps, branches on values and writes of deterministic regions") {
  auto train = [](bool compiled) {
    manual_seed(5);
    nn::Sequential net(nn::Linear(6, 16), nn::Tanh(), nn::Dropout(0.25), nn::Linear(16, 1));
    optim::AdamW opt(net.parameters(), {.lr = 0.01});
    auto body = [&](const Tensor& x, const Tensor& y) {
      opt.zero_grad();
      Tensor loss = mse_loss(net(x), y);
      loss.backward();
      if (loss.item<float>() > 0.3f)
        for (const Tensor& p : net.parameters())
          p.grad().mul_(0.5);
      opt.step();
      return loss;
    };
    auto step = compile(body, deterministic());
    std::vector<Tensor> seen;
    for (int k = 0; k < 8; k++) {
      Tensor x = ramp({8, 6}, 0.1 * k), y = sum(x, 1, true);
      seen.push_back((compiled ? step(x, y) : body(x, y)).detach().clone());
    }
    for (const Tensor& p : net.parameters())
      seen.push_back(p.detach());
    seen.push_back(uniform({2}));
    return seen;
  };
  const auto eager = train(false), compiled = train(true), again = train(true);
  for (size_t k = 0; k < eager.size(); k++) {
    require_equal(compiled[k], eager[k], 1e-4);
    REQUIRE(compiled[k].to_vector<float>() == again[k].to_vector<float>());
  }
}

TEST_CASE("errors of deterministic regions are the eager ones") {
  auto f =
      compile([](const Tensor& x, const Tensor& y) { return matmul(x, y) + 1; }, deterministic());
  CHECK_THROWS_WITH(f(ramp({2, 3}), ramp({2, 3})), Contains("matmul"));
  require_equal(f(ramp({2, 3}), ramp({3, 2})), matmul(ramp({2, 3}), ramp({3, 2})) + 1, 1e-6);
  auto g =
      compile([](const Tensor& x, const Tensor& y) { return floor_divide(x, y); }, deterministic());
  CHECK_THROWS_AS(g(tensor({1, 2}), tensor({1, 0})), Error);
  CompileOptions both = deterministic();
  both.background = true;
  CHECK_THROWS_WITH(compile([](const Tensor& x) { return x; }, both), Contains("background"));
}

TEST_CASE("segments of the longest length are followed to their ends") {
  CompileOptions options;
  options.max_segment_ops = 10;
  for (bool fixed : {false, true}) {
    options.deterministic = fixed;
    auto body = [](const Tensor& x) {
      Tensor y = x;
      for (int k = 0; k < 25; k++)
        y = sin(y) + 1;
      return y;
    };
    auto f = compile(body, options);
    for (int k = 0; k < 5; k++)
      require_equal(f(ramp({7}, 0.1 * k)), body(ramp({7}, 0.1 * k)));
    CHECK(f.stats().divergences == 0);
    CHECK(f.stats().segments <= 6);
    CHECK(f.stats().eager_segments == 0);
  }
}
